//! Single behaviours of the machine, and a day of a broker that throws us out, in virtual time.
//! All sequences of inputs are in `tests/pairing.rs`, whole stories in `tests/replay`.

use std::time::{Duration, SystemTime};

use super::*;
use crate::config::{Jitter, Recovery};
use crate::connection::error::RetryClass;
use crate::connection::{Detail, Tier};
use crate::lifecycle::Why;

/// A machine with its clock; inputs name the current generation by themselves.
struct Bench {
    machine: Machine,
    now: Now,
    facts: Facts,
    done: Vec<Action>,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        Self::seeded(policy, 11)
    }

    fn seeded(policy: Policy, seed: u64) -> Self {
        let now = Now { at: Instant::from_boot(secs(1_000_000)), wall: SystemTime::UNIX_EPOCH };
        let facts = Facts {
            subscriptions: 2,
            subscribe_packets: 1,
            keep_alive: secs(30),
            lifetime: None,
            credentials_expire: None,
            min_connect_interval: secs(1),
            one_time_client_id: false,
            fin_is_orderly: false,
        };
        let mut bench = Self { machine: Machine::new(policy, seed), now, facts, done: Vec::new() };
        bench.give(Input::Start);
        bench
    }

    fn give(&mut self, input: Input) -> &[Action] {
        self.done.clear();
        self.machine.step(input, self.now, &mut self.done);
        &self.done
    }

    fn link(&mut self, report: LinkReport) {
        let generation = self.machine.generation();
        self.give(Input::Link { generation, report });
    }

    fn later(&mut self, by: Duration) -> &mut Self {
        self.now = self.now.plus(by);
        self
    }

    /// Goes to the deadline; returns how far away it was.
    fn tick(&mut self) -> Duration {
        let wait = self.machine.deadline().unwrap().saturating_since(self.now.at);
        self.later(wait).give(Input::Tick);
        wait
    }

    fn plan(&mut self) {
        let (generation, outcome) = (self.machine.generation(), Ok(self.facts));
        self.give(Input::Plan { generation, outcome });
    }

    fn plan_fails(&mut self, failure: Failure) {
        let generation = self.machine.generation();
        self.give(Input::Plan { generation, outcome: Err(failure) });
    }

    fn connect(&mut self) {
        self.plan();
        self.link(LinkReport::Entered(Phase::Connack));
    }

    fn go_online(&mut self) {
        self.connect();
        let (peer, local) = (([192, 0, 2, 1], 443).into(), ([192, 0, 2, 2], 50_000).into());
        self.link(LinkReport::Accepted { session_present: false, peer, local, certificate_expires: None });
        self.link(LinkReport::Restored { active: 2, refused: 0 });
        assert_eq!(self.machine.state(), StateName::Online);
    }

    fn fails(&mut self, error: ErrorName) {
        self.connect();
        self.link(LinkReport::Failed(Failure::new(error.phases()[0], error, "test")));
    }

    fn drops(&mut self, failure: Failure) {
        let ending = bare_ending(failure, EndedBy::Peer, self.now.at);
        self.link(LinkReport::Ended(ending));
    }

    fn why(&self) -> Why {
        self.done
            .iter()
            .find_map(
                |action| {
                    if let Action::Record(Event::Waiting { why, .. }) = action { Some(*why) } else { None }
                },
            )
            .expect("it waits")
    }

    /// Waits for the next attempt and returns its tier.
    fn next_tier(&mut self) -> Tier {
        self.tick();
        planned_tier(&self.done).expect("an attempt begins")
    }

    fn did(&self, what: impl Fn(&Action) -> bool) -> bool {
        self.done.iter().any(what)
    }
}

fn planned_tier(actions: &[Action]) -> Option<Tier> {
    actions.iter().find_map(|action| if let Action::Plan { tier, .. } = action { Some(*tier) } else { None })
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn exact() -> Policy {
    Policy { jitter: Jitter::None, ..Policy::default() }
}

fn hangup() -> Failure {
    Failure::new(Phase::Session, ErrorName::UnexpectedHangup, "test").with_detail(Detail::CloseNotify)
}

fn reset() -> Failure {
    Failure::new(Phase::Session, ErrorName::SocketClosed, "test").with_detail(Detail::Rst)
}

fn forbidden() -> Failure {
    Failure::new(Phase::Websocket, ErrorName::WebsocketUpgradeFailure, "test")
        .with_detail(Detail::HttpStatus(403))
        .with_class(RetryClass::Credential)
}

#[test]
fn waits_double_up_to_the_cap_of_the_class() {
    let mut bench = Bench::new(exact());
    let waits = [(); 7].map(|()| {
        bench.fails(ErrorName::DnsQueryAgain);
        bench.tick()
    });
    // The first is stretched to the second that two CONNECTs must keep.
    assert_eq!(waits, [1, 1, 2, 4, 8, 12, 12].map(secs));
}

#[test]
fn every_fifth_failed_attempt_is_followed_by_a_deep_one() {
    let mut bench = Bench::new(Policy::default());
    let tiers: Vec<_> = (0..11)
        .map(|_| {
            bench.fails(ErrorName::ConnectionRefused);
            bench.next_tier()
        })
        .collect();
    let deep: Vec<_> = (1..).zip(tiers).filter(|(_, tier)| *tier == Tier::Deep).map(|(n, _)| n).collect();
    assert_eq!(deep, [5, 10]);
}

#[test]
fn refused_credentials_are_renewed_at_once_and_then_rarely() {
    let mut bench = Bench::new(Policy::default());
    bench.connect();
    bench.link(LinkReport::Failed(forbidden()));
    assert_eq!(bench.why(), Why::Credentials);
    let wait = bench.tick();
    assert!(wait <= secs(1) && planned_tier(&bench.done) == Some(Tier::Deep), "{wait:?}");
    bench.connect();
    bench.link(LinkReport::Failed(forbidden()));
    assert_eq!(bench.why(), Why::CredentialsRefused);
    let wait = bench.tick();
    assert!(wait >= secs(150) && planned_tier(&bench.done) == Some(Tier::Deep), "{wait:?}");
}

#[test]
fn refused_credentials_are_not_tried_again_while_the_sign_in_is_down() {
    let mut bench = Bench::new(Policy::default());
    bench.connect();
    bench.link(LinkReport::Failed(forbidden()));
    for _ in 0..4 {
        assert_eq!(bench.next_tier(), Tier::Deep);
        bench.plan_fails(Failure::new(Phase::Credentials, ErrorName::ConnectionRefused, "test"));
    }
}

#[test]
fn a_wrong_password_is_tried_rarely() {
    let mut bench = Bench::new(Policy::default());
    for _ in 0..50 {
        let wrong = Failure::new(Phase::Credentials, ErrorName::CredentialsHttpStatus, "wrong password");
        bench.plan_fails(wrong.with_class(RetryClass::Setup));
        assert!(bench.tick() >= secs(150));
    }
}

#[test]
fn reset_and_retry_never_signs_in_on_its_own() {
    let mut bench = Bench::new(Policy::preset(Recovery::ResetAndRetry));
    for _ in 0..30 {
        bench.connect();
        bench.link(LinkReport::Failed(forbidden()));
        assert_eq!(bench.next_tier(), Tier::Quick);
    }
}

#[test]
fn refresh_credentials_signs_in_for_every_attempt() {
    let mut bench = Bench::new(Policy::preset(Recovery::RefreshCredentials));
    bench.go_online();
    bench.later(secs(60)).drops(reset());
    assert_eq!(bench.next_tier(), Tier::Deep);
    bench.fails(ErrorName::ConnectionRefused);
    assert_eq!(bench.next_tier(), Tier::Deep);
}

#[test]
fn the_peer_may_ask_for_a_longer_wait() {
    let mut bench = Bench::new(Policy::default());
    bench.connect();
    let mut busy = Failure::new(Phase::Websocket, ErrorName::WebsocketUpgradeFailure, "test");
    busy.retry_after = Some(secs(700));
    bench.link(LinkReport::Failed(busy));
    bench.give(Input::NetworkBack);
    assert_eq!(bench.tick(), secs(700));
}

#[test]
fn two_connects_keep_their_distance_however_long_dialling_takes() {
    let mut bench = Bench::new(Policy { initial_delay: Duration::ZERO, ..Policy::default() });
    bench.facts.min_connect_interval = secs(20);
    bench.plan();
    bench.later(secs(8)).link(LinkReport::Entered(Phase::Connack));
    bench.link(LinkReport::Failed(Failure::new(Phase::Connack, ErrorName::UnexpectedHangup, "test")));
    assert_eq!(bench.tick(), secs(20));
}

#[test]
fn the_network_coming_back_ends_a_wait_for_it_and_no_other() {
    let mut bench = Bench::new(exact());
    for _ in 0..6 {
        bench.fails(ErrorName::NoRouteToHost);
        bench.tick();
    }
    bench.fails(ErrorName::NoRouteToHost);
    bench.later(secs(2)).give(Input::NetworkBack);
    assert_eq!(planned_tier(&bench.done), Some(Tier::Quick));

    bench.fails(ErrorName::TlsUnknownRoot);
    bench.later(secs(2)).give(Input::NetworkBack);
    assert!(bench.done.is_empty());
}

#[test]
fn a_short_session_keeps_the_backoff() {
    let mut bench = Bench::new(exact());
    for _ in 0..4 {
        bench.fails(ErrorName::ConnectionRefused);
        bench.tick();
    }
    bench.go_online();
    bench.later(secs(29)).drops(reset());
    bench.tick();
    bench.fails(ErrorName::ConnectionRefused);
    assert_eq!(bench.tick(), secs(12), "the sixth failure in a row");
}

#[test]
fn a_stable_session_forgives_everything() {
    let mut bench = Bench::new(exact());
    for _ in 0..4 {
        bench.fails(ErrorName::ConnectionRefused);
        bench.tick();
    }
    bench.go_online();
    bench.later(secs(30)).drops(reset());
    assert_eq!((bench.why(), bench.tick()), (Why::Dropped, Duration::from_millis(500)));
}

#[test]
fn attempts_count_from_one_within_an_outage() {
    let mut bench = Bench::new(Policy::default());
    bench.fails(ErrorName::ConnectionRefused);
    bench.tick();
    assert!(bench.did(|a| matches!(a, Action::Record(Event::AttemptStarted { number: 2, .. }))));
    bench.go_online();
    bench.later(secs(3)).drops(reset());
    bench.tick();
    assert!(bench.did(|a| matches!(a, Action::Record(Event::AttemptStarted { number: 1, .. }))));
}

#[test]
fn at_the_limit_of_attempts_it_rests_and_counts_anew() {
    let mut bench = Bench::new(Policy { max_attempts: Some(3), ..exact() });
    let mut why = Vec::new();
    for _ in 0..6 {
        bench.fails(ErrorName::ConnectionRefused);
        why.push(bench.why() == Why::AttemptLimit);
        let wait = bench.tick();
        assert_eq!(wait >= secs(300), why.ends_with(&[true]), "{wait:?}");
    }
    assert_eq!(why, [false, false, true, false, false, true]);
}

#[test]
fn every_phase_that_hangs_is_given_up_under_its_own_name() {
    let hangs = [
        (Phase::Dns, ErrorName::DnsTimeout),
        (Phase::Tcp, ErrorName::SocketTimeout),
        (Phase::Proxy, ErrorName::ProxyTimeout),
        (Phase::Tls, ErrorName::TlsTimeout),
        (Phase::Websocket, ErrorName::WebsocketTimeout),
        (Phase::Connack, ErrorName::ConnackTimeout),
    ];
    for (phase, error) in hangs {
        let mut bench = Bench::new(Policy::default());
        bench.plan();
        bench.later(secs(9)).link(LinkReport::Entered(phase));
        assert_eq!(bench.tick(), secs(15));
        let named = |action: &Action| {
            matches!(action, Action::Record(Event::AttemptFailed { failure, interrupted: false })
                if failure.error == error && failure.phase == phase)
        };
        assert!(bench.did(named) && bench.did(|a| matches!(a, Action::Close { .. })), "{phase:?}");
    }
}

#[test]
fn a_planner_that_hangs_is_given_up() {
    let mut bench = Bench::new(Policy::default());
    assert_eq!(bench.tick(), secs(35));
    assert!(bench.did(|a| matches!(a, Action::AbandonPlan)));
    assert_eq!(bench.machine.state(), StateName::Waiting);
}

#[test]
fn many_subscriptions_get_a_limit_each_packet() {
    let mut bench = Bench::new(Policy::default());
    bench.facts.subscribe_packets = 3;
    bench.connect();
    let (peer, local) = (([192, 0, 2, 1], 443).into(), ([192, 0, 2, 2], 50_000).into());
    bench.link(LinkReport::Accepted { session_present: false, peer, local, certificate_expires: None });
    assert_eq!(bench.tick(), secs(35));
    bench.link(LinkReport::Closed(None));
    assert!(bench.did(|a| matches!(a, Action::Record(Event::Dropped(ending))
        if ending.failure.error == ErrorName::SubscribeFailure)));
}

#[test]
fn subscribing_may_take_longer_while_the_link_is_at_work() {
    let mut bench = Bench::new(Policy::default());
    bench.connect();
    let (peer, local) = (([192, 0, 2, 1], 443).into(), ([192, 0, 2, 2], 50_000).into());
    bench.link(LinkReport::Accepted { session_present: false, peer, local, certificate_expires: None });
    for _ in 0..11 {
        bench.later(secs(10)).link(LinkReport::Progress);
        assert_eq!(bench.machine.state(), StateName::Subscribing);
    }
    bench.later(secs(10)).link(LinkReport::Progress);
    assert_eq!(bench.tick(), secs(5), "12 times the limit, and no more");
    assert_eq!(bench.machine.state(), StateName::Waiting);
}

#[test]
fn a_link_that_says_nothing_for_two_keep_alives_has_stalled() {
    let mut bench = Bench::new(Policy::default());
    bench.go_online();
    bench.later(secs(60)).link(LinkReport::Progress);
    assert_eq!(bench.tick(), secs(75));
    bench.link(LinkReport::Closed(None));
    assert!(bench.did(|a| matches!(a, Action::Record(Event::Dropped(ending))
        if ending.failure.error == ErrorName::EngineStalled && ending.ended_by == EndedBy::Timeout)));
}

#[test]
fn after_a_suspend_the_link_may_speak_first() {
    let mut bench = Bench::new(Policy::default());
    bench.go_online();
    bench.later(secs(8 * 3600)).give(Input::Tick);
    assert!(bench.done.is_empty());
    assert_eq!(bench.tick(), secs(75));
    assert!(bench.did(|a| matches!(a, Action::Close { .. })));
}

#[test]
fn a_session_is_renewed_before_its_lifetime_runs_out() {
    for seed in 0..100 {
        let mut bench = Bench::seeded(Policy::default(), seed);
        (bench.facts.lifetime, bench.facts.keep_alive) = (Some(secs(24 * 3600)), Duration::ZERO);
        bench.go_online();
        let age = bench.tick();
        assert!(age > secs(22 * 3600 + 1800) && age <= secs(23 * 3600), "{age:?}");
        assert!(bench.did(|a| matches!(a, Action::Close { .. })));
        bench.link(LinkReport::Closed(None));
        assert!(bench.did(|a| matches!(a, Action::Record(Event::Closed { cause: CloseCause::Renewal, .. }))));
        assert_eq!(planned_tier(&bench.done), Some(Tier::Quick), "and begins again without a wait");
    }
}

#[test]
fn the_old_link_is_closed_before_anything_new_begins() {
    let mut bench = Bench::new(Policy::default());
    bench.go_online();
    let generation = bench.machine.generation();
    bench.later(secs(60)).give(Input::Rebuild { generation, rebuild: Rebuild::Everything });
    assert_eq!(planned_tier(&bench.done), None);
    assert_eq!(bench.tick(), secs(8), "the limit of the close and a grace");
    assert!(bench.did(|a| matches!(a, Action::Abandon)));
    assert_eq!(planned_tier(&bench.done), Some(Tier::Deep));
}

#[test]
fn a_probe_is_a_planned_close_and_a_quick_reconnect() {
    let mut bench = Bench::new(exact());
    bench.go_online();
    let generation = bench.machine.generation();
    bench.later(secs(3_600)).give(Input::Rebuild { generation, rebuild: Rebuild::Probe });
    bench.link(LinkReport::Closed(None));
    assert!(bench.did(|a| matches!(a, Action::Record(Event::Closed { cause: CloseCause::Probe, .. }))));
    assert_eq!(planned_tier(&bench.done), Some(Tier::Quick));
}

#[test]
fn a_dialogue_that_always_wants_another_session_is_slowed_down() {
    let mut bench = Bench::new(exact());
    let mut waits = Vec::new();
    for _ in 0..12 {
        bench.go_online();
        let generation = bench.machine.generation();
        bench.give(Input::Rebuild { generation, rebuild: Rebuild::Plan });
        bench.link(LinkReport::Closed(None));
        waits.push(bench.tick());
    }
    assert_eq!(waits.last(), Some(&secs(300)));
}

#[test]
fn the_third_takeover_is_answered_by_staying_away() {
    let mut bench = Bench::new(Policy::default());
    for takeover in 1..=3 {
        bench.go_online();
        bench.later(secs(40)).drops(hangup());
        assert_eq!(bench.why() == Why::Takeover, takeover == 3);
        if takeover == 3 {
            bench.give(Input::NetworkBack);
        }
        let wait = bench.tick();
        assert_eq!(wait >= secs(300), takeover == 3, "{wait:?}");
        assert!(wait <= secs(450));
    }
}

#[test]
fn nobody_stays_away_who_comes_back_with_another_client_id() {
    let mut bench = Bench::new(Policy::default());
    bench.facts.one_time_client_id = true;
    for _ in 0..3 {
        bench.go_online();
        bench.later(secs(40)).drops(hangup());
        assert_ne!(bench.why(), Why::Takeover);
        bench.tick();
    }
}

#[test]
fn stop_ends_what_is_under_way_and_comes_last() {
    let mut bench = Bench::new(Policy::default());
    bench.go_online();
    bench.give(Input::Stop);
    assert!(bench.did(|a| matches!(a, Action::Close { .. })));
    bench.link(LinkReport::Closed(None));
    let last_two = matches!(
        bench.done.as_slice(),
        [Action::Record(Event::Closed { cause: CloseCause::Shutdown, .. }), Action::Record(Event::Stopped)]
    );
    assert!(last_two, "{:?}", bench.done);
}

#[test]
fn a_reload_is_a_stop_with_a_cause_of_its_own() {
    let mut bench = Bench::new(Policy::default());
    bench.go_online();
    bench.give(Input::Reload);
    bench.link(LinkReport::Closed(None));
    assert!(bench.did(|a| matches!(a, Action::Record(Event::Closed { cause: CloseCause::Reload, .. }))));
    assert_eq!(bench.machine.state(), StateName::Stopped);
}

/// Six hours of a broker that accepts every session and ends it after `lived`; the instants of all attempts.
fn kicked_for_six_hours(policy: Policy, seed: u64, lived: Duration, failure: &Failure) -> Vec<Duration> {
    let mut bench = Bench::seeded(policy, seed);
    let start = bench.now.at;
    let mut attempts = vec![Duration::ZERO];
    while bench.now.at < start + secs(6 * 3600) {
        bench.later(Duration::from_millis(100)).go_online();
        bench.later(lived).drops(failure.clone());
        bench.tick();
        attempts.push(bench.now.at.saturating_since(start));
    }
    attempts
}

#[test]
fn a_kick_out_loop_makes_at_most_sixty_attempts_an_hour() {
    let busy =
        Failure::new(Phase::Session, ErrorName::DisconnectReceived, "test").with_class(RetryClass::Service);
    let presets = [
        Recovery::TwoTier,
        Recovery::ResetAndRetry,
        Recovery::RecreateClient,
        Recovery::RefreshCredentials,
        Recovery::Exponential,
    ];
    let mut most = 0;
    for recovery in presets {
        for failure in [hangup(), reset(), busy.clone(), forbidden()] {
            for (seed, lived) in
                (0..20).flat_map(|seed| [0, 1, 10, 29, 31, 59].map(|lived| (seed, secs(lived))))
            {
                let attempts = kicked_for_six_hours(Policy::preset(recovery), seed, lived, &failure);
                let settled: Vec<_> = attempts.into_iter().filter(|at| *at >= secs(300)).collect();
                for (first, at) in settled.iter().enumerate() {
                    let in_hour =
                        settled[first..].iter().take_while(|next| **next < *at + secs(3600)).count();
                    most = most.max(in_hour);
                }
            }
        }
    }
    println!("at most {most} attempts in any hour after the first five minutes");
    assert!((10..=60).contains(&most), "{most}");
}
