//! The conversation over simulated time: questions, answers, silence, and what is concluded from it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::support::{CLIENT, FIRST, Kept, SECOND, bytes, conversation, entry, json, manner, message, on};
use hangup::clock::Now;
use hangup::connection::order::{Refusal, Verdict};
use hangup::source::navien::devices::Entry;
use hangup::source::navien::dialogue::{Conversation, Manner, Memories};
use hangup::source::{Command, Dialogue, Inventory, Listed, Outcome, Want};

const SECOND_OF_TIME: Duration = Duration::from_secs(1);

/// A conversation, a clock and what it wanted so far.
struct Stage {
    conversation: Conversation,
    kept: Kept,
    began: Now,
    now: Now,
    /// Seconds since the start, and in words: `st`, `st/did`, `energy`, `app-connection`, `look up`, …
    said: Vec<(f64, String)>,
}

impl Stage {
    fn new(heaters: &[Entry], manner: Manner, memories: &Arc<Mutex<Memories>>) -> Self {
        let now = on("2026-01-15");
        let mut conversation = conversation(manner, heaters, now, memories);
        assert_eq!(conversation.deadline(), None, "nothing is said before the subscriptions are back");
        let mut kept = Kept::default();
        conversation.restored(now, &mut kept);
        Self { conversation, kept, began: now, now, said: Vec::new() }
    }

    fn alone(online: Option<bool>) -> Self {
        Self::new(&[entry(FIRST, online)], manner(false), &Arc::default())
    }

    fn elapsed(&self) -> f64 {
        self.now.at.saturating_since(self.began.at).as_secs_f64()
    }

    /// Lets time pass for `seconds`; `answer` is told each thing that is said and may react.
    fn pass(&mut self, seconds: u64, mut answer: impl FnMut(&mut Self, &str)) {
        let end = self.now.plus(Duration::from_secs(seconds));
        while let Some(deadline) = self.conversation.deadline().filter(|at| *at <= end.at) {
            let ahead = deadline.saturating_since(self.now.at);
            self.now = self.now.plus(ahead);
            let mut wants = Vec::new();
            self.conversation.due(self.now, &mut self.kept, &mut wants);
            for want in wants {
                let words = words(&want);
                self.said.push((self.elapsed(), words.clone()));
                answer(self, &words);
            }
        }
        self.now = self.now.plus(end.at.saturating_since(self.now.at));
    }

    fn silence(&mut self, seconds: u64) {
        self.pass(seconds, |_, _| {});
    }

    fn times(&self, what: &str) -> Vec<f64> {
        self.said.iter().filter(|(_, words)| words == what).map(|(at, _)| *at).collect()
    }

    /// The fixture's answer, addressed to `client`, two seconds from now.
    fn answer(&mut self, file: &str, mac: &str, client: &str) -> Outcome {
        self.now = self.now.plus(2 * SECOND_OF_TIME);
        let mut answer = json(file);
        answer["response"]["macAddress"] = mac.into();
        answer.as_object_mut().unwrap().remove("responseTopic");
        let topic = format!("cmd/52/navilink-{mac}/{client}/res");
        let message = message(&topic, answer.to_string());
        self.conversation.heard(&message, self.now, &mut self.kept)
    }

    fn listed(&mut self, devices: &[(&str, Option<bool>)]) {
        let devices = devices.iter().map(|(key, online)| Listed { key: (*key).to_owned(), online: *online });
        let inventory = Inventory { devices: devices.collect() };
        self.conversation.inventory(Some(&inventory), self.now, &mut self.kept);
    }
}

fn words(want: &Want) -> String {
    match want {
        Want::Publish(message) => {
            let (_, suffix) = message.topic.split_once("navilink-").unwrap();
            let (mac, suffix) = suffix.split_once('/').unwrap();
            let suffix = if suffix.contains("energy") { "energy" } else { suffix };
            if mac == FIRST { suffix.to_owned() } else { format!("second: {suffix}") }
        }
        Want::LookUp => "look up".to_owned(),
        Want::Reconnect(_) => "reconnect".to_owned(),
        Want::Replan(_) => "replan".to_owned(),
    }
}

/// A heater that answers every question but energy.
fn well(stage: &mut Stage, words: &str) {
    let outcome = match words {
        "st" => stage.answer("mqtt-status-heat-pump.json", FIRST, CLIENT),
        "st/did" => stage.answer("mqtt-feature-65gal.json", FIRST, CLIENT),
        "energy" => stage.answer("mqtt-energy-daily-one-month.json", FIRST, CLIENT),
        _ => return,
    };
    assert_eq!(outcome, Outcome::Decoded);
}

#[test]
fn it_begins_with_the_announcement_then_features_then_status_and_energy_soon_after() {
    let mut stage = Stage::alone(Some(true));
    stage.silence(15);
    let order: Vec<&str> = stage.said.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(order, ["app-connection", "st/did", "st", "energy"]);
    assert!((5.0..=10.0).contains(&stage.times("energy")[0]));
    assert_eq!(stage.kept.intervals["first"], Duration::from_secs(60));
    assert_eq!(stage.kept.get("navien_device_online"), Some(1.0));
}

#[test]
fn heaters_of_one_account_begin_one_after_the_other() {
    let heaters = [entry(FIRST, None), entry(SECOND, None)];
    let mut stage = Stage::new(&heaters, manner(false), &Arc::default());
    stage.silence(1);
    assert_eq!(stage.times("app-connection"), [0.0]);
    assert_eq!(stage.times("second: app-connection"), [0.25]);
}

#[test]
fn a_heater_that_answers_is_asked_at_the_configured_pace_with_some_jitter() {
    let mut stage = Stage::alone(Some(true));
    stage.pass(3_600, well);
    let asked = stage.times("st");
    assert!((56..=66).contains(&asked.len()), "{}", asked.len());
    let gaps: Vec<f64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (56.0..=65.0).contains(gap)), "{gaps:?}");
    assert!(gaps.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.01), "no jitter");
    assert!((2..=3).contains(&stage.times("st/did").len()) && (2..=3).contains(&stage.times("energy").len()));
    assert!((11..=13).contains(&stage.times("look up").len()), "{:?}", stage.times("look up"));
    assert_eq!(stage.kept.timed_out, [] as [&str; 0]);
    // Two that were sent together are answered one after the other.
    let took = 2 * SECOND_OF_TIME..=4 * SECOND_OF_TIME;
    assert!(
        stage.kept.answered.iter().all(|(_, seconds)| took.contains(seconds)),
        "{:?}",
        stage.kept.answered
    );
}

#[test]
fn only_one_question_of_a_kind_is_open_at_a_time() {
    let mut stage = Stage::alone(Some(true));
    stage.silence(19);
    assert_eq!(stage.times("st").len(), 1);
    assert_eq!(stage.kept.timed_out.len(), 0);
    stage.silence(2);
    assert_eq!(stage.kept.timed_out.len(), 2, "features and status were given up after 20 s");
}

#[test]
fn an_answer_to_another_client_is_used_but_answers_nothing() {
    let mut stage = Stage::alone(Some(true));
    stage.silence(1);
    assert_eq!(stage.answer("mqtt-status-heat-pump.json", FIRST, "somebody-else"), Outcome::Decoded);
    assert!(stage.kept.get("navien_power_watts").is_some());
    assert_eq!(stage.kept.answered.len(), 0);
    stage.silence(20);
    assert!(!stage.kept.timed_out.is_empty());
}

#[test]
fn an_answer_is_matched_by_its_device_and_kind_not_by_its_session() {
    let heaters = [entry(FIRST, None), entry(SECOND, None)];
    let mut stage = Stage::new(&heaters, manner(false), &Arc::default());
    stage.silence(1);
    stage.answer("mqtt-status-second-device.json", SECOND, CLIENT);
    let answered: Vec<_> = stage.kept.answered.iter().map(|(device, _)| device.as_str()).collect();
    assert_eq!(answered, ["second"]);
    // A second copy is a reading like any other, but no answer any more.
    assert_eq!(stage.answer("mqtt-status-second-device.json", SECOND, CLIENT), Outcome::Decoded);
    assert_eq!(stage.kept.answered.len(), 1);
}

#[test]
fn our_own_question_that_comes_back_is_ignored() {
    let mut stage = Stage::alone(Some(true));
    stage.silence(1);
    let echo = message("cmd/52/navilink-020000aabb01/st", bytes("mqtt-own-request-echo.json"));
    assert_eq!(stage.conversation.heard(&echo, stage.now, &mut stage.kept), Outcome::Ignored);
    assert_eq!((stage.kept.seen.len(), stage.kept.answered.len()), (0, 0));
}

#[test]
fn a_stranger_is_ignored() {
    let mut stage = Stage::alone(Some(true));
    assert_eq!(stage.answer("mqtt-status-heat-pump.json", "020000aabb99", CLIENT), Outcome::Ignored);
    assert_eq!(stage.kept.seen.len(), 0);
}

#[test]
fn a_heater_that_is_offline_is_told_from_a_dead_session() {
    let mut stage = Stage::alone(Some(true));
    stage.pass(3_600, |stage, words| {
        if words == "look up" {
            stage.listed(&[(FIRST, Some(false))]);
        }
    });
    assert_eq!(stage.times("reconnect"), [] as [f64; 0]);
    assert_eq!(stage.kept.get("navien_device_online"), Some(0.0));
    let asked = stage.times("st");
    // Two questions in a row at first, then one in five minutes, and nothing but the status.
    assert!((10..=16).contains(&asked.len()), "{asked:?}");
    assert!(stage.times("energy").len() <= 1 && stage.times("st/did").len() <= 1);
}

#[test]
fn a_heater_that_comes_back_is_asked_at_once() {
    let mut stage = Stage::alone(Some(false));
    stage.silence(120);
    stage.said.clear();
    stage.listed(&[(FIRST, Some(true))]);
    stage.silence(1);
    let said: Vec<_> = stage.said.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(said, ["st/did", "st", "energy"]);
}

#[test]
fn a_heater_that_answers_is_awake_whatever_the_cloud_says() {
    let mut stage = Stage::alone(Some(false));
    stage.pass(1_800, |stage, words| {
        if words == "look up" {
            stage.listed(&[(FIRST, Some(false))]);
        }
        well(stage, words);
    });
    assert!(stage.times("st").len() >= 25, "{:?}", stage.times("st"));
}

#[test]
fn silence_of_heaters_that_the_cloud_sees_ends_the_session_after_the_third_question() {
    let mut stage = Stage::alone(Some(true));
    stage.pass(300, |stage, words| {
        if words == "look up" {
            stage.listed(&[(FIRST, Some(true))]);
        }
    });
    let reconnect = stage.times("reconnect")[0];
    assert_eq!(stage.times("st").iter().filter(|at| **at < reconnect).count(), 3);
    assert!((60.0..=90.0).contains(&reconnect), "{reconnect}");
    let looked_up = stage.times("look up").into_iter().any(|at| at < reconnect);
    assert!(looked_up, "the cloud was asked first");
}

#[test]
fn heaters_that_are_asked_often_give_a_dead_broker_the_time_to_be_found_out() {
    let often = Duration::from_secs(5);
    let manner = Manner { status_interval: often, request_limit: often, ..manner(false) };
    let mut stage = Stage::new(&[entry(FIRST, Some(true))], manner, &Arc::default());
    stage.pass(120, |stage, words| {
        if words == "look up" {
            stage.listed(&[(FIRST, Some(true))]);
        }
    });
    let (asked, reconnect) = (stage.times("st")[0], stage.times("reconnect")[0]);
    assert!((45.0..=60.0).contains(&(reconnect - asked)), "keep-alive and 15 s: {asked} to {reconnect}");
}

#[test]
fn the_clouds_answer_is_awaited_before_a_session_is_given_up() {
    let mut stage = Stage::alone(Some(true));
    stage.silence(300);
    let (looked_up, reconnect) = (stage.times("look up")[0], stage.times("reconnect")[0]);
    assert!((40.0..=50.0).contains(&looked_up), "after the second question: {looked_up}");
    assert!((reconnect - looked_up - 90.0).abs() < 0.01, "when the look-up was given up: {reconnect}");
}

#[test]
fn without_a_word_from_the_cloud_what_it_said_before_stands() {
    let mut stage = Stage::alone(Some(true));
    stage.pass(300, |stage, words| {
        if words == "look up" {
            stage.conversation.inventory(None, stage.now, &mut stage.kept);
        }
    });
    assert!(!stage.times("reconnect").is_empty());
}

#[test]
fn a_heater_of_which_nobody_knows_whether_it_is_online_ends_no_session() {
    let mut stage = Stage::alone(None);
    stage.silence(1_800);
    assert_eq!(stage.times("reconnect"), [] as [f64; 0]);
}

#[test]
fn a_mute_heater_beside_one_that_speaks_ends_no_session() {
    let heaters = [entry(FIRST, Some(true)), entry(SECOND, Some(true))];
    let mut stage = Stage::new(&heaters, manner(false), &Arc::default());
    stage.pass(3_600, |stage, words| match words {
        "look up" => stage.listed(&[(FIRST, Some(true)), (SECOND, Some(true))]),
        words => well(stage, words),
    });
    assert_eq!(stage.times("reconnect"), [] as [f64; 0]);
    assert!(stage.kept.timed_out.iter().all(|device| device == "second"));
}

#[test]
fn each_mute_session_doubles_the_patience_of_the_next_and_a_word_restores_it() {
    let memories = Arc::default();
    let first_reconnect = |memories: &Arc<Mutex<Memories>>| {
        let mut stage = Stage::new(&[entry(FIRST, Some(true))], manner(false), memories);
        while stage.times("reconnect").is_empty() {
            stage.pass(1, |stage, words| {
                if words == "look up" {
                    stage.listed(&[(FIRST, Some(true))]);
                }
            });
        }
        stage.times("st").len()
    };
    assert_eq!((first_reconnect(&memories), first_reconnect(&memories)), (3, 6));
    let mut stage = Stage::new(&[entry(FIRST, Some(true))], manner(false), &memories);
    stage.answer("mqtt-status-heat-pump.json", FIRST, CLIENT);
    assert_eq!(first_reconnect(&memories), 3);
}

#[test]
fn a_new_heater_is_planned_for_at_once_and_a_vanished_one_when_it_is_missing_twice() {
    let mut stage = Stage::alone(Some(true));
    stage.listed(&[]);
    stage.silence(1);
    assert_eq!(stage.times("replan"), [] as [f64; 0], "one list may be wrong");
    stage.listed(&[(FIRST, Some(true))]);
    stage.listed(&[]);
    stage.silence(1);
    assert_eq!(stage.times("replan"), [] as [f64; 0], "it was there in between");
    stage.listed(&[]);
    stage.silence(1);
    assert_eq!(stage.times("replan").len(), 1);
    stage.listed(&[(FIRST, Some(true)), (SECOND, Some(true))]);
    stage.silence(1);
    assert_eq!(stage.times("replan").len(), 2);
}

#[test]
fn a_session_begins_by_saying_which_heaters_there_are() {
    let both = Stage::new(&[entry(FIRST, Some(true)), entry(SECOND, None)], manner(false), &Arc::default());
    assert_eq!(both.kept.devices.len(), 2);
    assert_eq!(Stage::alone(Some(true)).kept.devices, both.kept.devices[..1]);
}

#[test]
fn readings_live_for_two_and_a_half_questions_and_an_answer() {
    let mut stage = Stage::alone(Some(true));
    stage.pass(60, well);
    let lifetimes = &stage.kept.lifetimes;
    assert_eq!(lifetimes["navien_power_watts"], Duration::from_secs(180));
    assert_eq!(lifetimes["navien_tank_volume_litres"], Duration::from_secs(4_520));
    assert_eq!(lifetimes["navien_electrical_energy_joules_total"], Duration::from_secs(4_520));
    assert_eq!(lifetimes["navien_device_online"], Duration::from_secs(750));
    let slow = Manner { status_interval: Duration::from_secs(600), ..manner(false) };
    let mut stage = Stage::new(&[entry(FIRST, Some(true))], slow, &Arc::default());
    stage.pass(60, well);
    assert_eq!(stage.kept.lifetimes["navien_power_watts"], Duration::from_secs(1_520));
}

#[test]
fn energy_is_asked_for_the_month_of_the_calendar() {
    let mut stage = Stage::alone(Some(true));
    let mut wants = Vec::new();
    stage.now = stage.now.plus(Duration::from_secs(17 * 86_400));
    stage.conversation.due(stage.now, &mut stage.kept, &mut wants);
    let energy = wants.iter().find_map(|want| match want {
        Want::Publish(message) if message.topic.contains("energy") => Some(message.payload.clone()),
        Want::Publish(_) | Want::LookUp | Want::Reconnect(_) | Want::Replan(_) => None,
    });
    let body: Value = serde_json::from_slice(&energy.unwrap()).unwrap();
    assert_eq!((&body["request"]["year"], &body["request"]["month"]), (&2026.into(), &vec![2].into()));
}

#[test]
fn diagnostics_are_asked_for_only_when_wanted() {
    let mut stage = Stage::alone(Some(true));
    stage.silence(60);
    assert_eq!(stage.times("st/td/rd").len(), 0);
    let mut stage = Stage::new(&[entry(FIRST, Some(true))], manner(true), &Arc::default());
    stage.silence(60);
    assert_eq!(stage.times("st/td/rd").len(), 1);
}

#[test]
fn it_says_good_bye_to_those_it_greeted() {
    let heaters = [entry(FIRST, None), entry(SECOND, None)];
    let mut stage = Stage::new(&heaters, manner(false), &Arc::default());
    stage.silence(0);
    let farewell = stage.conversation.farewell(stage.now);
    let topics: Vec<_> = farewell.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["cmd/52/navilink-020000aabb01/st/end"]);
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Answer(bool),
    Listed(Option<bool>),
    NotListed,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u64..400_000).prop_map(Step::Wait),
        any::<bool>().prop_map(Step::Answer),
        prop_oneof![Just(None), Just(Some(true)), Just(Some(false))].prop_map(Step::Listed),
        Just(Step::NotListed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: what is due is done, and the next deadline lies ahead, or the driver would spin.
    #[test]
    fn the_next_deadline_always_lies_ahead(steps in prop::collection::vec(step(), 0..60)) {
        let mut stage = Stage::new(&[entry(FIRST, Some(true))], manner(true), &Arc::default());
        for step in steps {
            match step {
                Step::Wait(milliseconds) => stage.now = stage.now.plus(Duration::from_millis(milliseconds)),
                Step::Answer(ours) => {
                    let client = if ours { CLIENT } else { "other" };
                    stage.answer("mqtt-status-heat-pump.json", FIRST, client);
                }
                Step::Listed(online) => stage.listed(&[(FIRST, online)]),
                Step::NotListed => stage.conversation.inventory(None, stage.now, &mut stage.kept),
            }
            let mut wants = Vec::new();
            // A second call may be needed after a session was given up.
            for _ in 0..2 {
                stage.conversation.due(stage.now, &mut stage.kept, &mut wants);
            }
            prop_assert!(stage.conversation.deadline().unwrap() > stage.now.at);
        }
    }
}

#[test]
fn a_command_is_worded_once_the_features_are_known_and_its_answer_is_told_once() {
    let memories = Arc::default();
    let now = on("2026-01-15");
    let mut talk = conversation(manner(false), &[entry(FIRST, Some(true))], now, &memories);
    let mut sink = Kept::default();
    talk.restored(now, &mut sink);
    let read =
        |text: &str| Command::read("navien", &hangup::commands::read(text.as_bytes()).unwrap()).unwrap();
    let warmer = read(r#"{"command": "set_temperature", "celsius": 60}"#);
    assert_eq!(talk.word("first", &warmer, now).unwrap_err(), Refusal::FeaturesUnknown);
    assert_eq!(talk.word("nobody", &warmer, now).unwrap_err(), Refusal::NoSuchDevice);
    let answers = format!("cmd/52/navilink-{FIRST}/{CLIENT}/res");
    talk.heard(&message(&answers, bytes("mqtt-feature-65gal.json")), now, &mut sink);
    talk.word("first", &warmer, now).unwrap();
    let hotter = read(r#"{"command": "set_temperature", "celsius": 80}"#);
    assert!(matches!(talk.word("first", &hotter, now), Err(Refusal::BadValue(_))));
    for (topic, file, expected) in [
        (answers.clone(), "mqtt-status-standby.json", None),
        (answers.clone(), "mqtt-status-control-ack.json", Some(Verdict::Done)),
    ] {
        talk.commanded("first", &warmer);
        talk.heard(&message(&topic, bytes(file)), now, &mut sink);
        assert_eq!((talk.verdict(), talk.verdict()), (expected, None), "{file}");
    }
    talk.commanded("first", &warmer);
    let refusal = String::from_utf8(bytes("mqtt-control-fail.json")).unwrap();
    let topic = format!("cmd/52/navilink-{FIRST}/ctrl-fail");
    // The fixture echoes a session id that is longer than the one of this test's asker: it is somebody else's.
    talk.heard(&message(&topic, refusal.clone()), now, &mut sink);
    assert_eq!(talk.verdict(), None);
    let ours = refusal.replace("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "0f1e2d3c");
    talk.heard(&message(&topic, ours), now, &mut sink);
    assert!(matches!(talk.verdict(), Some(Verdict::Failed { code: 2, .. })));
}
