//! Locks between the processes of a machine: files beside the cache.

use std::fs::File;
use std::io;
use std::path::Path;

use super::access::{make_directory, private_file};

/// A lock that is held until this is dropped. It is given back in words: a program that this process starts at that moment has
/// the file too, until it is loaded.
#[derive(Debug)]
pub(super) struct Held(pub(super) File);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Opens the file of a lock, which is made if it is not there; whoever opens it takes the lock.
pub(super) fn lock_file(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    private_file().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_being_started_does_not_keep_a_lock() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || lock_file(&directory.path().join("lock")).expect("opens");
        let file = open();
        file.try_lock().expect("is free");
        let _of_another = file.try_clone().expect("is held");
        let held = Held(file);
        assert!(open().try_lock().is_err());
        drop(held);
        assert!(open().try_lock().is_ok());
    }
}
