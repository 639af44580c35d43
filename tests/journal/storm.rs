//! Processes that are killed at random moments while drops rain: the journal loads each time, tells no drop twice, and
//! lacks at most the last one of each process.
//!
//! A drop follows the one before it when that one is on the disk: between two drops of a connection lies a connect, which
//! takes far longer.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use tempfile::TempDir;

use crate::child;
use crate::life::{Life, MIB, files, found};

/// What the parent says to a child: its round, and the limit of the journal.
const ROUND: &str = "JOURNAL_TEST_ROUND";
const LIMIT: &str = "JOURNAL_TEST_LIMIT";

/// Seeds the moments.
const SEED: u64 = 20_250_101;

#[test]
#[ignore = "a child of the tests below, which kill it"]
fn rain() {
    let Some(directory) = child::directory() else { return };
    let say = |line: String| std::io::stderr().write_all(line.as_bytes()).unwrap();
    let variable = |name: &str| std::env::var(name).unwrap();
    let round = variable(ROUND);
    let mut life = Life::new(&directory, variable(LIMIT).parse().unwrap());
    let passed = life.past.passed_over();
    let drops = life.history.read(|history| history.totals().drops);
    say(format!("ready {drops} {} {} {}\n", passed.damaged, passed.unknown, passed.repeated));
    for count in 0_u64.. {
        if count % 3 == 0 {
            life.fails(1);
        }
        life.drops(1.5, &format!("{round}-{count}"));
        say(format!("drop {round}-{count}\n"));
        assert!(life.journal.flush());
    }
}

/// What a child said before it was killed.
#[derive(Default)]
struct Told {
    /// Drops that it found, and lines that it passed over.
    ready: Option<Vec<u64>>,
    drops: Vec<String>,
}

/// Lets it rain until the kill: some are hit while they start, most in the rain.
fn killed(directory: &Path, round: u64, limit: u64, dice: &mut fastrand::Rng) -> Told {
    let mut command = child::command("storm::rain", directory);
    let mut child = command.env(ROUND, round.to_string()).env(LIMIT, limit.to_string()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = Told::default();
    if round.is_multiple_of(5) {
        std::thread::sleep(Duration::from_micros(dice.u64(0..30_000)));
    } else {
        hear(&mut told, &lines.next().unwrap().unwrap());
        std::thread::sleep(Duration::from_micros(dice.u64(0..80_000)));
    }
    kill(&mut child);
    for line in lines {
        hear(&mut told, &line.unwrap());
    }
    told
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it was killed");
}

fn hear(told: &mut Told, line: &str) {
    if let Some(numbers) = line.strip_prefix("ready ") {
        told.ready = Some(numbers.split(' ').map(|number| number.parse().unwrap()).collect());
    } else if let Some(drop) = line.strip_prefix("drop ") {
        told.drops.push(drop.to_owned());
    } else {
        panic!("a child said: {line}");
    }
}

/// How often each drop stands in the files.
fn written(directory: &Path) -> BTreeMap<String, u32> {
    let mut written = BTreeMap::new();
    for text in files(directory).into_values() {
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            if let Some(drop) = line["record"]["over"]["ending"]["dropped"]["message"].as_str() {
                *written.entry(drop.to_owned()).or_default() += 1;
            }
        }
    }
    written
}

#[test]
fn no_kill_loses_more_than_the_last_drop_or_tells_one_twice() {
    let directory = TempDir::new().unwrap();
    let mut dice = fastrand::Rng::with_seed(SEED);
    let rounds: Vec<Told> =
        (0..200).map(|round| killed(directory.path(), round, 512 * MIB, &mut dice)).collect();
    let (history, past) = found(directory.path());
    let written = written(directory.path());
    let told: usize = rounds.iter().map(|round| round.drops.len()).sum();
    let mut lost = 0;
    for (round, told) in rounds.iter().enumerate() {
        let missing: Vec<_> = told.drops.iter().filter(|drop| !written.contains_key(*drop)).collect();
        lost += missing.len();
        match missing.as_slice() {
            [] => {}
            [only] => assert_eq!(Some(*only), told.drops.last(), "round {round}: not the last one"),
            several => panic!("round {round} lost {several:?}"),
        }
        if let Some([_, damaged, unknown, repeated]) = told.ready.as_deref() {
            let kills = u64::try_from(round).unwrap();
            assert!(*damaged <= kills && *unknown == 0 && *repeated == 0, "round {round} found damage");
        }
    }
    let twice = written.values().filter(|times| **times > 1).count();
    let began = rounds.iter().filter(|round| round.ready.is_some()).count();
    eprintln!(
        "storm: 200 kills, {began} of them in the rain; {told} drops told, {} written, {lost} lost, {twice} doubles, \
         {:?}",
        written.len(),
        past.passed_over()
    );
    assert!(began >= 150 && told > 300, "too little rain to say anything");
    assert_eq!(twice, 0);
    assert_eq!(history.totals().drops, written.len() as u64, "each drop is counted once");
    assert_eq!(past.passed_over().repeated + past.passed_over().unknown, 0);
    let totals = history.totals();
    assert_eq!(totals.connects, totals.drops + totals.closes, "each session has one end");
}

#[test]
fn no_kill_hurts_while_the_files_change() {
    let directory = TempDir::new().unwrap();
    let mut dice = fastrand::Rng::with_seed(SEED + 1);
    let limit = 24 << 10;
    let (mut told, mut counted) = (0_u64, 0);
    // Since the last count: drops told, and processes killed.
    let (mut since, mut kills) = (0, 0);
    let mut check = |now: u64, since: &mut u64, kills: &mut u64| {
        // Of each process, the last drop may lack, or may stand there although the process came not to tell it.
        let news = now.checked_sub(counted).expect("sums never shrink");
        assert!(news.abs_diff(*since) <= *kills, "{news} counted, {since} told by {kills} processes");
        (counted, *since, *kills) = (now, 0, 0);
    };
    for round in 0..60 {
        let round = killed(directory.path(), round, limit, &mut dice);
        if let Some([drops, _, unknown, repeated]) = round.ready.as_deref() {
            assert_eq!((*unknown, *repeated), (0, 0));
            check(*drops, &mut since, &mut kills);
        }
        kills += 1;
        since += round.drops.len() as u64;
        told += round.drops.len() as u64;
        let size: usize = files(directory.path()).values().map(String::len).sum();
        assert!(size as u64 <= limit + 4096, "{size} bytes, a beginning of a new file among them");
    }
    let (history, _) = found(directory.path());
    let totals = history.totals();
    check(totals.drops, &mut since, &mut kills);
    eprintln!("storm with small files: 60 kills; {told} drops told, {} counted over all", totals.drops);
    assert!(told > 100, "too little rain to say anything");
    assert_eq!(totals.connects, totals.drops + totals.closes);
}
