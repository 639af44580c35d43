//! The diagnostics file: the export, written now and then where others read it (Home Assistant, a backup, a script).
//!
//! Never half written: a reader finds the old file or the new one. Never removes a file that it could not have written.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::clock::{Now, now};
use crate::config::{Diagnostics, FileNames};
use crate::host::Timeline;
use crate::lifecycle::board::Board;
use crate::lifecycle::export::Export;
use crate::telemetry::ExporterMetrics;

/// The last file is given so long when we stop: a disk that hangs must not keep us.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// Others may read it: it holds no secret, and Home Assistant runs as somebody else.
const MODE: u32 = 0o644;

/// Files that this process began to write.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Where the export comes from.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) board: Arc<Board>,
    pub(super) host: Timeline,
    pub(super) metrics: ExporterMetrics,
    pub(super) started: Now,
}

/// The file as the configuration wants it now.
pub(super) struct Files {
    config: Diagnostics,
    sources: Sources,
    writer: Option<Writer>,
}

impl Files {
    /// Begins to write, if the configuration names a file.
    pub(super) fn start(config: Diagnostics, sources: Sources) -> Self {
        Self { writer: Writer::start(config.clone(), sources.clone()), config, sources }
    }

    /// Goes on as a configuration wants it that was read anew.
    pub(super) async fn apply(&mut self, config: Diagnostics) {
        if config != self.config {
            self.stop().await;
            *self = Self::start(config, self.sources.clone());
        }
    }

    /// Writes once more and ends.
    pub(super) async fn stop(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.stop().await;
        }
    }
}

/// Writes the file until it is stopped.
struct Writer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Writer {
    fn start(config: Diagnostics, sources: Sources) -> Option<Self> {
        let place = Place::of(config.file?, config.names, config.keep);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(place, config.interval, sources, stopped));
        Some(Self { stop, task })
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        if tokio::time::timeout(LAST_WRITE, self.task).await.is_err() {
            warn!("the last diagnostics file was not written in {LAST_WRITE:?}; the one before it stays");
        }
    }
}

async fn run(place: Place, interval: Duration, sources: Sources, mut stopped: oneshot::Receiver<()>) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut health = Health::Unknown;
    loop {
        let last = tokio::select! {
            _ = &mut stopped => true,
            _ = ticks.tick() => false,
        };
        let (place, sources) = (place.clone(), sources.clone());
        let outcome = tokio::task::spawn_blocking(move || write(&place, &sources)).await;
        let outcome = outcome.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        health = health.after(&outcome);
        if last {
            return;
        }
    }
}

fn write(place: &Place, Sources { board, host, metrics, started }: &Sources) -> io::Result<()> {
    let now = now();
    let export = Export::of(&board.snapshot(), &host.all(), *started, now);
    let written = serde_json::to_vec_pretty(&export)
        .map_err(io::Error::from)
        .and_then(|json| place.replace(&json, now.wall))
        .map_err(|fault| io::Error::new(fault.kind(), format!("{}: {fault}", place.file.display())));
    metrics.diagnostics_written(written.is_ok(), now);
    written
}

/// Whether the last write succeeded: only a change is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Unknown,
    Good,
    Bad,
}

impl Health {
    fn after(self, outcome: &io::Result<()>) -> Self {
        match (self, outcome) {
            (Self::Unknown | Self::Good, Ok(())) => Self::Good,
            (Self::Bad, Ok(())) => {
                info!("the diagnostics file is written again");
                Self::Good
            }
            (Self::Unknown | Self::Good, Err(fault)) => {
                warn!(%fault, "the diagnostics file cannot be written; tried again each time, and said when it works");
                Self::Bad
            }
            (Self::Bad, Err(_)) => Self::Bad,
        }
    }
}

/// Where the file goes.
#[derive(Clone, Debug)]
struct Place {
    file: PathBuf,
    names: FileNames,
    keep: usize,
}

impl Place {
    fn of(file: PathBuf, names: FileNames, keep: usize) -> Self {
        Self { file, names, keep }
    }

    /// Puts a new file in the place of the old one, or beside the older ones.
    fn replace(&self, content: &[u8], at: SystemTime) -> io::Result<()> {
        match self.names {
            FileNames::Fixed => replace(&self.file, content),
            FileNames::Timestamped => {
                let name = self.name(at);
                replace(&self.file.with_file_name(&name), content)?;
                self.tidy(&name)
            }
        }
    }

    /// `diagnostics.json` becomes `diagnostics-20260301T120000Z.json`.
    fn name(&self, at: SystemTime) -> String {
        let (stem, ending) = self.parts();
        let time = humantime::format_rfc3339_seconds(at).to_string().replace(['-', ':'], "");
        format!("{stem}-{time}{ending}")
    }

    /// The name before the time, and what comes after it.
    fn parts(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let ending = text(self.file.extension()).map(|ending| format!(".{ending}"));
        (text(self.file.file_stem()).unwrap_or_default(), ending.unwrap_or_default())
    }

    /// Removes the oldest of our own files, but those from the future first: they are of a clock that was wrong.
    fn tidy(&self, newest: &str) -> io::Result<()> {
        let directory = directory(&self.file);
        let mut ours: Vec<String> = fs::read_dir(directory)?
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| self.wrote(name))
            .collect();
        // The time in the name orders them.
        ours.sort_by(|one, other| (&**one <= newest, one).cmp(&(&**other <= newest, other)));
        let surplus = ours.len().saturating_sub(self.keep);
        ours.iter().take(surplus).try_for_each(|name| fs::remove_file(directory.join(name)))
    }

    /// Whether this is a name of ours: anything else in the directory is somebody else's.
    fn wrote(&self, name: &str) -> bool {
        let (stem, ending) = self.parts();
        let time = name.strip_prefix(&*stem).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(&*ending));
        time.is_some_and(|time| {
            time.len() == 16
                && time.bytes().enumerate().all(|(place, byte)| match place {
                    8 => byte == b'T',
                    15 => byte == b'Z',
                    _ => byte.is_ascii_digit(),
                })
        })
    }
}

/// Writes a file beside it and lets it take its place, so that even a power failure leaves one of the two.
pub(crate) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    // A write that hangs may still be under way when the next one begins.
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let beside = file.with_file_name(format!(".{name}.{}.{number}.new", std::process::id()));
    let written = written(&beside, content).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
        return written;
    }
    // The name is on the disk only when its directory is; where that cannot be asked for, the file is there all the same.
    let _ = File::open(directory(file)).and_then(|directory| directory.sync_all());
    Ok(())
}

fn written(beside: &Path, content: &[u8]) -> io::Result<()> {
    // What a crash left there is of no use; and a link that somebody put there is not followed.
    let _ = fs::remove_file(beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(beside)?;
    file.write_all(content)?;
    // Whatever the umask is: who may enter the directory may read it.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.sync_all()
}

fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[tokio::test]
    async fn a_configuration_read_anew_moves_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let at =
            |name: &str| Diagnostics { file: Some(directory.path().join(name)), ..Diagnostics::default() };
        let started = now();
        let sources = Sources {
            board: Arc::default(),
            host: Timeline::default(),
            metrics: Metrics::started(started).exporter().clone(),
            started,
        };
        let mut files = Files::start(at("one.json"), sources);
        files.apply(at("two.json")).await;
        assert!(directory.path().join("one.json").exists(), "the old one has its last state");
        files.apply(Diagnostics::default()).await;
        assert!(directory.path().join("two.json").exists());
        assert!(files.writer.is_none(), "none is named any more");
    }

    fn place(directory: &Path, names: FileNames, keep: usize) -> Place {
        Place::of(directory.join("state.json"), names, keep)
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn at(minute: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600 + 60 * minute)
    }

    #[test]
    fn a_fixed_name_is_replaced_and_readable_by_others() {
        let directory = tempfile::tempdir().unwrap();
        let place = place(directory.path(), FileNames::Fixed, 3);
        place.replace(b"a longer first one", at(0)).unwrap();
        place.replace(b"second", at(1)).unwrap();
        assert_eq!(names(directory.path()), ["state.json"]);
        assert_eq!(fs::read(&place.file).unwrap(), b"second");
        assert_eq!(fs::metadata(&place.file).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn only_the_newest_of_our_own_files_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let strangers = [
            "state-20250101T000000Z.json.bak",
            "state-2025.json",
            "state.json",
            "mystate-20250101T000000Z.json",
            "state-20250101-000000Z.json",
        ];
        for name in strangers {
            fs::write(directory.path().join(name), "somebody's").unwrap();
        }
        let place = place(directory.path(), FileNames::Timestamped, 2);
        for minute in 0..4 {
            place.replace(b"{}", at(minute)).unwrap();
        }
        let mut expected: Vec<_> = strangers.map(str::to_owned).to_vec();
        expected.extend(["state-20250101T000200Z.json", "state-20250101T000300Z.json"].map(str::to_owned));
        expected.sort();
        assert_eq!(names(directory.path()), expected);
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_cost_the_newest_file() {
        let directory = tempfile::tempdir().unwrap();
        let place = place(directory.path(), FileNames::Timestamped, 2);
        let years = 40 * 365 * 24 * 60;
        for minute in [years, years + 1, 0, 1] {
            place.replace(b"{}", at(minute)).unwrap();
        }
        assert_eq!(names(directory.path()), ["state-20250101T000000Z.json", "state-20250101T000100Z.json"]);
    }

    #[test]
    fn a_directory_with_a_name_of_ours_does_not_stop_the_tidying() {
        let directory = tempfile::tempdir().unwrap();
        let place = place(directory.path(), FileNames::Timestamped, 1);
        fs::create_dir(directory.path().join("state-20200101T000000Z.json")).unwrap();
        for minute in 0..3 {
            place.replace(b"{}", at(minute)).unwrap();
        }
        let left = ["state-20200101T000000Z.json", "state-20250101T000200Z.json"];
        assert_eq!(names(directory.path()), left);
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let place = place(directory.path(), FileNames::Fixed, 1);
        let precious = directory.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        // Whichever number comes next.
        for number in 0..1_000 {
            let beside = format!(".state.json.{}.{number}.new", std::process::id());
            std::os::unix::fs::symlink(&precious, directory.path().join(beside)).unwrap();
        }
        std::os::unix::fs::symlink(&precious, &place.file).unwrap();
        place.replace(b"new", at(0)).unwrap();
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        assert_eq!(fs::read(&place.file).unwrap(), b"new");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let place = place(directory.path(), FileNames::Fixed, 1);
        // Where a directory lies, no file can be put.
        fs::create_dir(&place.file).unwrap();
        fs::write(place.file.join("kept"), "").unwrap();
        assert!(place.replace(b"new", at(0)).is_err());
        assert_eq!(names(directory.path()), ["state.json"]);
        assert!(place.file.join("kept").exists());
    }

    #[test]
    fn health_changes_by_what_happens() {
        let bad = || Err(io::Error::from(io::ErrorKind::StorageFull));
        let states = [Ok(()), bad(), bad(), Ok(())].into_iter().scan(Health::Unknown, |health, outcome| {
            *health = health.after(&outcome);
            Some(*health)
        });
        assert_eq!(states.collect::<Vec<_>>(), [Health::Good, Health::Bad, Health::Bad, Health::Good]);
    }
}
