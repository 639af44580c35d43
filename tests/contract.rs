//! The rules between the folders that no compiler checks: purity, one recorder, names that exist.
//!
//! Reads source text only; what it cannot see (behaviour) is tested elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hangup::connection::error::ErrorName;
use hangup::source::navien::quantities;
use hangup::telemetry::catalogue;

/// Modules that decide and never act, as files or folders under `src`: time is an argument, nothing waits.
const PURE: &[&str] = &[
    "connection/backoff.rs",
    "connection/classify.rs",
    "connection/error.rs",
    "connection/inflight.rs",
    "connection/machine",
    "connection/machine.rs",
    "connection/path.rs",
    "connection/protocol.rs",
    "connection/subscriptions.rs",
    "connection/takeover.rs",
    "source/navien/decode",
    "source/navien/dialogue",
    "source/navien/quantities",
    "source/navien/requests.rs",
    "source/navien/sigv4.rs",
    "source/navien/topics.rs",
    "source/navien/wire.rs",
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
            let missing = metrics(&text).into_iter().filter(|name| !exists(name, &known));
            unknown.extend(missing.map(|name| format!("{}: {name}", file.display())));
        }
    }
    assert!(unknown.is_empty(), "promised and not there:\n{}", unknown.join("\n"));
}

#[test]
fn every_metric_of_the_catalogue_is_shown_or_alerted_on_or_left_out_with_a_reason() {
    let shown = watched();
    let reasons = left_out();
    for name in catalogue() {
        let watched = shown.iter().any(|word| stands_for(word, &name));
        let reason = reasons.get(&name);
        assert!(watched || reason.is_some(), "{name}: no dashboard, no alert, and no reason why");
        assert!(!watched || reason.is_none(), "{name}: watched, and left out all the same");
    }
    for (name, reason) in reasons {
        assert!(catalogue().contains(&name), "not-shown.txt: there is no {name}");
        assert!(reason.split_whitespace().count() >= 3, "not-shown.txt: {name} needs a reason");
    }
}

#[test]
fn every_metric_of_a_dashboard_or_an_alert_is_in_the_catalogue() {
    let known: BTreeSet<_> = catalogue();
    let unknown: Vec<_> =
        watched().into_iter().filter(|word| is_metric(word) && !exists(word, &known)).collect();
    assert!(unknown.is_empty(), "queried and not there: {unknown:?}");
}

#[test]
fn every_recording_rule_that_is_queried_exists() {
    let rules = fs::read_to_string("alerts/rules.yml").unwrap();
    let records = behind(&rules, "- record: ");
    let texts = queries().into_iter().chain([("alerts/rules.yml".to_owned(), rules.clone())]);
    for (place, text) in texts {
        for name in names(&text).into_iter().filter(|name| name.matches(':').count() == 2) {
            assert!(records.contains(&name), "{place}: {name} is recorded nowhere");
        }
    }
}

#[test]
fn every_alert_has_its_two_unit_tests_and_its_page_and_nothing_else_has() {
    let alerts = behind(&fs::read_to_string("alerts/rules.yml").unwrap(), "- alert: ");
    assert!(alerts.len() > 20, "{alerts:?}");
    let (mut fires, mut rests) = (BTreeSet::new(), BTreeSet::new());
    for file in files_under(Path::new("alerts/tests"), "yml") {
        let text = fs::read_to_string(file).unwrap();
        for case in text.split("alertname: ").skip(1) {
            let end = case.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
            let Some((_, expected)) = case.split_once("exp_alerts:") else { continue };
            let which = if expected.trim_start().starts_with("[]") { &mut rests } else { &mut fires };
            which.insert(case[..end].to_owned());
        }
    }
    let pages: BTreeSet<_> = files_under(Path::new("alerts/runbook"), "md")
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|page| page != "README")
        .collect();
    assert_eq!(fires, alerts, "unit tests in which an alert fires");
    assert_eq!(rests, alerts, "unit tests in which an alert does not fire");
    assert_eq!(pages, alerts, "pages of the runbook");
}

#[test]
fn every_error_name_that_is_explained_exists() {
    let known: BTreeSet<_> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    for file in PROMISES.iter().flat_map(|place| files_under(Path::new(place), "")) {
        let Some(text) = text_of(&file) else { continue };
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.starts_with("AWS_") || word.starts_with("LOCAL_")) {
            // `AWS_IO_TLS_` is the beginning of a family, as a pattern in a query names it.
            let exists = known.iter().any(|name| name.starts_with(word));
            assert!(exists, "{}: {word} is no error name and begins none", file.display());
        }
    }
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

/// The name of every metric that the exporter can have.
fn catalogue() -> BTreeSet<String> {
    let readings = quantities::all().map(|described| described.quantity.name.to_string());
    catalogue::entries().map(|entry| entry.name.to_owned()).chain(readings).collect()
}

/// Names in the queries of dashboards and rules; those of the catalogue that a pattern of names means, too.
fn watched() -> BTreeSet<String> {
    let mut rules = String::new();
    let mut is_query = false;
    for line in fs::read_to_string("alerts/rules.yml").unwrap().lines() {
        let line = line.trim_start();
        if line.starts_with('#') {
            continue;
        }
        // A query ends with the next key of its rule; `record` names the result, and comes before it.
        if let Some((key, _)) = line.split_once(':')
            && ["for", "keep_firing_for", "labels", "annotations", "- alert", "- record"].contains(&key)
        {
            is_query = false;
        }
        is_query |= line.starts_with("expr:");
        if is_query {
            rules.push_str(line);
            rules.push('\n');
        }
    }
    let texts: Vec<_> = queries().into_iter().map(|(_, text)| text).chain([rules]).collect();
    let mut found: BTreeSet<_> = texts.iter().flat_map(|text| names(&without_patterns(text))).collect();
    for pattern in texts.iter().flat_map(|text| text.split(BY_PATTERN).skip(1)) {
        let pattern = pattern.split('"').next().unwrap();
        let meant: Vec<_> = catalogue().into_iter().filter(|name| fits(pattern, name)).collect();
        assert!(!meant.is_empty(), "no metric fits {pattern}");
        found.extend(meant);
    }
    found
}

/// How a query asks for several metrics at once.
const BY_PATTERN: &str = "__name__=~\"";

fn without_patterns(text: &str) -> String {
    let mut parts = text.split(BY_PATTERN);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('"').map_or("", |(_, behind)| behind))
}

/// Whether a name fits a pattern of literals, `.*`, `|`, and at most one group of alternatives.
fn fits(pattern: &str, name: &str) -> bool {
    if let Some((before, rest)) = pattern.split_once('(') {
        let (group, after) = rest.split_once(')').unwrap();
        return group.split('|').any(|one| fits(&format!("{before}{one}{after}"), name));
    }
    pattern.split('|').any(|one| match one.split_once(".*") {
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => one == name,
    })
}

/// Every query of the dashboards, with its place.
fn queries() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let files = files_under(Path::new("dashboards"), "json");
    for file in files {
        let document: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        collect_queries(&document, &file.display().to_string(), &mut found);
    }
    assert!(found.len() > 100, "{} queries", found.len());
    found
}

fn collect_queries(value: &serde_json::Value, place: &str, found: &mut Vec<(String, String)>) {
    if let Some(object) = value.as_object() {
        for (key, inner) in object {
            match inner.as_str() {
                Some(text) if ["expr", "query", "definition"].contains(&key.as_str()) => {
                    found.push((place.to_owned(), text.to_owned()));
                }
                _ => collect_queries(inner, place, found),
            }
        }
    }
    for inner in value.as_array().into_iter().flatten() {
        collect_queries(inner, place, found);
    }
}

/// Metrics that nobody watches, with the reason: `name: reason`.
fn left_out() -> BTreeMap<String, String> {
    let text = fs::read_to_string("dashboards/not-shown.txt").unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").expect(line)).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// Words of a query: metrics, recorded series, functions, labels.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What stands behind a key in a file of rules.
fn behind(text: &str, key: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(key)).map(str::to_owned).collect()
}

/// Whether a word of a query is this metric, or one of the series of this histogram.
fn stands_for(word: &str, metric: &str) -> bool {
    word.strip_prefix(metric).is_some_and(|rest| ["", "_bucket", "_sum", "_count"].contains(&rest))
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
