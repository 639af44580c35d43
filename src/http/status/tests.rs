//! Pasts to draw: a story that the tests of this folder tell, and the tests of the whole page.
//! Time is what the story says; nothing here reads a clock.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;

use super::past::Past;
use super::view::{Ask, View};
use super::window::{Range, Window};
use super::{Scene, fleet};
use crate::clock::{Instant, Now};
use crate::connection::ending::{EndedBy, LinkStats, PhaseTime};
use crate::connection::error::ErrorName;
use crate::connection::{Failure, Phase, Tier};
use crate::diagnosis::{Cause, Claim, Evidence, Finding, Pattern, Rule, Verdict};
use crate::host::{Signal, SignalKind};
use crate::lifecycle::board::ConnectionStatus;
use crate::lifecycle::history::{Attempt, AttemptOutcome, End, History, Living, Session};
use crate::lifecycle::{CloseCause, StateName};

/// New Year's Day of 2025.
pub(super) fn noon() -> Now {
    Now {
        at: Instant::from_boot(Duration::from_secs(1_000_000)),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_732_800),
    }
}

/// A connection with a past that grows.
pub(super) struct Story {
    status: ConnectionStatus,
    now: Now,
    outage: Duration,
    words: String,
    explained: bool,
    step: Duration,
}

impl Story {
    pub(super) fn new() -> Self {
        Self {
            status: ConnectionStatus::new("home", "navien", "wss", noon()),
            now: noon(),
            outage: Duration::from_secs(5),
            words: "the broker hung up".to_owned(),
            explained: true,
            step: Duration::ZERO,
        }
    }

    /// Outages to come last so many seconds.
    pub(super) fn outage(&mut self, seconds: u64) -> &mut Self {
        self.outage = Duration::from_secs(seconds);
        self
    }

    /// Peers to come say this.
    pub(super) fn says(&mut self, words: &str) -> &mut Self {
        self.words = words.to_owned();
        self
    }

    /// Nobody thinks about drops to come.
    pub(super) fn unexplained(&mut self) -> &mut Self {
        self.explained = false;
        self
    }

    /// The diagnosis says this beside its findings.
    pub(super) fn remarks(&mut self, remarks: &[&str]) -> &mut Self {
        let remarks = remarks.iter().map(|remark| (*remark).to_owned()).collect();
        self.status.history.write(|history| history.remark(remarks));
        self
    }

    pub(super) fn waits(&mut self, seconds: u64) -> &mut Self {
        self.now = self.later(self.now, seconds);
        self
    }

    /// While the next thing lasts, the wall clock is set forward.
    pub(super) fn is_set_forward(&mut self, by: Duration) -> &mut Self {
        self.step = by;
        self
    }

    fn later(&mut self, now: Now, seconds: u64) -> Now {
        let later = now.plus(Duration::from_secs(seconds));
        Now { wall: later.wall + std::mem::take(&mut self.step), ..later }
    }

    /// So many sessions of this length, each dropped.
    pub(super) fn drops_after(&mut self, seconds: u64, times: u32) -> &mut Self {
        for _ in 0..times {
            let failure = Failure::new(Phase::Session, ErrorName::UnexpectedHangup, self.words.clone());
            self.session(seconds, End::Dropped(failure), EndedBy::Peer);
        }
        self
    }

    /// So many sessions of this length, each closed by us.
    pub(super) fn closes_after(&mut self, seconds: u64, times: u32) -> &mut Self {
        for _ in 0..times {
            self.session(seconds, End::Closed(CloseCause::Renewal), EndedBy::Us);
        }
        self
    }

    /// A session that lives.
    pub(super) fn begins(&mut self) -> &mut Self {
        self.now = self.now.plus(self.outage);
        let living = self.living();
        self.status.history.write(|history| history.begin_session(living));
        self.status.state = StateName::Online;
        self
    }

    /// One attempt with these phases (milliseconds), and the phase in which it failed, if it did.
    pub(super) fn connects(&mut self, phases: &[(Phase, u64)], failed: Option<(Phase, u64)>) -> &mut Self {
        let took = |ms: &u64| Duration::from_millis(*ms);
        let phases: Vec<_> =
            phases.iter().map(|(phase, ms)| PhaseTime { phase: *phase, took: took(ms) }).collect();
        let lost = failed.map_or(Duration::ZERO, |(_, ms)| took(&ms));
        let length = phases.iter().map(|time| time.took).sum::<Duration>() + lost;
        let outcome = failed.map_or(AttemptOutcome::Accepted, |(phase, _)| {
            AttemptOutcome::Failed(Failure::new(phase, ErrorName::ConnectionRefused, "nobody listens there"))
        });
        let (start, end) = (self.now, self.now.plus(length));
        let attempt = Attempt { start, end, number: 1, tier: Tier::Quick, phases, outcome };
        self.status.history.write(|history| history.add_attempt(attempt));
        self.now = end;
        self
    }

    /// A finding with this pattern, to which the first five drops belong.
    pub(super) fn finds(&mut self, pattern: Pattern) -> &mut Self {
        let finding = Finding {
            cause: Cause::ConnectionLifetimeLimit,
            or: Some(Cause::CalendarEvent),
            evidence: Evidence::Inferred,
            claim: Claim { pattern, support: 5, of: 7, members: (1..=5).collect(), p: 0.0001 },
            share: 0.714,
            first: noon().wall,
            last: self.now.wall,
            since: self.now.wall,
            contradicted: 1,
            words: "5 of 7 drops came 1 h after connecting".to_owned(),
            advice: "a planned reconnect before that".to_owned(),
            disproof: "a session that lives longer".to_owned(),
            test: "window scan; wrong in 1 of 500 random histories".to_owned(),
        };
        self.status.history.write(|history| history.conclude(vec![finding]));
        self
    }

    fn session(&mut self, seconds: u64, ending: End, ended_by: EndedBy) {
        let living = self.living();
        let start = self.now.plus(self.outage);
        let end = self.later(start, seconds);
        let session = Session {
            number: living.number,
            start,
            end,
            alive: end.at,
            ended_by,
            ending,
            attempts: 1,
            phases: Vec::new(),
            session_present: false,
            subscriptions: 4,
            keep_alive: Duration::from_secs(30),
            peer: "192.0.2.7:443".parse().unwrap(),
            local: "198.51.100.9:40000".parse().unwrap(),
            credentials_issued: None,
            credentials_expire: None,
            stats: LinkStats::default(),
            fatal_gaps: Vec::new(),
            tcp: None,
            tier: Tier::Quick,
            outage: None,
        };
        let (number, explained) = (session.number, self.explained && !session.censored());
        self.status.history.write(|history| {
            history.add_session(session);
            if explained {
                let words = "three packets were not acknowledged".to_owned();
                let (cause, evidence, rule) = (Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
                history.explain(number, Verdict { cause, evidence, rule, words });
            }
        });
        self.now = end;
    }

    fn living(&self) -> Living {
        Living {
            number: self.status.history.read(History::last_number) + 1,
            start: self.now,
            attempts: 1,
            tier: Tier::Quick,
            session_present: false,
            outage: None,
            keep_alive: Duration::from_secs(30),
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.now.wall
    }

    /// A signal of this machine, now.
    pub(super) fn signal(&self, kind: SignalKind) -> Signal {
        Signal { at: self.now, kind }
    }

    pub(super) fn window(&self, last: Duration) -> Window {
        Range::Last(last).window(None, self.now.wall)
    }

    pub(super) fn past(&self, last: Duration) -> Past {
        self.status.history.read(|history| Past::of(history, self.window(last), self.now))
    }

    pub(super) fn began(&self) -> Option<SystemTime> {
        self.status.history.read(|history| super::past::began(history, self.now))
    }

    pub(super) fn view(&self, last: Duration) -> View {
        let ask = Ask { range: Range::Last(last), page: 1, refreshes: true, fault: None };
        View {
            ask,
            now: self.now.wall,
            at: self.now.at,
            zone: TimeZone::UTC,
            window: self.window(last),
            host: Vec::new(),
            root: "",
        }
    }

    /// The status under this name; the history stays shared.
    fn named(&self, name: &str) -> ConnectionStatus {
        ConnectionStatus { name: name.to_owned(), ..self.status.clone() }
    }
}

fn scene(connections: Vec<ConnectionStatus>, now: Now, words: &[(&str, &str)]) -> Scene {
    let pairs: Vec<_> = words.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let zone = TimeZone::UTC;
    Scene { connections, signals: Vec::new(), ask: Ask::of(&pairs, now.wall, &zone), now, zone }
}

/// Two thousand connections: every hundredth in trouble.
fn fleet() -> (Vec<ConnectionStatus>, Now) {
    let mut story = Story::new();
    story.drops_after(600, 2).begins();
    let connections = (0..2_000).map(|index| {
        let mut status = story.named(&format!("heater-{index:04}"));
        if index % 100 == 7 {
            status.state = StateName::Waiting;
            status.consecutive_failures = 3;
            let (at, phase, error) = (story.now(), Phase::Credentials, ErrorName::CredentialsHttpStatus);
            let message = "the vendor refused the password".to_owned();
            let (class, detail) = (error.class(), crate::connection::Detail::None);
            status.last_failure =
                Some(crate::lifecycle::board::LastFailure { at, phase, error, class, detail, message });
        }
        status
    });
    (connections.collect(), story.now)
}

#[test]
fn two_thousand_connections_make_a_small_page_with_the_troubled_ones_first() {
    let (connections, now) = fleet();
    let page = scene(connections, now, &[]).front().into_string();
    assert!(page.len() < 400_000, "{}", page.len());
    assert_eq!(page.matches("<section").count(), 4, "the overview and three in full");
    assert_eq!(page.matches("scope=\"row\"><a").count(), fleet::ROWS);
    assert!(page.contains("1980 of 2000 connections online"), "{}", &page[..2_000]);
    assert!(page.contains("17 more with trouble"));
    assert!(page.find("heater-1907").unwrap() < page.find("heater-0000").unwrap());
    assert!(page.contains("page 1 of 40") && page.contains("href=\"?page=2\""));
}

#[test]
fn every_connection_is_on_one_page_of_the_overview() {
    let (connections, now) = fleet();
    let mut seen = std::collections::BTreeSet::new();
    for page in 1..=40 {
        let words = page.to_string();
        let page = scene(connections.clone(), now, &[("page", &words)]).front().into_string();
        let (table, _) = page.split_once("</table>").unwrap();
        seen.extend(table.split("href=\"connections/").skip(1).map(|rest| rest[..11].to_owned()));
    }
    assert_eq!(seen.len(), 2_000);
}

#[test]
fn hostile_words_stay_words() {
    let mut story = Story::new();
    story.says("<script>alert(\"x\")</script>'").drops_after(600, 1);
    let mut status = story.named("<script>\"'&/..");
    status.why = "<script src=//evil.example>".to_owned();
    let scene = scene(vec![status.clone(), story.named("other")], story.now, &[("range", "<script>\"")]);
    for page in [scene.front(), scene.one(&status.name).unwrap()] {
        let page = page.into_string();
        assert_eq!(page.matches("<script").count(), 1, "only our own: {page}");
        assert!(page.contains("&lt;script&gt;alert(&quot;x&quot;)"), "{page}");
        assert!(!page.contains("evil.example>") && !page.contains("=\"<"), "{page}");
    }
}

#[test]
fn a_page_of_one_connection_links_back() {
    let mut story = Story::new();
    story.drops_after(600, 1);
    let scene = scene(vec![story.named("home"), story.named("away")], story.now, &[("range", "24h")]);
    let page = scene.one("home").unwrap().into_string();
    for said in
        ["href=\"../style.css\"", "src=\"../script.js\"", "href=\"../?range=24h\"", "href=\"../metrics\""]
    {
        assert!(page.contains(said), "{said} is not in {page}");
    }
    assert!(!page.contains(">away<"), "{page}");
    assert!(scene.one("nobody").is_none());
    assert!(scene.front().into_string().contains("href=\"connections/home?range=24h\""));
}

#[test]
fn pictures_have_names_and_tables_captions() {
    let mut story = Story::new();
    story.connects(&[(Phase::Dns, 3)], None).drops_after(600, 3).closes_after(60, 1);
    let page = scene(vec![story.named("home"), story.named("away")], story.now, &[]).front().into_string();
    assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    let unnamed = page.split("<svg").skip(1).filter(|svg| {
        let tag = svg.split('>').next().unwrap_or_default();
        !tag.contains("aria-hidden") && !tag.contains("role=\"img\" aria-label=\"")
    });
    assert_eq!(unnamed.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(!page.contains("style="), "the policy forbids styles in the page");
}
