//! Opening the file: making it, setting a damaged one aside, and reading one that cannot be written.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Mutex;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, ffi};

use super::access::{LOGS, is_own, is_protected, log, make_directory, narrow, private_file};
use super::{BUSY_TIMEOUT, Cache, CacheError, damage, schema};

/// More than there are, so that none is parsed twice.
const STATEMENTS_KEPT: usize = 64;

impl Cache {
    /// Opens the file, makes it and its directory if they are not there, brings its schema up to date. A damaged file
    /// is set aside first; [`Cache::set_aside`] tells. A file that can only be read is opened for that;
    /// [`Cache::read_only`] tells.
    ///
    /// # Errors
    ///
    /// Among others [`CacheError::TooNew`], with the file untouched.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        if let Some(cache) = Self::open_at_rest(path) {
            return Ok(cache);
        }
        match Self::open_sound(path) {
            Err(CacheError::Damaged { .. }) => {
                let set_aside = damage::set_aside(path)?;
                Ok(Self { set_aside, ..Self::open_sound(path)? })
            }
            Err(why @ CacheError::CannotWrite { .. }) => match open_for_reading(path) {
                Some(connection) => Ok(Self::new(path, connection, Some(why))),
                None => Err(why),
            },
            outcome => outcome,
        }
    }

    /// Opens a file of one's own that cannot be written and that nobody has at work. SQLite would make a log beside it, with
    /// the file's own permissions: once the file can be written again, the log could not. Whose file is someone else's may
    /// be written by that one at any time, which an open file must see.
    fn open_at_rest(path: &Path) -> Option<Self> {
        if !is_protected(path) || !is_own(path) || log(path, "-wal").exists() || damage::is_marked(path) {
            return None;
        }
        let connection = open_for_reading(path)?;
        Some(Self::new(path, connection, Some(CacheError::read_only(path))))
    }

    fn open_sound(path: &Path) -> Result<Self, CacheError> {
        let failed = |source| CacheError::new(path, source);
        make(path)?;
        open_log_to_owner(path);
        refuse_newer(path)?;
        let mut connection = Connection::open(path).map_err(failed)?;
        prepare(&connection).map_err(failed)?;
        if schema::version(&connection).map_err(failed)? == 0 {
            narrow(path);
        }
        schema::bring_up_to_date(&mut connection).map_err(failed)?;
        schema::check(&connection).map_err(failed)?;
        let has_protected_log = LOGS.iter().any(|suffix| is_protected(&log(path, suffix)));
        if has_protected_log || connection.is_readonly(MAIN_DB).map_err(failed)? {
            return Ok(Self::new(path, connection, Some(CacheError::read_only(path))));
        }
        schema::prefer_wal(&connection);
        Ok(Self::new(path, connection, None))
    }

    fn new(path: &Path, connection: Connection, read_only: Option<CacheError>) -> Self {
        Self { path: path.to_owned(), connection: Mutex::new(connection), set_aside: None, read_only }
    }
}

/// Nothing in the file is run: it holds rows, and whoever wrote triggers or views into it is not obeyed.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Plans without a look at the values, which would have each statement parsed again for each of them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    Ok(())
}

/// Looks at the version without a right to write, so that a file of a newer release stays as it is to the last byte;
/// but what a kill has cut short in it must be taken back before it can be read.
fn refuse_newer(path: &Path) -> Result<(), CacheError> {
    let look = |access| look_at_version(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let version = match look(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(error) if is_cut_short(&error) => look(OpenFlags::SQLITE_OPEN_READ_WRITE),
        looked => looked,
    };
    let version = version.map_err(|source| CacheError::new(path, source))?;
    let known = schema::KNOWN_VERSION;
    if version > known {
        return Err(CacheError::TooNew { path: path.to_owned(), version, known });
    }
    Ok(())
}

fn look_at_version(path: &Path, flags: OpenFlags) -> rusqlite::Result<i64> {
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    if damage::is_marked(path) {
        damage::check(&connection)?;
        damage::unmark(path);
    }
    schema::version(&connection)
}

/// Returns whether the file has a change in it that was not ended, which only a writer can take back or put in.
fn is_cut_short(error: &rusqlite::Error) -> bool {
    const CODES: [i32; 2] = [ffi::SQLITE_READONLY_ROLLBACK, ffi::SQLITE_READONLY_RECOVERY];
    error.sqlite_error().is_some_and(|error| CODES.contains(&error.extended_code))
}

/// Opens a file where nothing can be written beside it, as SQLite's log would have to be. What stands in the log of
/// another process could not be seen, nor what its journal would take back, so there must be neither.
fn open_for_reading(path: &Path) -> Option<Connection> {
    let is_empty = |suffix| fs::metadata(log(path, suffix)).map_or(true, |file| file.len() == 0);
    if !["-wal", "-journal"].into_iter().all(is_empty) {
        return None;
    }
    let mut url = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => url.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => url.push(char::from(*byte)),
            byte => url.push_str(&format!("%{byte:02x}")),
        }
    }
    url.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(url, flags).ok()?;
    prepare(&connection).ok()?;
    let is_known = schema::version(&connection).ok()? == schema::KNOWN_VERSION;
    (is_known && schema::check(&connection).is_ok()).then_some(connection)
}

/// Makes sure that there is a file, perhaps an empty one. What SQLite makes beside it has the file's own permissions.
fn make(path: &Path) -> Result<(), CacheError> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() => return Ok(()),
        Ok(there) => {
            let kind = there.file_type();
            let what = match () {
                () if kind.is_dir() => "a directory",
                () if kind.is_fifo() => "a pipe",
                () if kind.is_socket() => "a socket",
                () => "a device",
            };
            return Err(CacheError::NotAFile { path: path.to_owned(), what });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(CacheError::CannotRead { path: path.to_owned(), why: error.to_string() });
        }
    }
    if let Some(directory) = path.parent() {
        make_directory(directory)
            .map_err(|source| CacheError::Directory { path: directory.to_owned(), source })?;
    }
    let made = private_file().create(true).truncate(false).write(true).open(path).map(drop);
    made.map_err(|error| CacheError::CannotWrite { path: path.to_owned(), why: error.to_string() })
}

/// A log that was made while its file could only be read can only be read, too. Where the file can be written by now, its
/// owner gets both back.
fn open_log_to_owner(path: &Path) {
    let Ok(permissions) = fs::metadata(path).map(|file| file.permissions()) else { return };
    if is_protected(path) {
        return;
    }
    for log in LOGS.map(|suffix| log(path, suffix)) {
        if is_protected(&log) {
            // If it is someone else's, the cache can only be read, and that is said.
            let _ = fs::set_permissions(&log, permissions.clone());
        }
    }
}
