//! Dashboards, alerts and runbook against the catalogue, in both directions.
//!
//! Never asks whether an alert is right: its unit tests do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hangup::diagnosis::Cause;
use hangup::source::navien::quantities;
use hangup::telemetry::catalogue;

use super::{exists, files_under, is_metric};

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
        .filter(|page| page != "README" && !causes().contains(page))
        .collect();
    assert_eq!(fires, alerts, "unit tests in which an alert fires");
    assert_eq!(rests, alerts, "unit tests in which an alert does not fire");
    assert_eq!(pages, alerts, "pages of the runbook");
}

#[test]
fn every_cause_has_its_page_in_the_index_and_no_page_is_of_anything_else() {
    let folder = Path::new("alerts/runbook/causes");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    for cause in causes() {
        let page = fs::read_to_string(folder.join(format!("{cause}.md"))).expect(&cause);
        assert!(page.starts_with(&format!("# {cause}\n")), "{cause}");
        for part in ["Meaning", "Impact", "Confirm", "Change"] {
            assert!(page.contains(&format!("\n## {part}\n")), "{cause}: {part}");
        }
        assert!(index.contains(&format!("({cause}.md)")), "the index has no {cause}");
    }
    assert_eq!(files_under(folder, "md").len(), causes().len() + 1, "a page without a cause");
}

#[test]
fn every_link_between_the_pages_about_alerts_leads_somewhere() {
    for file in files_under(Path::new("alerts"), "md") {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") {
                assert!(file.parent().unwrap().join(path).exists(), "{}: {link}", file.display());
            }
        }
    }
}

fn causes() -> BTreeSet<String> {
    Cause::ALL.iter().map(|cause| cause.as_str().to_owned()).collect()
}

#[test]
fn patterns_of_names_are_understood() {
    assert!(fits("navien_.*_code|navien_state", "navien_a_code"));
    assert!(fits("navien_.*_code|navien_state", "navien_state"));
    assert!(fits("navien_(a|b)", "navien_b"));
    for other in ["navien_code", "navien_state_number", "xnavien_a_code"] {
        assert!(!fits("navien_.*_code|navien_state", other), "{other}");
    }
    let query = "sum({__name__=~\"a_.*|b\",job=\"x\"}) + c_total";
    assert_eq!(names(&without_patterns(query)), ["sum", "job", "x", "c_total"]);
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
