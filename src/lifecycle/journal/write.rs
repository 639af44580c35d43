//! The file of the journal while it is written: its lock, its end, its safety on the disk.
//! Never leaves half a line behind that a later line would be glued to, and never shares the directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use tracing::warn;

use super::read::{Past, Tail};
use super::rotate;
use super::trouble::Trouble;
use crate::lifecycle::record::{FORMAT, Header};

/// The newer file.
pub(super) const CURRENT: &str = "journal.jsonl";
/// The older file.
pub(super) const OLDER: &str = "journal.1.jsonl";
/// Locked by the process that writes; the files themselves come and go.
const LOCK: &str = "journal.lock";

/// The open file.
#[derive(Debug)]
pub(super) struct Paper {
    pub(super) directory: PathBuf,
    pub(super) file: File,
    /// Its good bytes: after a failed write there may be more on the disk.
    pub(super) length: u64,
    /// Bytes of one file: half of what both may take.
    pub(super) limit: u64,
    /// Bytes of the head with which it began.
    head: u64,
    /// A write failed: its bytes may lie behind the good ones.
    torn: bool,
    _lock: File,
}

impl Paper {
    /// Reads what lies in the directory, and opens it for writing. What can be read is read, even if nothing can be
    /// written; but not `again`, when that was done already.
    pub(super) fn open(directory: &Path, limit: u64, again: bool) -> (Past, Result<Self, Trouble>) {
        let lock = lock(directory).and_then(|lock| {
            rotate::finish(directory).map_err(Trouble::file(&directory.join(CURRENT)))?;
            Ok(lock)
        });
        let mut past = Past::default();
        let lock = match lock {
            Err(trouble) if again => return (past, Err(trouble)),
            lock => lock,
        };
        let older = look(&directory.join(OLDER), &mut past);
        let current = look(&directory.join(CURRENT), &mut past);
        let paper = lock.and_then(|lock| {
            keep_aside(directory, OLDER, older?)?;
            let tail = keep_aside(directory, CURRENT, current?)?;
            let path = directory.join(CURRENT);
            begin(&path, tail).map_err(Trouble::file(&path)).map(|(file, length)| Self {
                directory: directory.to_owned(),
                file,
                length,
                limit: limit / 2,
                head: 0,
                torn: false,
                _lock: lock,
            })
        });
        (past, paper)
    }

    /// Adds a line; if that fails, nothing of it counts.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), Trouble> {
        let path = self.directory.join(CURRENT);
        self.mend().and_then(|()| self.add(line)).map_err(Trouble::file(&path))
    }

    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        self.torn = true;
        self.file.write_all(line)?;
        self.torn = false;
        self.length += length(line);
        Ok(())
    }

    /// Takes the bytes of a failed write back.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Sees to it that what was written survives a power cut. A file that somebody removed meanwhile is an error.
    pub(super) fn sync(&mut self) -> Result<(), Trouble> {
        let path = self.directory.join(CURRENT);
        let synced = self.mend().and_then(|()| self.file.sync_data()).and_then(|()| self.file.metadata());
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it was removed; a new one begins");
        synced
            .and_then(|metadata| if metadata.nlink() == 0 { Err(gone()) } else { Ok(()) })
            .map_err(Trouble::file(&path))
    }

    /// Whether this line wants a new file. One whose head alone fills it grows to twice that: else each line of it would
    /// begin a new one.
    pub(super) fn is_full(&self, line: &[u8]) -> bool {
        self.length + length(line) > self.limit.max(2 * self.head)
    }

    /// The full file becomes the older one, and a new one begins with this head.
    pub(super) fn turn(&mut self, head: &[u8]) -> Result<(), Trouble> {
        let path = self.directory.join(CURRENT);
        self.mend().map_err(Trouble::file(&path))?;
        let (file, length) = rotate::turn(&self.directory, &self.file, head).map_err(Trouble::file(&path))?;
        self.file = file;
        self.length = length;
        self.head = length;
        Ok(())
    }
}

/// The directory, made if it is missing, and its lock.
fn lock(directory: &Path) -> Result<File, Trouble> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(Trouble::directory(directory))?;
    let path = directory.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .map_err(Trouble::file(&path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Trouble::Taken { path: directory.to_owned() }),
        Err(error) => Err(Trouble::file(&path)(error.into())),
    }
}

/// Reads a file, if there is one.
fn look(path: &Path, past: &mut Past) -> Result<Option<Tail>, Trouble> {
    // A link is none: what it leads to is somebody else's, and would be cut and written.
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Trouble::file(path)(error)),
        Ok(metadata) if !metadata.is_file() => return Err(Trouble::NotAFile { path: path.to_owned() }),
        Ok(_) => {}
    }
    let read = File::open(path).and_then(|file| past.read(BufReader::new(file)));
    read.map(Some).map_err(Trouble::file(path))
}

/// A file of another format keeps its content under another name. Gives the tail of what remains.
fn keep_aside(directory: &Path, name: &str, tail: Option<Tail>) -> Result<Option<Tail>, Trouble> {
    let Some(format) = tail.and_then(|tail| tail.foreign) else { return Ok(tail) };
    let path = directory.join(name);
    let kept = directory.join(format!("{}.format-{format}.bak", name.trim_end_matches(".jsonl")));
    fs::rename(&path, &kept).map_err(Trouble::file(&path))?;
    warn!(
        "the journal {} is of format {format} and this version writes format {FORMAT}: it is kept as {} and a new one \
         begins; a version that knows it can go on with it under its old name",
        path.display(),
        kept.display()
    );
    Ok(None)
}

/// The file with its end in order: begun if it is new, cut after its last good line, that line ended.
fn begin(path: &Path, tail: Option<Tail>) -> io::Result<(File, u64)> {
    let mut file =
        OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)?;
    let Tail { mut good, unfinished, foreign: _ } = tail.unwrap_or_default();
    file.set_len(good)?;
    if unfinished {
        file.write_all(b"\n")?;
        good += 1;
    }
    if good == 0 {
        let header = header()?;
        file.write_all(&header)?;
        good = length(&header);
        rotate::sync_directory(path)?;
    }
    Ok((file, good))
}

/// The first line of a file.
pub(super) fn header() -> io::Result<Vec<u8>> {
    let mut header = serde_json::to_vec(&Header { hangup_journal: FORMAT })?;
    header.push(b'\n');
    Ok(header)
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
