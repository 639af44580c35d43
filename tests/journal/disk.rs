//! Disks that are full, read-only, missing or taken: the history is restored, the exporter works on, and what happened
//! meanwhile is written when the disk is back.
//!
//! Never root's view only: these file systems refuse everybody.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use crate::child;
use crate::life::{CURRENT, Life, MIB, files, found, words};

#[test]
fn a_full_disk_loses_nothing_that_comes_after_it() {
    let directory = TempDir::new().unwrap();
    child::on_a_disk_of(96, "disk::full", directory.path());
}

#[test]
#[ignore = "a child of the test before"]
fn full() {
    let Some(directory) = child::directory() else { return };
    let ballast = directory.join("ballast");
    fs::write(&ballast, vec![0; 40 << 10]).unwrap();
    let mut life = Life::new(&directory, MIB);
    let mut told = Vec::new();
    while life.journal.flush() {
        told.push(format!("drop {}", told.len()));
        life.drops(1.0, told.last().unwrap());
        assert!(told.len() < 1000, "it is never full");
    }
    assert!(told.len() > 10 && life.failures() > 0.0);
    for _ in 0..20 {
        told.push(format!("drop {}", told.len()));
        life.drops(1.0, told.last().unwrap());
    }
    assert!(!life.journal.flush());
    assert!(life.failures() >= 60.0, "attempt, beginning and drop of 20 sessions: {}", life.failures());
    assert_eq!(life.words(), told, "the exporter works on");
    fs::remove_file(ballast).unwrap();
    assert!(life.journal.flush(), "there is room again");
    let failures = life.failures();
    told.push("after it".to_owned());
    life.drops(1.0, "after it");
    assert!(life.journal.flush());
    assert_eq!(life.failures(), failures, "nothing fails any more");
    life.stop();
    let (history, past) = found(&directory);
    assert_eq!(words(&history), told);
    assert_eq!(history.totals().drops, told.len() as u64);
    assert_eq!(past.passed_over(), hangup::lifecycle::journal::PassedOver::default(), "no half lines");
}

#[test]
fn a_disk_that_is_full_when_the_file_changes_keeps_the_older_file() {
    let directory = TempDir::new().unwrap();
    child::on_a_disk_of(72, "disk::full_at_the_change", directory.path());
}

#[test]
#[ignore = "a child of the test before"]
fn full_at_the_change() {
    let Some(directory) = child::directory() else { return };
    // Two files of up to 32 KiB and a beginning of one page: the disk has room for all, until there is a ballast.
    let mut life = Life::new(&directory, 64 << 10);
    let mut drops = 0_u64;
    let mut ballasts = 0;
    for _ in 0..200 {
        life.drops(1.0, "x");
        drops += 1;
        let written = life.journal.flush();
        let newer = fs::metadata(directory.join(CURRENT)).unwrap().len();
        if written && newer > 30 << 10 && directory.join("journal.1.jsonl").exists() && ballasts < 2 {
            // Fill what is left, to the last byte.
            let _ = fs::write(directory.join("ballast"), vec![0; 96 << 10]);
            ballasts += 1;
            for _ in 0..10 {
                life.drops(1.0, "x");
                drops += 1;
            }
            assert!(!life.journal.flush());
            let older = fs::metadata(directory.join("journal.1.jsonl")).unwrap().len();
            assert!(older > 20 << 10, "the older file is gone: {older} bytes");
            fs::remove_file(directory.join("ballast")).unwrap();
            assert!(life.journal.flush());
        }
    }
    assert_eq!(ballasts, 2, "it was never full");
    life.stop();
    let (history, past) = found(&directory);
    assert_eq!((history.totals().drops, history.last_number()), (drops, drops));
    assert_eq!(past.passed_over(), hangup::lifecycle::journal::PassedOver::default());
}

#[test]
fn a_read_only_disk_is_read_and_written_when_it_can_be() {
    let directory = TempDir::new().unwrap();
    child::on_a_disk_of(1024, "disk::read_only", directory.path());
}

#[test]
#[ignore = "a child of the test before"]
fn read_only() {
    let Some(directory) = child::directory() else { return };
    let mut life = Life::new(&directory, MIB);
    life.drops(1.0, "one");
    life.begin();
    life.die();
    child::remount(&directory, "ro");
    let mut life = Life::new(&directory, MIB);
    assert_eq!(life.words(), ["one"], "what can be read is restored");
    life.drops(2.0, "two");
    assert!(!life.journal.flush());
    assert!(life.failures() >= 3.0);
    assert_eq!(life.words(), ["one", "two"]);
    child::remount(&directory, "rw");
    assert!(life.journal.flush(), "it can be written again");
    life.stop();
    let (history, _) = found(&directory);
    assert_eq!(words(&history), ["one", "two"]);
    let totals = history.totals();
    assert_eq!((totals.connects, totals.drops, totals.closes), (3, 2, 1));
}

#[test]
fn a_directory_that_cannot_be_made_keeps_nothing_from_working() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let mut life = Life::new(&file.join("state"), MIB);
    life.drops(1.0, "one");
    assert!(!life.journal.flush());
    assert_eq!(life.words(), ["one"]);
    assert_eq!(life.failures(), 5.0, "the start, the attempt, the beginning, the drop and its verdict");
    // Somebody puts it right.
    fs::remove_file(&file).unwrap();
    assert!(life.journal.flush());
    life.stop();
    assert_eq!(words(&found(&file.join("state")).0), ["one"]);
}

#[test]
fn what_is_no_file_is_neither_read_nor_written() {
    let directory = TempDir::new().unwrap();
    symlink("/dev/full", directory.path().join(CURRENT)).unwrap();
    let mut life = Life::new(directory.path(), MIB);
    life.drops(1.0, "one");
    assert!(!life.journal.flush());
    assert_eq!(life.words(), ["one"]);
    life.stop();
}

#[test]
fn a_file_that_somebody_removes_begins_anew_with_the_sums() {
    let directory = TempDir::new().unwrap();
    let mut life = Life::new(directory.path(), MIB);
    life.drops(1.0, "one");
    assert!(life.journal.flush());
    fs::remove_file(directory.path().join(CURRENT)).unwrap();
    life.drops(1.0, "two");
    let _ = life.journal.flush();
    life.drops(1.0, "three");
    assert!(life.journal.flush());
    life.stop();
    let text = files(directory.path()).into_values().collect::<String>();
    assert!(text.contains("three"), "{text}");
    let (history, _) = found(directory.path());
    assert_eq!(words(&history).last().unwrap(), "three");
    assert_eq!((history.last_number(), history.totals().drops), (3, 3));
}

#[test]
fn two_processes_do_not_share_it_and_both_are_told_in_the_end() {
    let directory = TempDir::new().unwrap();
    let mut first = Life::new(directory.path(), MIB);
    let mut second = Life::new(directory.path(), MIB);
    for word in ["a", "b", "c"] {
        first.drops(1.0, word);
    }
    second.drops(1.0, "d");
    assert!(first.journal.flush());
    assert!(!second.journal.flush(), "the first has it");
    assert!(second.failures() > 0.0);
    first.stop();
    second.drops(1.0, "e");
    assert!(second.journal.flush(), "the first is gone");
    second.stop();
    let (history, past) = found(directory.path());
    assert_eq!(words(&history), ["a", "b", "c", "d", "e"]);
    let numbers: Vec<_> = history.drops().map(|session| session.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5], "each has its own, although the second counted from 1 too");
    assert_eq!((history.totals().drops, history.totals().closes), (5, 0));
    assert_eq!(past.passed_over(), hangup::lifecycle::journal::PassedOver::default());
    assert_eq!(history.last_number(), 5);
}
