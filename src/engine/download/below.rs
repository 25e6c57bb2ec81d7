//! Places below a directory, which no name of an archive leads out of.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::place::{directory_of, sync_directory_of};
use crate::types::InvalidValue;

/// The longest name that file systems take.
const FILE_NAME_MAX_BYTES: usize = 255;

/// A file below a directory; both need not be there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaceBelow {
    directory: PathBuf,
    file: PathBuf,
}

impl PlaceBelow {
    /// Returns the place that a name has below the directory: one with directories in it keeps them.
    ///
    /// # Errors
    ///
    /// When no file can have that name, or it leads to a place elsewhere.
    pub fn new(directory: &Path, name: &str) -> Result<Self, InvalidValue> {
        let refuse = |why: &str| Err(InvalidValue(why.to_owned()));
        if name.contains('\0') {
            return refuse("its name has a zero byte in it");
        }
        let mut below = PathBuf::new();
        for component in Path::new(name).components() {
            match component {
                Component::Normal(part) if part.len() > FILE_NAME_MAX_BYTES => {
                    return refuse("a part of its name has more than 255 bytes");
                }
                Component::Normal(part) => below.push(part),
                Component::CurDir => {}
                Component::ParentDir => return refuse("its name has '..' in it"),
                Component::RootDir | Component::Prefix(_) => return refuse("its name begins with '/'"),
            }
        }
        if below.as_os_str().is_empty() || name.ends_with('/') {
            return refuse("its name is none that a file could have");
        }
        Ok(Self { directory: directory.to_owned(), file: directory.join(below) })
    }

    /// Returns the path of the file, as the directory's was given.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Returns where the file really is, behind all links.
    ///
    /// # Errors
    ///
    /// When it cannot be there, or is not below the directory: a link on the way leads out of it.
    pub fn real_path(&self) -> io::Result<PathBuf> {
        let inside = Inside::of(&self.directory)?;
        let mut real = inside.real(&self.directory)?;
        let mut there = self.directory.clone();
        let below = self.file.strip_prefix(&self.directory).unwrap_or(&self.file);
        for part in below {
            // One look, as another download may make the directory meanwhile.
            if real.metadata().is_ok_and(|there| !there.is_dir()) {
                let why = format!("{} is no directory", real.display());
                return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
            }
            there.push(part);
            real = inside.real(&there)?;
        }
        Ok(real)
    }

    /// Makes the directories that are missing on the way to the file; they last through a loss of power when this
    /// returns.
    pub(super) fn make_directories(&self) -> io::Result<()> {
        self.real_path()?;
        make(directory_of(&self.file))
    }
}

/// A directory that is not to be left.
struct Inside {
    /// Nothing is behind a link of a directory that is not there.
    real: Option<PathBuf>,
}

impl Inside {
    fn of(directory: &Path) -> io::Result<Self> {
        match directory.canonicalize() {
            Ok(real) => Ok(Self { real: Some(real) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !directory.is_symlink() => {
                Ok(Self { real: None })
            }
            Err(error) => Err(error),
        }
    }

    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let Some(directory) = &self.real else { return Ok(path.to_owned()) };
        match path.canonicalize() {
            Ok(real) if real.starts_with(directory) => Ok(real),
            Ok(real) => {
                let why = format!("a link leads out of the directory, to {}", real.display());
                Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Err(error) if path.is_symlink() => {
                Err(io::Error::new(error.kind(), "it is a link to what is not there"))
            }
            Err(_) => match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) => Ok(self.real(parent)?.join(name)),
                _ => Ok(path.to_owned()),
            },
        }
    }
}

fn make(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Ok(()) => sync_directory_of(directory),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(directory_of(directory))?;
            make(directory)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn place(directory: &Path, name: &str) -> PlaceBelow {
        PlaceBelow::new(directory, name).expect("a place")
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for (name, expected) in [
            ("a", "d/a"),
            ("a/b c", "d/a/b c"),
            ("./a//b", "d/a/b"),
            ("..a/b..", "d/..a/b.."),
            ("a\nb", "d/a\nb"),
        ] {
            assert_eq!(place(Path::new("d"), name).path(), Path::new(expected), "{name}");
        }
        let long = format!("a/{}", "x".repeat(256));
        for (name, why) in [
            ("../x", "'..'"),
            ("a/../b", "'..'"),
            ("a/..", "'..'"),
            ("/etc/passwd", "begins with '/'"),
            ("//x", "begins with '/'"),
            ("", "none that a file could have"),
            (".", "none that a file could have"),
            ("a/", "none that a file could have"),
            ("a\0b", "zero byte"),
            (&long, "255"),
        ] {
            let refused = PlaceBelow::new(Path::new("d"), name).expect_err(name).to_string();
            assert!(refused.contains(why), "{name}: {refused}");
        }
    }

    #[test]
    fn no_link_leads_out() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join("d");
        fs::create_dir_all(directory.join("in/deep")).expect("made");
        fs::create_dir(home.path().join("out")).expect("made");
        fs::write(home.path().join("out/file"), "x").expect("written");
        fs::write(directory.join("file"), "x").expect("written");
        for (link, to) in [
            ("out", "../out"),
            ("round", "../d/in"),
            ("sibling", "in"),
            ("away", "/nowhere/at/all"),
            ("file-out", "../out/file"),
            ("file-in", "file"),
        ] {
            symlink(to, directory.join(link)).expect("a link");
        }
        for name in ["out/x", "out/a/b", "away/x", "away", "file-out", "file/x", "file-in/x"] {
            let place = place(&directory, name);
            assert!(place.real_path().is_err() && place.make_directories().is_err(), "{name}");
        }
        assert_eq!(fs::read_dir(home.path().join("out")).expect("there").count(), 1);
        let real = directory.canonicalize().expect("there");
        for (name, expected) in [
            ("round/x", "in/x"),
            ("sibling/new/x", "in/new/x"),
            ("file-in", "file"),
            ("new/x", "new/x"),
            ("in/deep", "in/deep"),
        ] {
            assert_eq!(place(&directory, name).real_path().expect("a place"), real.join(expected), "{name}");
        }
        place(&directory, "sibling/new/x").make_directories().expect("made");
        assert!(directory.join("in/new").is_dir());
    }

    /// A directory that came to be between two looks was "no directory", and one of several downloads failed.
    #[test]
    fn a_directory_may_be_made_by_another_meanwhile() {
        let home = tempfile::tempdir().expect("a directory");
        let place = place(home.path(), "a/file");
        let has_looked = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !has_looked.load(std::sync::atomic::Ordering::Relaxed) {
                    fs::create_dir(home.path().join("a")).expect("made");
                    fs::remove_dir(home.path().join("a")).expect("removed");
                }
            });
            let looked: Vec<_> =
                (0..20_000).map(|_| place.real_path().map_err(|error| error.to_string())).collect();
            has_looked.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(looked.into_iter().find_map(Result::err), None);
        });
    }

    #[test]
    fn the_directory_itself_is_made_too() {
        let home = tempfile::tempdir().expect("a directory");
        let new = place(&home.path().join("a/b"), "c/file");
        new.make_directories().expect("made");
        new.make_directories().expect("there");
        assert!(home.path().join("a/b/c").is_dir());
        fs::write(home.path().join("plain"), "x").expect("written");
        for directory in ["plain", "plain/below"] {
            let place = place(&home.path().join(directory), "file");
            assert!(place.real_path().is_err() && place.make_directories().is_err(), "{directory}");
        }
    }
}
