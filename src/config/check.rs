//! From a parsed file to a valid [`Config`]: every section, every field, every fault.
//!
//! Never stops at the first fault: who starts the exporter wants to correct the file once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::file::{Fields, Report, article};
use super::secret_field::Surroundings;
use super::suited::Kind;
use super::{
    Config, Connection, Http, Log, LogFormat, Policy, ProcessLimits, Readings, Source, aws_iot, broker,
    fleet, listen, mapping, navien, past, reconnect, suited, taken::Taken, value,
};

/// The sources, as they stand in a file.
const SOURCES: &str =
    "`[connection.source.navien]`, `[connection.source.broker]` or `[connection.source.aws_iot]`";

/// For how long readings may outlive their connection.
const GRACE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);

/// The words of `log.level`.
pub(super) const LEVELS: &[(&str, tracing::Level)] = &[
    ("error", tracing::Level::ERROR),
    ("warn", tracing::Level::WARN),
    ("info", tracing::Level::INFO),
    ("debug", tracing::Level::DEBUG),
    ("trace", tracing::Level::TRACE),
];

/// The words of `log.format`.
pub(super) const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

/// Reads a whole file. The result is only worth something when `report` stays without a problem.
pub(super) fn config(report: &Report<'_>, table: &DeTable<'_>, around: &Surroundings<'_>) -> Config {
    let mut root = Fields::root(report, table);
    let http = http(root.table("http"), around);
    let (readings, grace) = readings(root.table("readings"));
    let log = log(root.table("log"));
    let state = past::state(root.table("state"), around);
    let diagnostics = past::diagnostics(root.table("diagnostics"), around);
    let diagnosis = past::diagnosis(root.table("diagnosis"));
    let commands = past::commands(root.table("commands"), around);
    let limits = limits(root.table("limits"));
    let reconnect = root.table("reconnect");
    let patient = reconnect.as_ref().is_some_and(suited::says_how_patient);
    let policy = reconnect::shared(reconnect);
    let connections = connections(&mut root, &Shared { policy, patient, grace }, around);
    root.finish();
    Config { http, readings, log, state, diagnostics, diagnosis, commands, limits, shard: None, connections }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 9883)).into()],
            socket_mode: 0o660,
            web_config_file: None,
        }
    }
}

impl Default for Readings {
    fn default() -> Self {
        Self { series_limit: 100_000 }
    }
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self { connects_per_second: 100 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: tracing::Level::INFO }
    }
}

fn http(fields: Option<Fields<'_, '_>>, around: &Surroundings<'_>) -> Http {
    let mut http = Http::default();
    if let Some(mut fields) = fields {
        fields.set("listen", &mut http.listen, |value| {
            let places = value::places(value)?;
            listen::overlap(&places).map_or(Ok(places), Err)
        });
        fields.set("socket_mode", &mut http.socket_mode, mode);
        http.web_config_file = fields
            .read("web_config_file", |value| value::text(value).map(|file| around.directory.join(file)));
        fields.finish();
    }
    http
}

/// Permission bits as `chmod` has them: four octal digits in a string.
fn mode(value: &DeValue<'_>) -> Result<u32, String> {
    let bits = value::text(value)?;
    let octal = (3..=4).contains(&bits.len()).then(|| u32::from_str_radix(&bits, 8).ok()).flatten();
    octal
        .filter(|bits| *bits <= 0o777)
        .ok_or_else(|| format!("{} is not a file mode (write for example `\"0660\"`)", value::shown(value)))
}

/// What stands above the connections and holds for those that say nothing else.
struct Shared {
    policy: Policy,
    /// How patient to be with a broker that refuses us is said, too.
    patient: bool,
    grace: Option<Duration>,
}

fn readings(fields: Option<Fields<'_, '_>>) -> (Readings, Option<Duration>) {
    let (mut readings, mut grace) = (Readings::default(), None);
    if let Some(mut fields) = fields {
        let limit = fields.read("series_limit", value::integer(1..=10_000_000));
        if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) {
            readings.series_limit = limit;
        }
        grace = fields.read("outage_grace", value::duration(GRACE));
        fields.finish();
    }
    (readings, grace)
}

fn limits(fields: Option<Fields<'_, '_>>) -> ProcessLimits {
    let mut limits = ProcessLimits::default();
    if let Some(mut fields) = fields {
        let rate = fields.read("connects_per_second", value::integer(1..=10_000));
        if let Some(rate) = rate.and_then(|rate| u32::try_from(rate).ok()) {
            limits.connects_per_second = rate;
        }
        fields.finish();
    }
    limits
}

fn log(fields: Option<Fields<'_, '_>>) -> Log {
    let mut log = Log::default();
    if let Some(mut fields) = fields {
        fields.set("format", &mut log.format, value::word(FORMATS));
        fields.set("level", &mut log.level, value::word(LEVELS));
        fields.finish();
    }
    log
}

/// `patient`: the policy says itself how long to wait when only a person can help.
fn connections(root: &mut Fields<'_, '_>, shared: &Shared, around: &Surroundings<'_>) -> Vec<Connection> {
    let tables = root.tables("connection");
    if !root.has("connection") {
        root.problem("connection", "there is none: add a `[[connection]]` (deploy/example.toml shows one)");
    }
    let mut names = BTreeSet::new();
    let mut client_ids = BTreeSet::new();
    let mut connections = Vec::new();
    let mut taken = Taken::default();
    for (index, mut fields) in tables.into_iter().enumerate() {
        fields = fields.renamed(format!("connection {}, ", index + 1));
        let name = fields.require("name", "name = \"home\"", name);
        if let Some(name) = &name {
            fields = fields.renamed(format!("connection \"{name}\", "));
            if !names.insert(name.clone()) {
                fields.problem(
                    "name",
                    format!("`{name}` is there twice: the label `connection` tells them apart"),
                );
            }
        }
        let own = fields.table("reconnect");
        let patient = shared.patient || own.as_ref().is_some_and(suited::says_how_patient);
        let mut policy = reconnect::own(own, &shared.policy);
        if policy.client_id.as_ref().is_some_and(|id| !client_ids.insert(id.clone())) {
            fields.problem(
                "reconnect",
                "its `client_id` is used by another connection: they would evict each other",
            );
        }
        let grace = fields.read("outage_grace", value::duration(GRACE)).or(shared.grace);
        let (kind, source) = source(&mut fields, around);
        let subscribe = mapping::all(&mut fields);
        taken.check(&fields, &subscribe);
        if let Some(kind) = kind {
            if !patient {
                suited::hurry(kind, &mut policy);
            }
            suited::check(&fields, kind, &policy, &subscribe);
        }
        let fleet = fields.table("fleet").and_then(fleet::fleet);
        fields.finish();
        if let (Some(name), Some(source), Some(kind)) = (name, source, kind) {
            let outage_grace = grace.unwrap_or_else(|| suited::grace(kind));
            connections.push(Connection { name, policy, outage_grace, source, subscribe, fleet });
        }
    }
    taken.finish(root);
    connections
}

/// A connection name is a label value that people type.
fn name(value: &DeValue<'_>) -> Result<String, String> {
    let name = value::text(value)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.len() <= 64 && name.chars().all(fits) {
        return Ok(name);
    }
    Err(format!(
        "{} is not a name: up to 64 of a-z, A-Z, 0-9, `_`, `-`, `.` (write for example `home`)",
        value::shown(value)
    ))
}

/// Which source is written, and the source itself where nothing is wrong with it.
fn source(fields: &mut Fields<'_, '_>, around: &Surroundings<'_>) -> (Option<Kind>, Option<Source>) {
    let kind = fields.read("source", |value| match value.as_table().map(DeTable::len) {
        None => Err(format!("must be a table, not {}: write {SOURCES}", article(value))),
        Some(1) => Ok(()),
        Some(_) => Err(format!("names exactly one source: write {SOURCES}")),
    });
    if !fields.has("source") {
        fields.problem("source", format!("is missing: write {SOURCES}"));
    }
    let (Some(()), Some(mut sources)) = (kind, fields.table("source")) else { return (None, None) };
    let mut read = (None, None);
    if let Some(fields) = sources.table("navien") {
        let account = navien::account(fields, around);
        read = (Some(Kind::Navien), account.map(Box::new).map(Source::Navien));
    }
    if let Some(fields) = sources.table("broker") {
        let broker = broker::broker(fields, around);
        read = (Some(Kind::Broker), broker.map(Box::new).map(Source::Broker));
    }
    if let Some(fields) = sources.table("aws_iot") {
        let aws_iot = aws_iot::aws_iot(fields, around);
        read = (Some(Kind::AwsIot), aws_iot.map(Box::new).map(Source::AwsIot));
    }
    sources.finish();
    read
}
