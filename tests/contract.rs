//! The rules between the folders that no compiler checks: purity, one recorder, names that exist.
//!
//! Reads source text only; what it cannot see (behaviour) is tested elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hangup::connection::error::ErrorName;
use hangup::diagnosis::{Cause, Evidence};

#[path = "contract/watched.rs"]
mod watched;

/// Modules that decide and never act, as files or folders under `src`: time is an argument, nothing waits.
const PURE: &[&str] = &[
    "config/aws_profile.rs",
    "config/filter.rs",
    "connection/appetite.rs",
    "connection/backoff.rs",
    "connection/carried.rs",
    "connection/classify",
    "connection/classify.rs",
    "connection/codec",
    "connection/codec.rs",
    "connection/error.rs",
    "connection/gather.rs",
    "connection/inflight.rs",
    "connection/machine",
    "connection/machine.rs",
    "connection/packet.rs",
    "connection/path.rs",
    "connection/protocol",
    "connection/protocol.rs",
    "connection/quarantine.rs",
    "connection/queue.rs",
    "connection/sends.rs",
    "connection/subscriptions.rs",
    "connection/takeover.rs",
    "connection/traffic.rs",
    "convert",
    "diagnosis/advice.rs",
    "diagnosis/belongs.rs",
    "diagnosis/case.rs",
    "diagnosis/catalogue.rs",
    "diagnosis/cause.rs",
    "diagnosis/claim.rs",
    "diagnosis/combine.rs",
    "diagnosis/evidence",
    "diagnosis/evidence.rs",
    "diagnosis/finding.rs",
    "diagnosis/fleet.rs",
    "diagnosis/gather.rs",
    "diagnosis/lengths.rs",
    "diagnosis/pattern",
    "diagnosis/probe.rs",
    "diagnosis/words.rs",
    "host/clocks.rs",
    "host/netlink/message.rs",
    "host/network.rs",
    "lifecycle/baseline.rs",
    "lifecycle/export",
    "lifecycle/history.rs",
    "lifecycle/summary",
    "lifecycle/journal/ledger.rs",
    "lifecycle/journal/read.rs",
    "lifecycle/record",
    "lifecycle/record.rs",
    "lifecycle/presence.rs",
    "mapping/preset",
    "mapping/sparkplug",
    "source/aws_iot/authorizer.rs",
    "mapping",
    "source/command.rs",
    "source/fleet",
    "source/navien/command",
    "source/navien/decode",
    "source/navien/dialogue",
    "source/navien/quantities",
    "source/navien/requests.rs",
    "source/navien/topics.rs",
    "source/navien/wire.rs",
    "source/sigv4.rs",
];

/// What a pure module has no business with: runtimes, sockets, files, the environment, clocks, threads, chance.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "hyper",
    "socket2",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "clock::now",
    "clock::sleep_until",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "async fn",
    "fastrand::Rng::new",
];

/// Environment variables that AWS's own tools know too, and that look like error names.
const VARIABLES_OF_AWS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// Where the handles that turn lifecycle into numbers may be named (invariant 3).
const RECORDERS: &[&str] = &["lifecycle/recorder.rs", "telemetry/"];

/// Places whose metric names are a promise to their readers.
const PROMISES: &[&str] = &["README.md", "CHANGELOG.md", "deploy", "dashboards", "alerts"];

#[test]
fn pure_modules_have_no_clock_no_runtime_and_no_input_or_output() {
    let mut faults = Vec::new();
    for module in PURE {
        let files = files_under(&Path::new("src").join(module), "rs");
        assert!(!files.is_empty(), "src/{module} is gone: correct the list of pure modules");
        for file in files.into_iter().filter(|file| !is_tests(file)) {
            let code = code_of(&fs::read_to_string(&file).unwrap());
            faults.extend(uses(&code, IMPURE).into_iter().map(|word| format!("{}: {word}", file.display())));
        }
    }
    assert!(faults.is_empty(), "not pure:\n{}", faults.join("\n"));
}

#[test]
fn only_the_recorder_turns_lifecycle_into_numbers() {
    let elsewhere: Vec<_> = files_under(Path::new("src"), "rs")
        .into_iter()
        .filter(|file| !RECORDERS.iter().any(|place| file.starts_with(Path::new("src").join(place))))
        .filter(|file| !uses(&code_of(&fs::read_to_string(file).unwrap()), &["ConnectionMetrics"]).is_empty())
        .collect();
    assert!(elsewhere.is_empty(), "these count behind the recorder's back: {elsewhere:?}");
}

#[test]
fn every_metric_that_is_promised_exists() {
    let known: BTreeSet<_> = files_under(Path::new("src"), "rs")
        .iter()
        .flat_map(|file| quoted_metrics(&code_of(&fs::read_to_string(file).unwrap())))
        .collect();
    let mut unknown = Vec::new();
    for place in PROMISES.iter().map(Path::new).filter(|place| place.exists()) {
        for file in files_under(place, "") {
            let Some(text) = text_of(&file) else { continue };
            // There, what begins with the name of the program is a sensor, a variable or a unit as well.
            let own = if file.starts_with("deploy") { "hangup_" } else { "\0" };
            let names = metrics(&text).into_iter().filter(|name| !name.starts_with(own));
            let missing = names.filter(|name| !exists(name, &known));
            unknown.extend(missing.map(|name| format!("{}: {name}", file.display())));
        }
    }
    assert!(unknown.is_empty(), "promised and not there:\n{}", unknown.join("\n"));
}

#[test]
fn every_error_name_that_is_explained_exists() {
    let known: BTreeSet<_> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    for file in PROMISES.iter().flat_map(|place| files_under(Path::new(place), "")) {
        let Some(text) = text_of(&file) else { continue };
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names = words.filter(|word| word.starts_with("AWS_") || word.starts_with("LOCAL_"));
        for word in names.filter(|word| !VARIABLES_OF_AWS.contains(word)) {
            // `AWS_IO_TLS_` is the beginning of a family, as a pattern in a query names it.
            let exists = known.iter().any(|name| name.starts_with(word));
            assert!(exists, "{}: {word} is no error name and begins none", file.display());
        }
    }
}

#[test]
fn evidence_that_a_cause_page_explains_can_be_given() {
    for cause in Cause::ALL {
        let page = fs::read_to_string(format!("alerts/runbook/causes/{cause}.md")).unwrap();
        for evidence in Evidence::ALL.iter().filter(|evidence| page.contains(&format!("*{evidence}*"))) {
            // An attempt is no drop: what its failure states has no pair of labels.
            let of_a_drop = Cause::VERDICTS.contains(&(*cause, *evidence));
            let of_a_finding = *evidence != Evidence::Stated && Cause::FINDINGS.contains(cause);
            assert!(of_a_drop || of_a_finding, "{cause}: {evidence} is never said");
        }
        for evidence in [Evidence::Stated, Evidence::Observed] {
            let given = Cause::VERDICTS.contains(&(*cause, evidence));
            let explained = page.contains(&format!("*{evidence}*"));
            assert!(!given || explained, "{cause}: the page does not say when it is {evidence}");
        }
    }
}

#[test]
fn the_library_example_of_the_readme_is_the_one_that_runs_as_a_test() {
    let readme = fs::read_to_string("README.md").unwrap();
    let example = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let tested = fs::read_to_string("src/monitor.rs").unwrap();
    let tested: String = tested
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .fold(String::new(), |all, line| all + line.strip_prefix(' ').unwrap_or(line) + "\n");
    assert!(example.lines().count() > 10 && tested.contains(&format!("```\n{example}```")), "{example}");
}

/// The text of a file that makes promises; `None` for a picture, and for a generator's code: its output is read.
fn text_of(file: &Path) -> Option<String> {
    let is_code = file.extension().is_some_and(|ending| ending == "py");
    if is_code { None } else { String::from_utf8(fs::read(file).unwrap()).ok() }
}

#[test]
fn main_only_hands_over() {
    let main = fs::read_to_string("src/main.rs").unwrap();
    assert!(main.lines().count() < 60, "src/main.rs does work that belongs into a module");
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent: Vec<_> = files_under(Path::new("src"), "rs")
        .into_iter()
        .filter(|file| !is_tests(file) && !fs::read_to_string(file).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "no `//!` in the first line of {silent:?}");
}

#[test]
fn the_scan_sees_code_and_neither_comments_nor_tests() {
    let code =
        code_of("//! tokio\nfn a() { b() } // tokio::time\n#[cfg(test)]\nmod tests {\n    use tokio;\n}\n");
    assert_eq!(uses(&code, &["tokio"]), Vec::<&str>::new());
    assert_eq!(uses(&code_of("let a = crate::clock::now();"), &["clock::now"]), ["clock::now"]);
    assert_eq!(uses(&code_of("use tokio_tungstenite::tungstenite;"), &["tokio"]), Vec::<&str>::new());
    assert_eq!(uses(&code_of("use tokio::time;"), &["tokio"]), ["tokio"]);
}

#[test]
fn the_scan_sees_metric_names_and_their_histogram_series() {
    let text = "`mqtt_client_ping_duration_seconds_bucket{le=\"1\"}`, navien_power_watts and hangup_series.";
    let found = metrics(text);
    assert_eq!(found, ["mqtt_client_ping_duration_seconds_bucket", "navien_power_watts", "hangup_series"]);
    let known = BTreeSet::from(["mqtt_client_ping_duration_seconds".to_owned()]);
    assert!(exists(&found[0], &known));
    assert!(!exists("mqtt_client_pong_duration_seconds_bucket", &known));
}

/// Tests of a module in a file of their own may read fixtures and spin runtimes.
fn is_tests(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "tests.rs")
}

/// The files at or under `path` whose names end in `.extension`, or all of them; sorted.
fn files_under(path: &Path, extension: &str) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).into_iter().flatten() {
        let entry = entry.unwrap().path();
        let wanted = extension.is_empty() || entry.extension().is_some_and(|is| is == extension);
        if entry.is_dir() || wanted {
            found.extend(files_under(&entry, extension));
        }
    }
    found.sort();
    found
}

/// The code of a file without comments and without its tests, which stand last.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// Which of `words` stand in `code` as words of their own.
fn uses<'w>(code: &str, words: &[&'w str]) -> Vec<&'w str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let stands = |word: &str| {
        code.match_indices(word).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            let after = code[at + word.len()..].chars().next();
            !before.is_some_and(is_name) && !after.is_some_and(is_name)
        })
    };
    words.iter().filter(|word| stands(word)).copied().collect()
}

/// Words that are metric names of ours by their prefix.
fn metrics(text: &str) -> Vec<String> {
    // The colons of a recording rule belong to its name, which so begins with no prefix of ours.
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.map(|word| word.trim_matches(':')).filter(|word| is_metric(word)).map(str::to_owned).collect()
}

/// Metric names that are string literals.
fn quoted_metrics(code: &str) -> Vec<String> {
    // A character literal may hold a quote, so every piece is looked at: code is never just a name.
    code.split('"').filter(|text| is_metric(text)).map(str::to_owned).collect()
}

fn is_metric(word: &str) -> bool {
    let rest = ["mqtt_client_", "mqtt_device_", "mqtt_broker_", "navien_", "hangup_"]
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix));
    rest.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Whether a metric is known, as it stands or as a series of a histogram.
fn exists(name: &str, known: &BTreeSet<String>) -> bool {
    let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    // A pattern in a query names a beginning.
    let is_pattern = name.ends_with('_') && known.iter().any(|metric| metric.starts_with(name));
    known.contains(name) || is_pattern || family.is_some_and(|family| known.contains(family))
}
