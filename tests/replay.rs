//! Stories of a connection, replayed: recorded inputs through the machine, its outputs compared line by line.
//! Never opens a socket. `HANGUP_RECORD=1 cargo test --test replay` writes the outputs anew; read the diff then.
//!
//! A story is a file in `tests/replay`. Its first line is the setting, every further one an input: `after` so many
//! seconds (or at the `deadline`) something happens, and `does` lists what the machine wants done.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::path::Path;
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::config::Policy;
use hangup::connection::ending::{EndedBy, Ending, LinkStats, PhaseTime};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::machine::{Action, Facts, Input, LinkReport, Machine, Rebuild};
use hangup::connection::{Detail, Failure, Phase};
use hangup::lifecycle::Event;
use serde::{Deserialize, Serialize};

/// The first line of a story.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    story: String,
    seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifetime_s: Option<u64>,
}

/// One input with what came of it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, skip_serializing_if = "is_default")]
    after: After,
    input: Told,
    #[serde(default)]
    does: Vec<String>,
}

/// When an input comes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
enum After {
    Seconds(f64),
    Deadline(Deadline),
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Deadline {
    Deadline,
}

impl Default for After {
    fn default() -> Self {
        Self::Seconds(0.0)
    }
}

fn is_default(after: &After) -> bool {
    *after == After::default()
}

/// An input as a story tells it, of the attempt under way; `late_ended` of the one before it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Told {
    Start,
    Tick,
    Planned,
    PlanFailed(What),
    Entered(Phase),
    Finished(Phase),
    Accepted,
    Restored,
    Failed(What),
    Ended(What),
    LateEnded(What),
    Closed,
    Replan,
    Reconnect,
    NetworkBack,
    Reload,
    Stop,
}

/// A failure as a story tells it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct What {
    phase: Phase,
    error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<RetryClass>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<u8>,
}

impl What {
    fn failure(&self) -> Failure {
        let error = ErrorName::ALL.iter().find(|name| name.as_str() == self.error);
        let failure =
            Failure::new(self.phase, *error.unwrap_or_else(|| panic!("no error {}", self.error)), "");
        let failure = self.class.iter().fold(failure, |failure, class| failure.with_class(*class));
        self.reason.iter().fold(failure, |f, reason| f.with_detail(Detail::Disconnect(Some(*reason))))
    }

    fn ending(&self) -> Box<Ending> {
        let stats = LinkStats::default();
        Box::new(Ending {
            failure: self.failure(),
            ended_by: EndedBy::Peer,
            alive: Instant::default(),
            stats,
            tcp: None,
        })
    }
}

fn input(told: &Told, generation: u64, facts: Facts) -> Input {
    let link = |report| Input::Link { generation, report };
    match told {
        Told::Start => Input::Start,
        Told::Tick => Input::Tick,
        Told::Planned => Input::Plan { generation, outcome: Ok(facts) },
        Told::PlanFailed(what) => Input::Plan { generation, outcome: Err(what.failure()) },
        Told::Entered(phase) => link(LinkReport::Entered(*phase)),
        Told::Finished(phase) => {
            link(LinkReport::Finished(PhaseTime { phase: *phase, took: Duration::from_millis(20) }))
        }
        Told::Accepted => link(LinkReport::Accepted {
            session_present: false,
            peer: ([192, 0, 2, 1], 443).into(),
            local: ([192, 0, 2, 2], 50_000).into(),
            certificate_expires: None,
        }),
        Told::Restored => link(LinkReport::Restored { active: facts.subscriptions, refused: 0 }),
        Told::Failed(what) => link(LinkReport::Failed(what.failure())),
        Told::Ended(what) => link(LinkReport::Ended(what.ending())),
        Told::LateEnded(what) => {
            Input::Link { generation: generation - 1, report: LinkReport::Ended(what.ending()) }
        }
        Told::Closed => link(LinkReport::Closed(None)),
        Told::Replan => Input::Rebuild { generation, rebuild: Rebuild::Plan },
        Told::Reconnect => Input::Rebuild { generation, rebuild: Rebuild::Everything },
        Told::NetworkBack => Input::NetworkBack,
        Told::Reload => Input::Reload,
        Told::Stop => Input::Stop,
    }
}

fn told(action: &Action) -> String {
    match action {
        Action::Plan { generation, tier } => format!("plan {generation}, {}", tier.as_str()),
        Action::AbandonPlan => "abandon the plan".to_owned(),
        Action::Connect { generation } => format!("connect {generation}"),
        Action::Close { generation } => format!("close {generation}"),
        Action::Abandon => "abandon the link".to_owned(),
        Action::TalkBegins => "talk".to_owned(),
        Action::TalkEnds => "end the talk".to_owned(),
        Action::Record(event) => format!("record: {}", told_event(event)),
    }
}

fn told_event(event: &Event) -> String {
    match event {
        Event::AttemptStarted { tier, number } => format!("attempt {number} started, {}", tier.as_str()),
        Event::Credentials(_) => "credentials".to_owned(),
        Event::PhaseEntered(phase) => format!("entered {}", phase.as_str()),
        Event::PhaseFinished(time) => format!("finished {}", time.phase.as_str()),
        Event::AttemptFailed { failure, interrupted } => {
            let how = if *interrupted { "interrupted" } else { "failed" };
            format!("attempt {how}: {} in {}", failure.error, failure.phase.as_str())
        }
        Event::Established { attempts, .. } => format!("established after {attempts}"),
        Event::Restored { active, refused } => format!("restored {active}, refused {refused}"),
        Event::Dropped(ending) => format!("dropped: {}", ending.failure.error),
        Event::Closed { cause, .. } => format!("closed: {}", cause.as_str()),
        Event::Waiting { delay, why } => format!("waiting {:.3} s: {}", delay.as_secs_f64(), why.as_str()),
        Event::Happened(_) => panic!("not the machine's to tell"),
        Event::Stopped => "stopped".to_owned(),
    }
}

/// Replays a story and returns it with the outputs of today.
fn replay(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let setting: Setting = serde_json::from_str(lines.next().unwrap()).unwrap();
    let facts = Facts {
        one_time_client_id: false,
        subscriptions: 4,
        subscribe_packets: 1,
        // Without keep-alive the deadline of a session is its renewal.
        keep_alive: if setting.lifetime_s.is_some() { Duration::ZERO } else { Duration::from_secs(30) },
        lifetime: setting.lifetime_s.map(Duration::from_secs),
        credentials_expire: None,
        min_connect_interval: Duration::from_secs(1),
        fin_is_orderly: false,
    };
    let mut machine = Machine::new(Policy::default(), setting.seed);
    let mut now = Now { at: Instant::from_boot(Duration::from_secs(1_000)), wall: SystemTime::UNIX_EPOCH };
    let mut today = serde_json::to_string(&setting).unwrap() + "\n";
    for line in lines {
        let mut line: Line = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        now = now.plus(match line.after {
            After::Seconds(seconds) => Duration::from_secs_f64(seconds),
            After::Deadline(Deadline::Deadline) => {
                machine.deadline().expect("somebody waits").saturating_since(now.at)
            }
        });
        let mut actions = Vec::new();
        machine.step(input(&line.input, machine.generation(), facts), now, &mut actions);
        line.does = actions.iter().map(told).collect();
        today += &serde_json::to_string(&line).unwrap();
        today.push('\n');
    }
    today
}

fn story(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay").join(name).with_extension("jsonl");
    let recorded = std::fs::read_to_string(&path).unwrap();
    let today = replay(&recorded);
    if std::env::var_os("HANGUP_RECORD").is_some() {
        std::fs::write(&path, today).unwrap();
        return;
    }
    for (number, (recorded, today)) in recorded.lines().zip(today.lines()).enumerate() {
        assert_eq!(today, recorded, "{name}, line {}", number + 1);
    }
    assert_eq!(today.lines().count(), recorded.lines().count());
}

#[test]
fn a_session_is_renewed_before_its_24_hours_are_over() {
    story("renewal_24h");
}

#[test]
fn a_broker_that_throws_us_out_meets_growing_waits() {
    story("kick_out_loop");
}

#[test]
fn a_wrong_password_is_tried_rarely() {
    story("wrong_password");
}

#[test]
fn refused_credentials_are_renewed_once_and_at_once() {
    story("forbidden_upgrade");
}

#[test]
fn an_outage_is_retried_and_its_fifth_failure_goes_deep() {
    story("outage_refused");
}

#[test]
fn three_takeovers_lead_to_quarantine() {
    story("takeover_quarantine");
}

#[test]
fn a_stop_while_connecting_interrupts_the_attempt() {
    story("stop_while_connecting");
}

#[test]
fn links_that_hang_are_given_up_and_their_late_words_ignored() {
    story("hanging_link");
}

#[test]
fn a_dialogue_gets_the_session_it_wants() {
    story("rebuild");
}

#[test]
fn every_story_is_told() {
    let source = include_str!("replay.rs");
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(source.contains(&format!("story(\"{name}\")")), "no test tells {name}");
    }
}
