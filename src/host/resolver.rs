//! Notices that the resolver is configured anew: other name servers, other search domains.
//!
//! Never keeps what it reads, and takes a file that cannot be read for unknown, not for changed.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::PathBuf;
use std::time::SystemTime;

/// What programs read; and what lies behind it where systemd resolves, whose stub never changes.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// Resolvers themselves read less.
const LONGEST: u64 = 64 * 1024;

/// The configuration of the resolver as it was seen last.
#[derive(Debug)]
pub(super) struct Resolver(Vec<Watched>);

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// Modification time and length: while they stay, it is not read.
    touched: Option<(SystemTime, u64)>,
    content: Option<u64>,
}

impl Resolver {
    /// Looks for the first time.
    pub(super) fn new() -> Self {
        Self::of(FILES.map(PathBuf::from))
    }

    fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let watched = paths.into_iter().map(|path| Watched { path, touched: None, content: None });
        let mut resolver = Self(watched.collect());
        let _ = resolver.changed();
        resolver
    }

    /// Whether there is anything to watch.
    pub(super) fn is_known(&self) -> bool {
        self.0.iter().any(|watched| watched.content.is_some())
    }

    /// Whether it says something else than at the last look.
    pub(super) fn changed(&mut self) -> bool {
        // Each is looked at, so that what changed in two places is told once.
        self.0.iter_mut().map(Watched::changed).filter(|changed| *changed).count() > 0
    }
}

impl Watched {
    fn changed(&mut self) -> bool {
        let Ok(found) = fs::metadata(&self.path) else {
            // A file that is being replaced may be missing for a moment.
            self.touched = None;
            return false;
        };
        let touched = found.modified().ok().map(|modified| (modified, found.len()));
        if touched.is_some() && touched == self.touched {
            return false;
        }
        let Some(content) = self.read() else { return false };
        self.touched = touched;
        self.content.replace(content).is_some_and(|before| before != content)
    }

    /// A number for all that counts in it: comments do not.
    fn read(&self) -> Option<u64> {
        let mut text = Vec::new();
        File::open(&self.path).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
        let mut hasher = DefaultHasher::new();
        for line in String::from_utf8_lossy(&text).lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with(['#', ';']) {
                line.hash(&mut hasher);
            }
        }
        Some(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    /// Writes it with a modification time of its own: two writes may fall into one tick of the file system's clock.
    fn write(path: &Path, text: &str, time: u64) {
        fs::write(path, text).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + time);
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }

    #[test]
    fn other_servers_are_a_change_that_is_told_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        write(&path, "nameserver 192.0.2.1\n", 1);
        let mut resolver = Resolver::of([path.clone()]);
        assert!(!resolver.changed());
        write(&path, "nameserver 192.0.2.2\n", 2);
        assert!(resolver.changed());
        assert!(!resolver.changed());
    }

    #[test]
    fn a_touch_and_a_comment_are_no_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        write(&path, "nameserver 192.0.2.1\n", 1);
        let mut resolver = Resolver::of([path.clone()]);
        write(&path, "nameserver 192.0.2.1\n", 2);
        assert!(!resolver.changed());
        write(&path, "# written at noon\n\n  nameserver 192.0.2.1\n", 3);
        assert!(!resolver.changed());
    }

    #[test]
    fn a_file_that_is_missing_for_a_while_is_compared_with_what_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        write(&path, "nameserver 192.0.2.1\n", 1);
        let mut resolver = Resolver::of([path.clone()]);
        fs::remove_file(&path).unwrap();
        assert!(!resolver.changed());
        write(&path, "nameserver 192.0.2.1\n", 2);
        assert!(!resolver.changed());
        fs::remove_file(&path).unwrap();
        assert!(!resolver.changed());
        write(&path, "nameserver 192.0.2.2\n", 3);
        assert!(resolver.changed());
    }

    #[test]
    fn where_there_is_no_file_it_is_unknown_until_there_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        let mut resolver = Resolver::of([path.clone(), directory.path().to_owned()]);
        assert!(!resolver.is_known());
        write(&path, "nameserver 192.0.2.1\n", 1);
        assert!(!resolver.changed(), "what was not known has not changed");
        assert!(resolver.is_known());
    }
}
