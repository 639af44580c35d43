//! Journals that somebody wrote who wishes us ill, or a disk that lies: every value of every line at its extremes.
//!
//! Never a panic, in the reading, in what is shown of it, or in what follows; never a link that is followed.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use hangup::diagnosis::desk;
use hangup::diagnosis::gather::Settings;
use hangup::host::{Signal, SignalKind};
use hangup::lifecycle::CloseCause;
use hangup::lifecycle::board::ConnectionStatus;
use hangup::lifecycle::export::Export;
use hangup::lifecycle::summary;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::life::{CURRENT, Life, MIB, closed, files, noon};

/// A journal with lines of every kind.
fn rich(directory: &Path) -> Vec<Value> {
    let mut life = Life::new(directory, MIB);
    life.host.add(Signal { at: life.now, kind: SignalKind::Suspended(Duration::from_secs(60)) });
    for word in ["one", "two", "three", "four"] {
        life.fails(1);
        life.drops(3600.0, word);
    }
    life.begin();
    life.after(10.0, closed(CloseCause::Renewal));
    life.begin();
    life.die();
    let mut lines: Vec<Value> = files(directory)
        .into_values()
        .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>())
        .collect();
    let seventh = json!({"connection": "home", "record": {"alive": {"session": 6, "age": 12.5}}});
    lines.push(seventh);
    lines
}

/// The ways to every leaf of a value.
fn leaves(value: &Value, way: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{way}/{name}"), into));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, &format!("{way}/{index}"), into));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => into.push(way.to_owned()),
    }
}

/// Reads a journal and goes on with it: sessions, an export, a report, a look of the diagnosis, a new file.
fn survive(lines: &[u8]) {
    // A thousand journals: on a disk their syncs would take minutes.
    let directory = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    fs::write(directory.path().join(CURRENT), lines).unwrap();
    let mut life = Life::new(directory.path(), 8192);
    for _ in 0..3 {
        life.drops(5.0, "later");
    }
    let mut status = ConnectionStatus::new("home", "navien", "wss", life.now);
    status.history = life.history.clone();
    let export = Export::of(&[status], &life.host.all(), noon(), life.now);
    let text = serde_json::to_string(&export).unwrap();
    let read: Export = serde_json::from_str(&text).unwrap();
    assert!(!summary::terminal(&summary::report(&read), 80, false).is_empty());
    let _ = desk::look_now(&life.history, &life.host, &Settings::default(), life.now);
    assert!(life.words().ends_with(&["later".to_owned(), "later".to_owned(), "later".to_owned()]));
    life.stop();
    let again = Life::new(directory.path(), MIB);
    assert!(again.words().ends_with(&["later".to_owned()]));
    again.stop();
}

#[test]
fn no_value_at_its_extremes_breaks_anything() {
    let directory = TempDir::new().unwrap();
    let lines = rich(directory.path());
    let extremes = [
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1.8e19),
        json!(1e11),
        json!("9999-12-31T23:59:59.999999Z"),
        json!("\u{1b}[2J\0\u{202e}<script>"),
        json!(null),
        json!([]),
    ];
    let mut tried = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        let mut ways = Vec::new();
        leaves(line, "", &mut ways);
        for way in ways {
            // Each kind of line once.
            let fields = line["record"].as_object().and_then(|record| record.keys().next().cloned());
            if !tried.insert((fields, way.clone())) {
                continue;
            }
            for extreme in &extremes {
                let mut spoilt = lines.clone();
                *spoilt[index].pointer_mut(&way).unwrap() = extreme.clone();
                let text: Vec<String> = spoilt.iter().map(Value::to_string).collect();
                let outcome =
                    std::panic::catch_unwind(|| survive(format!("{}\n", text.join("\n")).as_bytes()));
                assert!(outcome.is_ok(), "{way} = {extreme} in {line}");
            }
        }
    }
    assert!(tried.len() > 60, "{tried:?}");
}

#[test]
fn a_link_in_the_state_directory_is_not_followed() {
    for name in [CURRENT, "journal.1.jsonl", "journal.lock", "journal.new.jsonl"] {
        let directory = TempDir::new().unwrap();
        let state = directory.path().join("state");
        fs::create_dir(&state).unwrap();
        let precious = directory.path().join("precious");
        fs::write(&precious, "somebody's line\nand half a").unwrap();
        symlink(&precious, state.join(name)).unwrap();
        let mut life = Life::new(&state, 8192);
        for _ in 0..40 {
            life.drops(5.0, "a drop");
        }
        let _ = life.journal.flush();
        life.stop();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "somebody's line\nand half a", "{name}");
    }
    // What a link leads to is not made either.
    let directory = TempDir::new().unwrap();
    symlink(directory.path().join("elsewhere"), directory.path().join("journal.lock")).unwrap();
    Life::new(directory.path(), MIB).stop();
    assert!(!directory.path().join("elsewhere").exists());
}

#[test]
fn many_lines_of_many_names_take_little_memory() {
    let directory = TempDir::new().unwrap();
    let mut file = fs::File::create(directory.path().join(CURRENT)).unwrap();
    file.write_all(b"{\"hangup_journal\":1}\n").unwrap();
    let mut text = String::new();
    for number in 0..200_000 {
        let line =
            json!({"connection": format!("c{number}"), "record": {"alive": {"session": 1, "age": 1.0}}});
        text.push_str(&line.to_string());
        text.push('\n');
    }
    file.write_all(text.as_bytes()).unwrap();
    drop(file);
    let mut life = Life::new(directory.path(), MIB);
    assert!(life.past.connections().count() <= 10_000);
    for _ in 0..100 {
        life.drops(5.0, "still written");
    }
    assert!(life.journal.flush());
    // Their heads alone are more than a file may hold: yet not each line begins a new file.
    let older = fs::metadata(directory.path().join("journal.1.jsonl")).unwrap().len();
    assert!(older > 10 * MIB, "the first file is still there: {older} bytes");
    life.stop();
    assert_eq!(Life::new(directory.path(), MIB).words().len(), 100);
}
