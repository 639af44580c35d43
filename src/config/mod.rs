//! The configuration, parsed and valid: names, durations and secrets as types.

mod aws_iot;
mod aws_keys;
pub mod aws_profile;
mod broker;
mod check;
mod file;
pub mod filter;
mod fleet;
mod human;
mod listen;
mod load;
pub mod mapping;
mod mqtt;
mod navien;
mod past;
mod policy;
mod problem;
mod reconnect;
mod secret;
mod secret_field;
mod shard;
mod suited;
mod taken;
mod tls;
mod value;

pub use aws_iot::{Authentication, Authorizer, AwsIot, Credentials};
pub use broker::{Address, Broker};
pub(crate) use filter::{filter_fault, topic_fault, unshared};
pub use fleet::{Clients as FleetClients, Fleet, Kind as FleetKind};
pub use human::Human;
pub use listen::Listen;
pub(crate) use load::faults;
pub use load::{Loaded, Origin, load, load_with};
pub use mapping::Subscribe;
pub use mqtt::{Mqtt, Will};
pub use past::{Commands, Diagnosis, Diagnostics, FileNames, State};
pub use problem::{Problem, Problems};
pub use secret::Secret;
pub use shard::Shard;
pub(crate) use suited::AWS_FILTERS;
pub use tls::{ClientCertificate, Tls, TlsFault};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::connection::limits::Limits;

/// Everything the exporter was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The HTTP server.
    pub http: Http,
    /// Readings and their store.
    pub readings: Readings,
    /// Logs.
    pub log: Log,
    /// What is kept over a restart.
    pub state: State,
    /// The periodic diagnostics file.
    pub diagnostics: Diagnostics,
    /// The search for causes.
    pub diagnosis: Diagnosis,
    /// Commands to devices.
    pub commands: Commands,
    /// What all connections together may do.
    pub limits: ProcessLimits,
    /// Which part of the connections this process runs; `None`: all. The command line says so, no file does.
    pub shard: Option<Shard>,
    /// The connections, in the order of the file; names are unique.
    pub connections: Vec<Connection>,
}

/// What all connections of the process together may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessLimits {
    /// So many of them begin to connect within a second.
    pub connects_per_second: u32,
}

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Who may use the Unix sockets: the permission bits of their files.
    pub socket_mode: u32,
    /// The web configuration file of Prometheus' exporters: TLS, passwords, headers.
    pub web_config_file: Option<PathBuf>,
}

/// Readings and their store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    /// At most this many series of readings; further ones are refused and counted.
    pub series_limit: usize,
}

/// Log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// Least severe level written.
    pub level: tracing::Level,
}

/// One connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its name: the label `connection`. Valid and unique.
    pub name: String,
    /// How it reconnects.
    pub policy: Policy,
    /// Its readings leave the page when it has been away for longer than this, and return with it if they are still fresh.
    pub outage_grace: Duration,
    /// What it leads to.
    pub source: Source,
    /// What to subscribe to and what messages mean, where the source leaves that to the configuration.
    pub subscribe: Vec<Subscribe>,
    /// Whose words about its clients the broker publishes.
    pub fleet: Option<Fleet>,
}

/// What a connection leads to: one arm a source folder.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A Navien account.
    Navien(Box<Navien>),
    /// Any MQTT broker.
    Broker(Box<Broker>),
    /// AWS IoT Core.
    AwsIot(Box<AwsIot>),
}

/// How a connection recovers; a preset of policy values that the field knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Quick attempts, every n-th deep (the default).
    TwoTier,
    /// Tries, then rests and counts anew; never signs in again on its own.
    ResetAndRetry,
    /// A new client at each attempt, same credentials while they last.
    RecreateClient,
    /// New credentials at each attempt.
    RefreshCredentials,
    /// Plain doubling without a cap by class.
    Exponential,
}

/// Jitter of a wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// Uniform between zero and the full wait.
    Full,
    /// None.
    None,
    /// Plus or minus this share (0 to 1).
    Share(f64),
}

/// The reconnect policy of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The preset the values began from.
    pub recovery: Recovery,
    /// First wait.
    pub initial_delay: Duration,
    /// Factor from wait to wait.
    pub factor: f64,
    /// Jitter.
    pub jitter: Jitter,
    /// Longest wait after network-class errors.
    pub max_delay_network: Duration,
    /// Longest wait after service-class errors.
    pub max_delay_service: Duration,
    /// The wait after setup-class errors (they start at it).
    pub max_delay_setup: Duration,
    /// Every n-th failed attempt is followed by a deep one; `None`: never by count.
    pub deep_after: Option<u32>,
    /// After this many failed attempts in a row rest for `max_delay_setup` or longer, then count anew; `None`:
    /// never rest. The connection is not given up: whatever is broken may be mended.
    pub max_attempts: Option<u32>,
    /// A session must live this long to forgive the count.
    pub stable_after: Duration,
    /// MQTT keep-alive; `None`: the source's own default.
    pub keep_alive: Option<Duration>,
    /// MQTT clean session; `None`: the source's own default.
    pub clean_session: Option<bool>,
    /// MQTT client id; `None`: made by the source.
    pub client_id: Option<String>,
    /// Renew a session at this age; `None`: from the plan's lifetime, with spread.
    pub renew_after: Option<Duration>,
    /// So many takeover-like drops …
    pub takeover_count: u32,
    /// … within this time …
    pub takeover_window: Duration,
    /// … keep us away for at least this long.
    pub takeover_rest: Duration,
    /// Time limits of a link.
    pub limits: Limits,
    /// Time limit of sign-in and refresh, and of the whole planning.
    pub credentials_limit: Duration,
}

/// A Navien account. Its `Debug` tells neither the account nor a MAC.
#[derive(Clone, PartialEq)]
pub struct Navien {
    /// Account e-mail. Personal: never logged.
    pub email: Secret,
    /// Account password, read anew at each sign-in when it is a file.
    pub password: SecretSource,
    /// REST base, `https://nlus.naviensmartcontrol.com/api/v2.1`.
    pub base_url: String,
    /// MQTT host.
    pub mqtt_host: String,
    /// MQTT port.
    pub mqtt_port: u16,
    /// AWS region that signatures are made for.
    pub region: String,
    /// Trust these certificates (PEM) instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// HTTP proxy for REST and MQTT, `http://user:password@host:port`.
    pub proxy: Option<Secret>,
    /// How often to ask for the status.
    pub status_interval: Duration,
    /// How often to ask for the features.
    pub features_interval: Duration,
    /// How often to ask for energy use.
    pub energy_interval: Duration,
    /// How long to wait for an answer.
    pub request_limit: Duration,
    /// Whether diagnostic (rank D) readings are exported too.
    pub diagnostic_readings: bool,
    /// Aliases: MAC (12 lower-case hex digits) to device label.
    pub devices: BTreeMap<String, String>,
}

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file, without its final line break; read anew each time.
    File(PathBuf),
    /// An environment variable, read at load.
    Value(Secret),
}
