//! Damaged files: torn, spoilt, of another version, of two processes. Everything else comes back.
//!
//! Never a damage that loses more than the line that it hit.

use std::fs;
use std::path::Path;

use hangup::connection::error::ErrorName;
use hangup::lifecycle::CloseCause;
use hangup::lifecycle::history::{End, History};
use hangup::lifecycle::journal::PassedOver;
use tempfile::TempDir;

use crate::life::{CURRENT, Life, MIB, files, found, words};

/// A journal with three drops, the last line that of the last drop; its text.
fn three(directory: &Path) -> String {
    let mut life = Life::new(directory, MIB);
    for word in ["one", "two", "three"] {
        life.drops(5.0, word);
    }
    life.die();
    files(directory).into_values().next().unwrap()
}

fn find(text: &str) -> (History, PassedOver, String) {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(CURRENT), text).unwrap();
    let (history, past) = found(directory.path());
    let after = fs::read_to_string(directory.path().join(CURRENT)).unwrap();
    (history, past.passed_over(), after)
}

#[test]
fn a_line_torn_at_any_byte_loses_nothing_else() {
    let directory = TempDir::new().unwrap();
    let text = three(directory.path());
    // What is thought of the last drop follows it.
    let (text, _) = text.trim_end().rsplit_once('\n').unwrap();
    let text = format!("{text}\n");
    let start = text.trim_end().rfind('\n').unwrap() + 1;
    assert!(text[start..].contains("three"));
    // Every byte in 40 steps, and the first and the last ones each.
    let length = text.len() - start;
    let cuts = (0..length).filter(|cut| *cut < 4 || *cut + 4 > length || cut % (length / 40) == 0);
    for cut in cuts {
        let (history, passed, after) = find(&text[..start + cut]);
        let whole = cut == length - 1;
        let expected: &[&str] = if whole { &["one", "two", "three"] } else { &["one", "two"] };
        assert_eq!(words(&history), expected, "cut after {cut} bytes");
        assert_eq!(history.totals().drops, expected.len() as u64);
        let damaged = u64::from(cut > 0 && !whole);
        assert_eq!(passed, PassedOver { damaged, ..PassedOver::default() }, "cut after {cut} bytes");
        // A session without an end ended by us.
        let last = history.sessions().next_back().unwrap();
        assert_eq!((last.number, last.censored()), (3, !whole));
        // The file is in order again: every line of it is JSON.
        assert!(
            after.ends_with('\n')
                && after.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
        );
    }
}

#[test]
fn garbage_loses_the_lines_that_it_hit_and_nothing_else() {
    let directory = TempDir::new().unwrap();
    let text = three(directory.path());
    let lines: Vec<_> = text.lines().collect();
    for spoilt in 0..lines.len() {
        let mut lines: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let hit = String::from_utf8(lines[spoilt].clone()).unwrap();
        lines[spoilt] = vec![0, b'{', 0xff, 0xfe, b'"', 7];
        let directory = TempDir::new().unwrap();
        let mut bytes = lines.join(&b'\n');
        bytes.push(b'\n');
        fs::write(directory.path().join(CURRENT), bytes).unwrap();
        let (history, past) = found(directory.path());
        let expected: Vec<_> = ["one", "two", "three"]
            .into_iter()
            .filter(|word| !hit.contains(&format!("\"{word}\"")))
            .collect();
        assert_eq!(words(&history), expected, "without line {spoilt}");
        assert_eq!(past.passed_over(), PassedOver { damaged: 1, ..PassedOver::default() });
    }
}

#[test]
fn a_line_without_end_does_not_fill_the_memory_and_what_follows_counts() {
    let directory = TempDir::new().unwrap();
    let mut text = three(directory.path());
    text.push_str(&"x".repeat(9 << 20));
    text.push('\n');
    let drop = text.lines().find(|line| line.contains("\"three\"")).unwrap().to_owned();
    text.push_str(&drop.replace("\"three\"", "\"four\"").replace("\"number\":3", "\"number\":4"));
    text.push('\n');
    let (history, passed, _) = find(&text);
    assert_eq!(words(&history), ["one", "two", "three", "four"]);
    assert_eq!(passed.damaged, 1);
}

#[test]
fn what_a_newer_version_wrote_is_passed_over_and_the_rest_counts() {
    let directory = TempDir::new().unwrap();
    let text = three(directory.path());
    let two = text.lines().find(|line| line.contains("\"two\"")).unwrap();
    let newer = [
        text.replacen("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "LOCAL_FROM_THE_FUTURE", 1),
        text.replace(two, "{\"connection\":\"home\",\"record\":{\"dreamt\":{\"of\":7}}}"),
        text.replace(two, &two.replace("\"fin\"", "\"half_fin\"")),
        text.replace(two, &two.replace("\"tier\":\"quick\"", "\"tier\":\"sideways\"")),
    ];
    for text in newer {
        let (history, passed, _) = find(&text);
        assert_eq!(history.drops().len(), 2);
        assert_eq!(passed, PassedOver { unknown: 1, ..PassedOver::default() });
    }
    // A new field is no reason to pass over a line.
    let (history, passed, _) = find(&text.replace("\"attempts\":1", "\"attempts\":1,\"mood\":\"fine\""));
    assert_eq!((history.drops().len(), passed), (3, PassedOver::default()));
}

#[test]
fn a_line_that_stands_twice_counts_once() {
    let directory = TempDir::new().unwrap();
    let text = three(directory.path());
    let twice: String = text.lines().flat_map(|line| [line, "\n", line, "\n"]).collect();
    let (history, passed, _) = find(&twice);
    assert_eq!(words(&history), ["one", "two", "three"]);
    assert_eq!((history.totals().drops, history.totals().connects, history.totals().closes), (3, 3, 0));
    assert_eq!(history.totals().drops_by_error.get(&ErrorName::UnexpectedHangup), Some(&3));
    assert_eq!((passed.damaged, passed.unknown), (0, 1), "the second header is no record");
}

#[test]
fn a_journal_of_another_format_is_kept_under_another_name() {
    let directory = TempDir::new().unwrap();
    let text = three(directory.path()).replace("{\"hangup_journal\":1}", "{\"hangup_journal\":2}");
    fs::write(directory.path().join(CURRENT), &text).unwrap();
    let mut life = Life::new(directory.path(), MIB);
    assert_eq!(life.words(), Vec::<String>::new());
    life.drops(1.0, "new");
    life.stop();
    assert_eq!(fs::read_to_string(directory.path().join("journal.format-2.bak")).unwrap(), text);
    assert_eq!(words(&found(directory.path()).0), ["new"]);
}

#[test]
fn a_killed_process_leaves_a_session_that_ended_by_us() {
    let directory = TempDir::new().unwrap();
    let mut life = Life::new(directory.path(), MIB);
    life.drops(5.0, "one");
    life.begin();
    life.die();
    // A sign of life, as one is written every 5 minutes.
    let path = directory.path().join(CURRENT);
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"connection\":\"home\",\"record\":{\"alive\":{\"session\":2,\"age\":600.5}}}\n");
    fs::write(&path, text).unwrap();
    for _ in 0..2 {
        let (history, _) = found(directory.path());
        let session = history.sessions().next_back().unwrap();
        assert_eq!((session.number, session.age().as_secs_f64()), (2, 600.5));
        assert_eq!(session.ending, End::Closed(CloseCause::Shutdown));
        assert!(session.censored() && session.ended_by == hangup::connection::ending::EndedBy::Us);
        let totals = history.totals();
        assert_eq!((totals.connects, totals.drops, totals.closes), (2, 1, 1));
        assert_eq!(totals.count, 1, "how long it lasted is not known");
        assert!(history.living().is_none());
        assert_eq!(history.last_number(), 2);
    }
}
