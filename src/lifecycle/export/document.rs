//! The document that the export writes and the report reads: the names of nwp500-python's `export_json`, then ours. Pure.
//!
//! Never loses a name of that library, and reads its documents too, which is why everything of ours may be missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stamp::Stamp;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// When it was made.
    pub timestamp: Stamp,
    /// One connection: its past. Several: the past of all, together.
    #[serde(flatten)]
    pub past: Past,
    /// Who made it; missing where nwp500-python did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exporter: Option<Exporter>,
    /// The first record that the sums hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Stamp>,
    /// What a baseline observed; else missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// What happened on the machine: kinds and times.
    #[serde(default)]
    pub host_events: Vec<HostEvent>,
    /// What cannot be known from all this.
    #[serde(default)]
    pub limits_of_knowledge: Vec<String>,
    /// Each connection.
    #[serde(default)]
    pub connections: Vec<Connection>,
}

/// Who made a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exporter {
    /// `hangup`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When this process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Stamp>,
}

/// The time that a baseline covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// Its beginning.
    pub from: Stamp,
    /// Its end.
    pub to: Stamp,
    /// How long of it the exporter could be asked, in seconds.
    pub observed_seconds: f64,
    /// How often the exporter started anew within it.
    pub restarts: u64,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// `navien` …
    pub source: String,
    /// `wss` …
    pub transport: String,
    /// `online`, `waiting` …
    pub state: String,
    /// The first record that its sums hold.
    #[serde(default)]
    pub since: Option<Stamp>,
    /// Keep-alive in force, or in force last.
    #[serde(default)]
    pub keep_alive_seconds: Option<f64>,
    /// The newest attempt that failed since the start of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<FailedAttempt>,
    /// Its past.
    #[serde(flatten)]
    pub past: Past,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// When.
    pub timestamp: Stamp,
    /// What was observed.
    pub error_name: String,
    /// In words.
    pub error_message: String,
    /// Where.
    pub phase: String,
    /// The finer observation: `rst`, `connack:5` …
    pub detail: String,
}

/// The past of one connection or of several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Sums.
    pub metrics: Sums,
    /// The newest drops, oldest first.
    #[serde(default)]
    pub recent_drops: Vec<Drop>,
    /// The newest connects, oldest first.
    #[serde(default)]
    pub recent_connections: Vec<Connect>,
    /// Drops by error name, of AWS's names.
    #[serde(default)]
    pub aws_error_counts: BTreeMap<String, u64>,
    /// Lengths of sessions.
    #[serde(default)]
    pub session_history_summary: Lengths,
    /// Drops by cause and evidence, of those that are kept.
    #[serde(default)]
    pub causes: Vec<CauseCount>,
    /// What the tests over many drops found.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// Sums since the beginning of the records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sums {
    /// Connects that no drop preceded; the others are `connection_recovered`.
    pub total_connections: u64,
    /// Sessions that ended, however.
    pub total_disconnects: u64,
    /// Sessions that ended and nobody asked for it.
    pub total_connection_drops: u64,
    /// Attempts beside those that made `total_connections`.
    pub total_reconnect_attempts: u64,
    /// Of sessions that ended; 0 before the first.
    pub longest_session_seconds: f64,
    /// Of sessions that ended.
    pub shortest_session_seconds: Option<f64>,
    /// Of sessions that ended; 0 before the first.
    pub average_session_seconds: f64,
    /// 0 while there is none. Of several connections: for how long all have been up.
    pub current_session_uptime_seconds: f64,
    /// Drops by error name.
    pub connection_drops_by_error: BTreeMap<String, u64>,
    /// Outages that ended, by the attempts that it took: `1`, `2-5`, `6-10`, `11+`.
    pub reconnection_attempts_distribution: BTreeMap<String, u64>,
    /// The newest drop.
    pub last_drop_timestamp: Option<Stamp>,
    /// The newest accepted session.
    pub last_successful_connect_timestamp: Option<Stamp>,
    /// Connects that ended an outage.
    pub connection_recovered: u64,
    /// Messages handed to the network, since the process began.
    pub messages_published: u64,
    /// Messages that had to wait for the connection, since the process began.
    pub messages_queued: u64,
    /// Every accepted session. Ours.
    pub sessions: u64,
    /// Sessions that we ended. Ours.
    pub closes: u64,
    /// Attempts that failed. Ours.
    pub failed_attempts: u64,
}

/// A drop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drop {
    /// When it was noticed.
    pub timestamp: Option<Stamp>,
    /// Never missing from us.
    pub error_name: Option<String>,
    /// In words.
    pub error_message: Option<String>,
    /// AWS's number, where it has one.
    pub error_code: Option<u16>,
    /// Attempts that it took to come back, or so far.
    pub reconnect_attempt: u32,
    /// From CONNACK until the end was noticed, on a clock that does not step.
    pub duration_connected_seconds: Option<f64>,
    /// Subscriptions of the session.
    pub active_subscriptions: usize,
    /// Messages that waited when the session ended.
    pub queued_commands: usize,
    /// Whose. The rest is ours too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The number of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
    /// The age at which it died; shorter than its duration where the end was noticed late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<f64>,
    /// How far back the true end may lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertainty_seconds: Option<f64>,
    /// Where it was observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The finer observation: `fin`, `rst`, `disconnect:142` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// `peer`, `timeout`, `local_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// What is thought of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How well that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What was seen, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// What happened on the machine shortly before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_events: Vec<Before>,
}

/// Something that happened on the machine before a drop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// What.
    pub kind: String,
    /// How long before the end was noticed.
    pub seconds_before: f64,
}

/// A connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connect {
    /// CONNACK accepted.
    pub timestamp: Option<Stamp>,
    /// `connected`: no drop preceded it. `resumed`, `deep_reconnected`: one did.
    pub event_type: String,
    /// The broker remembered an earlier session.
    pub session_present: bool,
    /// CONNACK's: 0.
    pub return_code: Option<i64>,
    /// 0 for `connected`, else the attempts that it took.
    pub attempt_number: u32,
    /// The outage that it ended.
    pub time_to_reconnect_seconds: Option<f64>,
    /// Whose. The rest is ours too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The number of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
    /// Attempts that it took, a first connect's too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// Lengths of sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lengths {
    /// Sessions that ended.
    pub total_sessions: u64,
    /// The newest 20 of them, oldest first.
    pub sample_durations: Vec<f64>,
}

/// Drops of one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseCount {
    /// What is thought.
    pub cause: String,
    /// How well it is known.
    pub evidence: String,
    /// So many drops.
    pub count: u64,
}

/// A finding, without the hashes of topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Whose.
    #[serde(default)]
    pub connection: Option<String>,
    /// What fits.
    pub cause: String,
    /// What fits as well.
    #[serde(default)]
    pub or: Option<String>,
    /// `inferred` or `suspected`.
    pub evidence: String,
    /// So many …
    pub support: u32,
    /// … of so many that could have shown it.
    pub of: u32,
    /// Share of the explainable drops.
    pub share: f64,
    /// Its first drop.
    pub first: Stamp,
    /// Its last drop.
    pub last: Stamp,
    /// When it was first made.
    pub since: Stamp,
    /// Sessions that contradict it since its last support.
    #[serde(default)]
    pub contradicted: u32,
    /// One line.
    pub words: String,
    /// What to change.
    pub advice: String,
    /// What would disprove it.
    pub disproof: String,
    /// The test, in words.
    pub test: String,
    /// The sessions that belong to it.
    #[serde(default)]
    pub sessions: Vec<u64>,
    /// What was found, with its parameters.
    #[serde(default)]
    pub pattern: Value,
}

/// Something that happened on the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEvent {
    /// When it was noticed.
    pub timestamp: Stamp,
    /// What.
    pub kind: String,
}
