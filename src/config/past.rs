//! What is kept, told and done beside the connections: state directory, diagnostics file, diagnosis, commands.
//!
//! All of it has defaults that work without a disk; commands are off unless a token file is named.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::file::Fields;
use super::secret_field::{self, Surroundings};
use super::value;

const MIB: u64 = 1024 * 1024;

/// What is kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Where the journal lies; `None`: nothing is kept.
    pub directory: Option<PathBuf>,
    /// The journal takes at most this many bytes on the disk, its older file included.
    pub journal_limit: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { directory: None, journal_limit: 16 * MIB }
    }
}

/// The names of the diagnostics files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileNames {
    /// One file, replaced each time.
    Fixed,
    /// One file each time, named for the time.
    Timestamped,
}

/// The periodic diagnostics file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// Where it is written; `None`: it is not. With time-stamped names the time goes before the extension.
    pub file: Option<PathBuf>,
    /// How often.
    pub interval: Duration,
    /// One name or many.
    pub names: FileNames,
    /// Time-stamped files kept; older ones are removed.
    pub keep: usize,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self { file: None, interval: Duration::from_secs(300), names: FileNames::Fixed, keep: 288 }
    }
}

/// The search for causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Session lengths to try beside the known limits.
    pub limits: Vec<Duration>,
    /// Whether a session may be closed, once a day at most, to tell two causes apart.
    pub probes: bool,
}

/// Commands to devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Holds the token that a request must carry, read anew each time; `None`: commands are off.
    pub token_file: Option<PathBuf>,
    /// Commands that may wait for the connection, together.
    pub queue: usize,
    /// No command is sent when it is older than this.
    pub age_limit: Duration,
    /// Whether commands that change a device wait during an outage too; else they are refused then.
    pub queue_changes: bool,
}

impl Default for Commands {
    fn default() -> Self {
        Self { token_file: None, queue: 200, age_limit: Duration::from_secs(300), queue_changes: false }
    }
}

const NAMES: &[(&str, FileNames)] = &[("fixed", FileNames::Fixed), ("timestamped", FileNames::Timestamped)];

/// `[state]`. Without `directory`, systemd's `STATE_DIRECTORY` is taken.
pub(super) fn state(fields: Option<Fields<'_, '_>>, around: &Surroundings<'_>) -> State {
    let mut state = State::default();
    if let Some(mut fields) = fields {
        state.directory = fields.read("directory", path(around));
        if state.directory.as_deref().is_some_and(|place| place.exists() && !place.is_dir()) {
            fields.problem("directory", "names a file: write the directory that the journal shall lie in");
        }
        fields.set("journal_limit", &mut state.journal_limit, value::size(MIB..=1024 * MIB));
        fields.finish();
    }
    state.directory = state.directory.or_else(|| given(around));
    state
}

/// The state directory that systemd made for the unit (the first, where there are several).
fn given(around: &Surroundings<'_>) -> Option<PathBuf> {
    let list = (around.variable)("STATE_DIRECTORY")?;
    list.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
}

/// `[diagnostics]`.
pub(super) fn diagnostics(fields: Option<Fields<'_, '_>>, around: &Surroundings<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    if let Some(mut fields) = fields {
        diagnostics.file = fields.read("file", path(around));
        if diagnostics.file.as_deref().is_some_and(std::path::Path::is_dir) {
            fields.problem("file", "names a directory: write a file in it (for example `diagnostics.json`)");
        }
        let often = value::duration(Duration::from_secs(1)..=Duration::from_secs(86_400));
        fields.set("interval", &mut diagnostics.interval, often);
        fields.set("names", &mut diagnostics.names, value::word(NAMES));
        let keep = fields.read("keep", value::integer(1..=100_000));
        if let Some(keep) = keep.and_then(|keep| usize::try_from(keep).ok()) {
            diagnostics.keep = keep;
        }
        fields.finish();
    }
    diagnostics
}

/// `[diagnosis]`.
pub(super) fn diagnosis(fields: Option<Fields<'_, '_>>) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    if let Some(mut fields) = fields {
        let limit = value::duration(Duration::from_secs(10)..=Duration::from_secs(30 * 86_400));
        fields.set("limits", &mut diagnosis.limits, value::list("[\"4h\"]", limit));
        fields.set("probes", &mut diagnosis.probes, value::boolean);
        fields.finish();
    }
    diagnosis
}

/// `[commands]`.
pub(super) fn commands(fields: Option<Fields<'_, '_>>, around: &Surroundings<'_>) -> Commands {
    let mut commands = Commands::default();
    if let Some(mut fields) = fields {
        commands.token_file = fields.read("token_file", path(around));
        if let Some(fault) = commands.token_file.as_deref().and_then(secret_field::file_fault) {
            fields.problem("token_file", fault);
        } else if let Some(path) = &commands.token_file {
            secret_field::warn_if_open(&fields, "token_file", path);
        }
        let queue = fields.read("queue", value::integer(0..=10_000));
        if let Some(queue) = queue.and_then(|queue| usize::try_from(queue).ok()) {
            commands.queue = queue;
        }
        let age = value::duration(Duration::from_secs(1)..=Duration::from_secs(3_600));
        fields.set("age_limit", &mut commands.age_limit, age);
        fields.set("queue_changes", &mut commands.queue_changes, value::boolean);
        fields.finish();
    }
    commands
}

fn path(around: &Surroundings<'_>) -> impl Fn(&DeValue<'_>) -> Result<PathBuf, String> {
    let directory = around.directory.clone();
    move |value| value::text(value).map(|file| directory.join(file))
}
