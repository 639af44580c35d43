//! The change to a new file: the full one becomes the older one, whose predecessor goes.
//! Never without a whole file at hand: a crash between any two steps leaves a journal that loads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::write::{CURRENT, OLDER, header, length};

/// A file that becomes the newer one when its head is on the disk.
const NEW: &str = "journal.new.jsonl";

/// Gives the new file and its length. `full` must be on the disk under its own name before it gets the other one: the
/// older file is never torn.
pub(super) fn turn(directory: &Path, full: &File, head: &[u8]) -> io::Result<(File, u64)> {
    full.sync_data()?;
    let (current, new) = (directory.join(CURRENT), directory.join(NEW));
    let mut beginning = header()?;
    beginning.extend_from_slice(head);
    let file = write(&new, &beginning).inspect_err(|_| {
        // On a full disk every byte counts.
        let _ = fs::remove_file(&new);
    })?;
    fs::rename(&current, directory.join(OLDER))?;
    // From here on the open file is not the newer one any more: whatever fails, it must not be written any further.
    fs::rename(&new, &current).map_err(io::Error::other)?;
    sync_directory(&current).map_err(io::Error::other)?;
    Ok((file, length(&beginning)))
}

/// Finishes a turn that a crash interrupted between its two renames: the new file has its head, which knows what the one
/// before the older one knew. Without it the next turn would forget that.
pub(super) fn finish(directory: &Path) -> io::Result<()> {
    let (current, new) = (directory.join(CURRENT), directory.join(NEW));
    if fs::symlink_metadata(&current).is_ok() || fs::symlink_metadata(&new).is_err() {
        return Ok(());
    }
    fs::rename(&new, &current)?;
    sync_directory(&current)
}

fn write(path: &Path, beginning: &[u8]) -> io::Result<File> {
    // What a crash left there is of no use.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(path)?;
    file.write_all(beginning)?;
    file.sync_data()?;
    Ok(file)
}

/// Makes the name of a file survive a power cut.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_a_crash_interrupted_is_finished_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        fs::write(path(NEW), "head\n").unwrap();
        finish(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(path(CURRENT)).unwrap(), "head\n");
        assert!(!path(NEW).exists());

        // A turn that ended before its first rename: the new file is of no use.
        fs::write(path(NEW), "he").unwrap();
        finish(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(path(CURRENT)).unwrap(), "head\n");
    }
}
