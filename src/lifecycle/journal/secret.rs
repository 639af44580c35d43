//! The secret beside a journal under which its topics are hashed: the same topic is known again after a restart, and who has
//! the journal alone cannot try all addresses that a topic could hold. Never in a line of the journal.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Where it is kept.
const NAME: &str = "topics.key";

/// The secret of this directory: what is there, or else `fresh`, which is kept there if that can be done.
pub(super) fn of(directory: &Path, fresh: [u8; 32]) -> [u8; 32] {
    let path = directory.join(NAME);
    // Without it the packets of an earlier run are strangers to those of this one, and nothing else is lost.
    read(&path).or_else(|_| write(&path, fresh)).unwrap_or(fresh)
}

fn read(path: &Path) -> io::Result<[u8; 32]> {
    let mut file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let mut secret = [0; 32];
    file.read_exact(&mut secret)?;
    Ok(secret)
}

fn write(path: &Path, fresh: [u8; 32]) -> io::Result<[u8; 32]> {
    // One that is cut short, or a link, makes room.
    let _ = std::fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&fresh)?;
    file.sync_data()?;
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_directory_keeps_its_secret_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(of(directory.path(), [1; 32]), [1; 32]);
        assert_eq!(of(directory.path(), [2; 32]), [1; 32]);
        let path = directory.path().join(NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "torn").unwrap();
        assert_eq!(of(directory.path(), [3; 32]), [3; 32]);
        assert_eq!(of(directory.path(), [4; 32]), [3; 32]);
    }

    #[test]
    fn a_link_is_not_followed_and_a_missing_directory_is_no_fault() {
        let directory = tempfile::tempdir().unwrap();
        let precious = directory.path().join("precious");
        std::fs::write(&precious, [9; 32]).unwrap();
        symlink(&precious, directory.path().join(NAME)).unwrap();
        assert_eq!(of(directory.path(), [1; 32]), [1; 32]);
        assert_eq!(std::fs::read(&precious).unwrap(), [9; 32]);
        assert_eq!(of(&directory.path().join("nowhere"), [5; 32]), [5; 32]);
    }
}
