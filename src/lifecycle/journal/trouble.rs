//! What keeps the journal from being written, and what to do about it.
//! Never ends anything: the exporter works without a journal.

use std::io;
use std::path::{Path, PathBuf};

/// Why the journal is not written now.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The directory is not there and cannot be made.
    #[error("{} cannot be made: {error}; {}", path.display(), remedy(error, path))]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process writes there.
    #[error(
        "another process writes in {}; give each process a directory of its own (for example `directory = \
         \"/var/lib/hangup-2\"` in `[state]`), or end the other one",
        path.display()
    )]
    Taken {
        /// Which directory.
        path: PathBuf,
    },
    /// Something else lies where a file of the journal belongs.
    #[error("{} is not a file; move it away, or name another `directory` in `[state]`", path.display())]
    NotAFile {
        /// What.
        path: PathBuf,
    },
    /// A file cannot be opened or written.
    #[error("{}: {error}; {}", path.display(), remedy(error, path))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Trouble {
    pub(super) fn directory(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Directory { path: path.to_owned(), error }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::File { path: path.to_owned(), error }
    }

    /// Whether the file that is open will do once there is room again.
    pub(super) fn is_lack_of_room(&self) -> bool {
        match self {
            Self::File { path: _, error } => lacks_room(error),
            Self::Directory { .. } | Self::Taken { .. } | Self::NotAFile { .. } => false,
        }
    }
}

fn lacks_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    [StorageFull, QuotaExceeded, FileTooLarge].contains(&error.kind())
}

fn remedy(error: &io::Error, path: &Path) -> String {
    use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    let place = path.parent().unwrap_or(path).display();
    if lacks_room(error) {
        format!(
            "make room on the disk of {place}, or lower `journal_limit` in `[state]` (for example `4MiB`)"
        )
    } else if error.kind() == ReadOnlyFilesystem {
        "mount it for writing, or name another `directory` in `[state]`".to_owned()
    } else if error.kind() == PermissionDenied {
        format!("let the user of this process write in {place}, or name another `directory` in `[state]`")
    } else if error.kind() == NotADirectory {
        "name a directory in `[state]` (for example `directory = \"/var/lib/hangup\"`)".to_owned()
    } else {
        "look at the disk, or name another `directory` in `[state]`".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_says_what_to_do() {
        use io::ErrorKind::{NotADirectory, Other, PermissionDenied, ReadOnlyFilesystem, StorageFull};
        let path = Path::new("/state/journal.jsonl");
        let remedies = [
            (StorageFull, "make room on the disk of /state"),
            (ReadOnlyFilesystem, "mount it for writing"),
            (PermissionDenied, "let the user of this process write in /state"),
            (NotADirectory, "directory = \"/var/lib/hangup\""),
            (Other, "look at the disk"),
        ];
        for (kind, remedy) in remedies {
            let said = Trouble::file(path)(kind.into()).to_string();
            assert!(said.starts_with("/state/journal.jsonl: ") && said.contains(remedy), "{said}");
            assert_eq!(Trouble::file(path)(kind.into()).is_lack_of_room(), kind == StorageFull);
        }
        let taken = Trouble::Taken { path: "/state".into() }.to_string();
        assert!(taken.contains("/state") && taken.contains("hangup-2"), "{taken}");
    }
}
