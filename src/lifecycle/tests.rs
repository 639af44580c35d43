//! Tests of the recorder: events in, then what the page, the board and the history say.
//! Uses the real registry and the real board; time is what the test says.

mod explain;
mod told;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::board::{Board, ConnectionStatus};
use super::history::{ATTEMPTS, AttemptOutcome, DROPS, History, SESSIONS, SURVIVED_GAPS};
use super::recorder::Recorder;
use super::*;
use crate::clock::Now;
use crate::connection::Detail;
use crate::connection::ending::{EndedBy, Gap, LastSent, LinkStats};
use crate::connection::error::RetryClass;
use crate::host::TcpInfo;
use crate::lifecycle::Why;
use crate::telemetry::Metrics;
use crate::telemetry::tests::{home, noon, value};

/// A connection, its recorder and all that it writes to.
struct Life {
    metrics: Metrics,
    board: Board,
    recorder: Recorder,
    now: Now,
}

impl Life {
    fn new() -> Self {
        let (metrics, board, now) = (Metrics::started(noon()), Board::default(), noon());
        let entry = board.enter(ConnectionStatus::new("home", "navien", "wss", now));
        let recorder = Recorder::new(metrics.connection(&home()), entry);
        Self { metrics, board, recorder, now }
    }

    /// So many seconds later, this happens.
    fn after(&mut self, seconds: f64, event: Event) -> &mut Self {
        self.now = self.now.plus(Duration::from_secs_f64(seconds));
        self.recorder.record(event, self.now);
        self
    }

    /// These happen now.
    fn then(&mut self, events: impl IntoIterator<Item = Event>) -> &mut Self {
        for event in events {
            self.recorder.record(event, self.now);
        }
        self
    }

    /// What the page shows; the prefix of connections is left out.
    #[track_caller]
    fn shows(&self, expected: &[(&str, f64)]) {
        for (series, expected) in expected {
            let shown = value(&self.metrics, &format!("mqtt_client_{series}"));
            assert!(
                shown.is_some_and(|shown| (shown - expected).abs() < 1e-6),
                "{series}: {shown:?}, not {expected}"
            );
        }
    }

    #[track_caller]
    fn hides(&self, absent: &[&str]) {
        for series in absent {
            assert_eq!(value(&self.metrics, &format!("mqtt_client_{series}")), None, "{series}");
        }
    }

    fn status(&self) -> ConnectionStatus {
        self.board.snapshot().remove(0)
    }

    fn history<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        self.status().history.read(look)
    }
}

fn attempt(number: u32) -> Event {
    Event::AttemptStarted { tier: Tier::Quick, number }
}

fn failed(failure: Failure) -> Event {
    Event::AttemptFailed { failure, interrupted: false }
}

fn refused() -> Failure {
    Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "connection refused by broker")
}

fn established(attempts: u32) -> Event {
    Event::Established {
        session_present: false,
        attempts,
        peer: "192.0.2.7:443".parse().unwrap(),
        local: "198.51.100.9:40000".parse().unwrap(),
        subscriptions: 4,
        keep_alive: Duration::from_secs(30),
        credentials_expire: Some(noon().wall + Duration::from_secs(3600)),
        certificate_expires: Some(noon().wall + Duration::from_secs(86_400)),
    }
}

fn restored() -> Event {
    Event::Restored { active: 4, refused: 0 }
}

fn waiting(seconds: f64) -> Event {
    Event::Waiting { delay: Duration::from_secs_f64(seconds), why: Why::Dropped }
}

fn ending(error: ErrorName, ended_by: EndedBy, alive: Now) -> Ending {
    Ending {
        failure: Failure::new(Phase::Session, error, "the peer closed").with_detail(Detail::Fin),
        ended_by,
        alive: alive.at,
        stats: LinkStats::default(),
        tcp: None,
    }
}

fn hangup(now: Now) -> Event {
    Event::Dropped(Box::new(ending(ErrorName::UnexpectedHangup, EndedBy::Peer, now)))
}

fn closed(cause: CloseCause) -> Event {
    Event::Closed { cause, ending: None }
}

fn session(life: &mut Life) {
    life.then([attempt(1), established(1), restored()]);
}

#[test]
fn a_first_connect_is_no_outage_however_long_it_takes() {
    let mut life = Life::new();
    life.then([attempt(1)]).after(0.2, failed(refused())).then([waiting(4.2)]);
    life.after(4.2, attempt(2)).after(0.1, established(2)).after(0.3, restored());
    life.shows(&[
        ("connected", 1.0),
        ("state state=online", 1.0),
        ("state state=waiting", 0.0),
        ("connect_attempts_total tier=quick", 2.0),
        ("connect_failures_total phase=tcp error=AWS_IO_SOCKET_CONNECTION_REFUSED", 1.0),
        ("sessions_total session_present=false", 1.0),
        ("last_connect_timestamp_seconds", 1_735_689_604.5),
        ("last_disconnect_timestamp_seconds", 1_735_689_600.0),
        ("outage_duration_seconds_count", 0.0),
        ("reconnect_attempts_count", 0.0),
        ("consecutive_connect_failures", 0.0),
        ("reconnect_delay_seconds", 0.0),
        ("keepalive_seconds", 30.0),
        ("subscriptions", 4.0),
        ("subscriptions_active", 4.0),
        ("subscriptions_restored_total", 4.0),
        ("credential_expiry_timestamp_seconds", 1_735_693_200.0),
        ("certificate_expiry_timestamp_seconds", 1_735_776_000.0),
        ("last_received_timestamp_seconds", 1_735_689_604.8),
    ]);
    let status = life.status();
    assert_eq!(status.why, "connected after 2 attempts, 4 subscriptions active");
    assert_eq!((status.state, status.was_online, status.sessions), (StateName::Online, true, 1));
    assert_eq!(status.session.unwrap().subscriptions_active, 4);
}

#[test]
fn a_drop_is_counted_timed_and_ends_with_the_next_session() {
    let mut life = Life::new();
    session(&mut life);
    let before_the_end = life.now.plus(Duration::from_secs(62));
    life.after(62.0, hangup(before_the_end)).then([waiting(0.4)]);
    life.shows(&[
        ("connected", 0.0),
        ("state state=waiting", 1.0),
        ("connection_drops_total error=AWS_ERROR_MQTT_UNEXPECTED_HANGUP", 1.0),
        ("connection_drops_total error=AWS_IO_SOCKET_CLOSED", 0.0),
        ("last_disconnect_timestamp_seconds", 1_735_689_662.0),
        ("last_session_duration_seconds", 62.0),
        ("session_duration_seconds_bucket le=45", 0.0),
        ("session_duration_seconds_bucket le=75", 1.0),
        ("reconnect_delay_seconds", 0.4),
        ("subscriptions", 4.0),
        ("subscriptions_active", 0.0),
        ("outage_duration_seconds_count", 0.0),
    ]);
    life.hides(&["keepalive_seconds", "tcp_rtt_seconds"]);
    life.after(0.4, attempt(1)).after(1.0, failed(refused())).then([waiting(3.0)]);
    life.shows(&[("consecutive_connect_failures", 1.0), ("reconnect_delay_seconds", 3.0)]);
    life.after(3.0, attempt(2)).after(0.6, established(2));
    life.shows(&[
        ("outage_duration_seconds_count", 1.0),
        ("outage_duration_seconds_sum", 5.0),
        ("reconnect_attempts_count", 1.0),
        ("reconnect_attempts_sum", 2.0),
        ("last_disconnect_timestamp_seconds", 1_735_689_662.0),
    ]);
    let status = life.status();
    assert_eq!((status.drops, status.drops_by_error.len(), status.consecutive_failures), (1, 1, 0));
    let drop = status.last_drop.unwrap();
    assert_eq!((drop.error, drop.detail), (ErrorName::UnexpectedHangup, Detail::Fin));
    assert!((drop.session_seconds - 62.0).abs() < 1e-9);
}

#[test]
fn a_wait_names_what_it_is_for() {
    let mut life = Life::new();
    life.then([attempt(1), failed(refused()), waiting(2.0), attempt(2), failed(refused()), waiting(4.2)]);
    let status = life.status();
    assert_eq!(
        status.why,
        "waiting 4.2 s before attempt 3 (the session dropped; trying again soon): \
         connection refused by broker (AWS_IO_SOCKET_CONNECTION_REFUSED)"
    );
    assert_eq!(status.next_attempt, Some(life.now.wall + Duration::from_millis(4200)));
    assert_eq!((status.consecutive_failures, status.attempt), (2, Some((2, Tier::Quick))));
    assert_eq!(status.last_failure.unwrap().class, RetryClass::Network);
}

#[test]
fn the_state_follows_the_phases_of_an_attempt() {
    let mut life = Life::new();
    let mut seen = Vec::new();
    let events = [
        Event::AttemptStarted { tier: Tier::Deep, number: 1 },
        Event::PhaseEntered(Phase::Credentials),
        Event::PhaseEntered(Phase::Dns),
        Event::PhaseEntered(Phase::Connack),
        established(1),
        Event::PhaseEntered(Phase::Subscribe),
        restored(),
        closed(CloseCause::Shutdown),
        Event::Stopped,
    ];
    for event in events {
        life.then([event]);
        let status = life.status();
        life.shows(&[(&format!("state state={}", status.state.as_str()), 1.0)]);
        seen.push((status.state, status.phase));
    }
    let (planning, connecting) = (StateName::Planning, StateName::Connecting);
    assert_eq!(
        seen,
        [
            (planning, None),
            (planning, Some(Phase::Credentials)),
            (connecting, Some(Phase::Dns)),
            (connecting, Some(Phase::Connack)),
            (StateName::Subscribing, None),
            (StateName::Subscribing, Some(Phase::Subscribe)),
            (StateName::Online, None),
            (StateName::Waiting, None),
            (StateName::Stopped, None),
        ]
    );
    life.shows(&[("connect_attempts_total tier=deep", 1.0), ("connected", 0.0)]);
}

#[test]
fn each_close_is_a_close_and_neither_a_drop_nor_an_outage() {
    for cause in CloseCause::ALL {
        let mut life = Life::new();
        session(&mut life);
        life.after(3600.0, closed(*cause)).after(1.0, attempt(1)).after(1.0, established(1));
        life.shows(&[
            (&format!("closes_total cause={}", cause.as_str()), 1.0),
            ("last_disconnect_timestamp_seconds", 1_735_693_200.0),
            ("session_duration_seconds_count", 0.0),
            ("outage_duration_seconds_count", 0.0),
            ("reconnect_attempts_count", 0.0),
        ]);
        life.hides(&["last_session_duration_seconds"]);
        assert_eq!(life.status().drops, 0);
        let (censored, drops) =
            life.history(|history| (history.sessions().next().unwrap().censored(), history.drops().len()));
        assert!(censored && drops == 0);
    }
}

#[test]
fn an_interrupted_attempt_is_no_failure() {
    let mut life = Life::new();
    let failure = Failure::new(Phase::Tcp, ErrorName::UserRequestedStop, "stopped");
    life.then([attempt(1), Event::AttemptFailed { failure, interrupted: true }, Event::Stopped]);
    life.shows(&[
        ("connect_attempts_total tier=quick", 1.0),
        ("consecutive_connect_failures", 0.0),
        ("state state=stopped", 1.0),
    ]);
    life.hides(&["connect_failures_total error=AWS_ERROR_MQTT5_USER_REQUESTED_STOP"]);
    assert!(life.status().last_failure.is_none());
    life.history(|history| {
        assert_eq!(history.attempts().next().unwrap().outcome, AttemptOutcome::Interrupted);
    });
}

#[test]
fn a_session_that_dies_while_subscribing_is_a_drop_and_a_subscribe_failure() {
    let mut life = Life::new();
    let mut end = ending(ErrorName::SubscribeFailure, EndedBy::LocalError, life.now);
    end.failure.phase = Phase::Subscribe;
    life.then([attempt(1), established(1), Event::Dropped(Box::new(end))]);
    life.shows(&[
        ("connection_drops_total error=AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE", 1.0),
        ("subscribe_failures_total error=AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE", 1.0),
        ("subscriptions_restored_total", 0.0),
        ("connect_failures_total phase=tcp error=AWS_IO_SOCKET_CONNECTION_REFUSED", 0.0),
    ]);
    assert!(!life.status().was_online);
}

#[test]
fn refused_optional_subscriptions_show() {
    let mut life = Life::new();
    life.then([attempt(1), established(1), Event::Restored { active: 3, refused: 1 }]);
    life.shows(&[
        ("subscriptions", 4.0),
        ("subscriptions_active", 3.0),
        ("subscribe_failures_total error=AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE", 1.0),
    ]);
    let why = "connected after 1 attempt, 3 subscriptions active, 1 subscription refused by the broker";
    assert_eq!(life.status().why, why);
}

#[test]
fn a_missing_pingresp_is_a_ping_timeout_and_another_missing_packet_is_not() {
    for (sent, answered, expected) in [(3, 2, 1.0), (3, 3, 0.0)] {
        let mut life = Life::new();
        session(&mut life);
        let mut end = ending(ErrorName::MqttTimeout, EndedBy::Timeout, life.now);
        (end.stats.pings_sent, end.stats.pings_answered) = (sent, answered);
        life.after(45.0, Event::Dropped(Box::new(end)));
        life.shows(&[("ping_timeouts_total", expected)]);
    }
}

#[test]
fn credentials_are_counted_by_kind_and_error() {
    let mut life = Life::new();
    let event = |kind, outcome| Event::Credentials(CredentialEvent { kind, outcome });
    let expiry = noon().wall + Duration::from_secs(7200);
    life.then([
        attempt(1),
        event(CredentialKind::Refresh, Err(ErrorName::CredentialsHttpStatus)),
        event(CredentialKind::SignIn, Ok(Some(expiry))),
    ]);
    life.shows(&[
        ("credential_refreshes_total kind=refresh", 1.0),
        ("credential_refreshes_total kind=sign_in", 1.0),
        (
            "credential_refresh_failures_total kind=refresh error=AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE",
            1.0,
        ),
        (
            "credential_refresh_failures_total kind=sign_in error=AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE",
            0.0,
        ),
        ("credential_expiry_timestamp_seconds", 1_735_696_800.0),
    ]);
    life.after(2.0, established(1)).after(60.0, hangup(noon()));
    life.history(|history| {
        let session = history.drops().next().unwrap();
        assert_eq!(session.credentials_issued, Some(noon().wall));
        assert_eq!(session.credentials_expire, Some(noon().wall + Duration::from_secs(3600)));
    });
}

#[test]
fn phases_are_timed_and_remembered_with_the_session() {
    let mut life = Life::new();
    let finished =
        |phase, millis| Event::PhaseFinished(PhaseTime { phase, took: Duration::from_millis(millis) });
    life.then([attempt(1), finished(Phase::Dns, 8), finished(Phase::Tcp, 30), established(1)]);
    life.then([finished(Phase::Subscribe, 70), restored()]).after(9.0, hangup(noon()));
    life.shows(&[
        ("connect_phase_duration_seconds_bucket phase=dns le=0.01", 1.0),
        ("connect_phase_duration_seconds_count phase=tcp", 1.0),
        ("connect_phase_duration_seconds_sum phase=subscribe", 0.07),
        ("connect_phase_duration_seconds_count phase=tls", 0.0),
    ]);
    life.history(|history| {
        let phases: Vec<Phase> =
            history.drops().next().unwrap().phases.iter().map(|time| time.phase).collect();
        assert_eq!(phases, [Phase::Dns, Phase::Tcp, Phase::Subscribe]);
        assert_eq!(history.attempts().next().unwrap().phases.len(), 2);
    });
}

#[test]
fn planning_is_the_phase_of_credentials_unless_somebody_timed_it() {
    let mut life = Life::new();
    life.then([attempt(1)]).after(0.8, Event::PhaseEntered(Phase::Dns));
    life.then([Event::PhaseEntered(Phase::Tcp), established(1)]);
    life.shows(&[
        ("connect_phase_duration_seconds_count phase=credentials", 1.0),
        ("connect_phase_duration_seconds_sum phase=credentials", 0.8),
    ]);
    let mut life = Life::new();
    let timed = PhaseTime { phase: Phase::Credentials, took: Duration::from_millis(500) };
    life.then([attempt(1), Event::PhaseFinished(timed)]).after(0.8, Event::PhaseEntered(Phase::Dns));
    life.shows(&[
        ("connect_phase_duration_seconds_count phase=credentials", 1.0),
        ("connect_phase_duration_seconds_sum phase=credentials", 0.5),
    ]);
}

#[test]
fn a_connection_made_anew_by_a_reload_keeps_its_past() {
    let mut life = Life::new();
    session(&mut life);
    let now = life.now;
    life.after(60.0, hangup(now));
    session(&mut life);
    life.then([closed(CloseCause::Reload), Event::Stopped]);
    let entry = life.board.enter(ConnectionStatus::new("home", "navien", "wss", life.now));
    life.recorder = Recorder::new(life.metrics.connection(&home()), entry);
    let status = life.status();
    assert_eq!((status.state, status.sessions, status.drops), (StateName::Idle, 2, 1));
    session(&mut life);
    let now = life.now;
    life.after(5.0, hangup(now));
    let numbers: Vec<u64> =
        life.history(|history| history.sessions().map(|session| session.number).collect());
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(life.status().drops, 2);
}

#[test]
fn durations_follow_the_boot_clock_when_the_wall_clock_steps() {
    let mut life = Life::new();
    session(&mut life);
    life.now = Now { at: life.now.at + Duration::from_secs(100), wall: SystemTime::UNIX_EPOCH };
    let now = life.now;
    life.then([hangup(now), attempt(1)]);
    life.now = Now { at: now.at + Duration::from_secs(7), wall: noon().wall };
    life.then([established(1)]);
    life.shows(&[("session_duration_seconds_sum", 100.0), ("outage_duration_seconds_sum", 7.0)]);
}

#[test]
fn a_timeout_dies_at_the_last_sign_of_life_and_is_uncertain_by_the_rest() {
    for (ended_by, age, uncertainty) in
        [(EndedBy::Timeout, 300, 25), (EndedBy::Peer, 325, 0), (EndedBy::LocalError, 325, 0)]
    {
        let mut life = Life::new();
        session(&mut life);
        let alive = life.now.plus(Duration::from_secs(300));
        let end = ending(ErrorName::SocketTimeout, ended_by, alive);
        life.after(325.0, Event::Dropped(Box::new(end)));
        life.history(|history| {
            let session = history.drops().next().unwrap();
            assert_eq!(session.age(), Duration::from_secs(age), "{ended_by:?}");
            assert_eq!(session.uncertainty(), Duration::from_secs(uncertainty), "{ended_by:?}");
            assert_eq!(session.lasted(), Duration::from_secs(325));
        });
        life.shows(&[("session_duration_seconds_sum", 325.0)]);
    }
}

#[test]
fn the_kernels_last_word_counts_and_the_round_trip_leaves_with_the_session() {
    let mut life = Life::new();
    let info = |total_retransmits| TcpInfo {
        state: 1,
        unacked: 1,
        retransmits: 3,
        probes: 0,
        backoff: 3,
        rtt: Duration::from_millis(40),
        total_retransmits,
        last_data_received: Duration::from_secs(9),
        last_ack_received: Duration::from_secs(9),
    };
    session(&mut life);
    life.recorder.traffic().tcp(&info(1));
    life.recorder.traffic().in_flight(2);
    life.shows(&[("tcp_rtt_seconds", 0.04), ("tcp_retransmits_total", 1.0)]);
    let mut end = ending(ErrorName::SocketTimeout, EndedBy::Timeout, life.now);
    end.tcp = Some(info(6));
    life.after(30.0, Event::Dropped(Box::new(end)));
    life.shows(&[("tcp_retransmits_total", 6.0), ("inflight_messages", 0.0)]);
    life.hides(&["tcp_rtt_seconds"]);
    session(&mut life);
    life.recorder.traffic().tcp(&info(2));
    life.shows(&[("tcp_retransmits_total", 8.0)]);
}

#[test]
fn gaps_are_sorted_by_whether_the_session_survived_them() {
    let gaps = || {
        let gap = |seconds, survived| Gap { length: Duration::from_secs(seconds), survived };
        vec![gap(30, true), gap(45, true), gap(360, false)]
    };
    let mut life = Life::new();
    session(&mut life);
    let mut end = ending(ErrorName::SocketClosed, EndedBy::Peer, life.now);
    end.stats.gaps = gaps();
    life.after(500.0, Event::Dropped(Box::new(end)));
    session(&mut life);
    let mut end = ending(ErrorName::PlannedRotation, EndedBy::Us, life.now);
    end.stats.gaps = gaps();
    life.after(500.0, Event::Closed { cause: CloseCause::Renewal, ending: Some(Box::new(end)) });
    life.history(|history| {
        let survived: Vec<_> =
            history.survived_gaps().map(|gap| (gap.session, gap.length.as_secs())).collect();
        assert_eq!(survived, [(1, 30), (1, 45), (2, 30), (2, 45)]);
        let fatal: Vec<_> = history.sessions().map(|session| session.fatal_gaps.clone()).collect();
        assert_eq!(fatal, [vec![Duration::from_secs(360)], vec![]], "what we ended ourselves proves nothing");
    });
}

#[test]
fn the_history_is_bounded_and_keeps_drops_longest() {
    let mut life = Life::new();
    for _ in 0..DROPS + 50 {
        session(&mut life);
        let mut end = ending(ErrorName::SocketClosed, EndedBy::Peer, life.now);
        end.stats.gaps = vec![Gap { length: Duration::from_secs(6), survived: true }];
        life.after(10.0, Event::Dropped(Box::new(end)));
    }
    life.history(|history| {
        assert_eq!(history.sessions().len(), SESSIONS);
        assert_eq!(history.drops().len(), DROPS);
        assert_eq!(history.attempts().len(), ATTEMPTS);
        assert_eq!(history.survived_gaps().len(), SURVIVED_GAPS);
        let (newest, oldest) = (history.drops().next_back().unwrap(), history.drops().next().unwrap());
        assert_eq!((oldest.number, newest.number), (51, 1050));
        assert!(Arc::ptr_eq(newest, history.sessions().next_back().unwrap()), "a drop is held once");
    });
}

#[test]
fn the_board_shows_the_newest_twenty_first_and_nothing_personal() {
    let mut life = Life::new();
    for _ in 0..25 {
        session(&mut life);
        let mut end = ending(ErrorName::SocketClosed, EndedBy::Peer, life.now);
        let sent =
            LastSent { packet: "PUBLISH", topic: Some("cmd/52/0123456789ab".to_owned()), at: life.now.at };
        end.stats.last_sent = Some(sent.clone());
        end.stats.last_publish = Some(sent);
        life.after(10.0, Event::Dropped(Box::new(end)));
    }
    let status = life.status();
    let json = serde_json::to_value(&status).unwrap();
    let drops = json["history"]["drops"].as_array().unwrap();
    assert_eq!((drops.len(), json["history"]["sessions"].as_array().unwrap().len()), (20, 20));
    assert_eq!(drops[0]["number"], 25);
    assert_eq!(drops[0]["error"], "AWS_IO_SOCKET_CLOSED");
    assert_eq!(drops[0]["age_seconds"], 10.0);
    assert_eq!(drops[0]["last_sent"], "PUBLISH");
    assert_eq!(drops[0]["end"], "2025-01-01T00:04:10.000Z");
    let full = life.history(|history| {
        let drop = history.drops().next_back().unwrap();
        format!("{} {drop:?}", serde_json::to_string(drop).unwrap())
    });
    assert!(full.contains(r#""last_publish":{"packet":"PUBLISH","seconds_before_end":10.0}"#), "{full}");
    for printed in [json.to_string(), full, format!("{status:?}"), format!("{:?}", life.recorder)] {
        for personal in ["0123456789ab", "192.0.2.7", "198.51.100.9"] {
            assert!(!printed.contains(personal), "{personal} in {printed}");
        }
    }
}

#[test]
fn a_failed_attempt_is_remembered_with_its_failure() {
    let mut life = Life::new();
    life.then([attempt(1)]).after(2.5, failed(refused()));
    life.history(|history| {
        let json = serde_json::to_value(history.attempts().next().unwrap()).unwrap();
        assert_eq!((&json["outcome"], &json["took_seconds"]), (&"failed".into(), &2.5.into()));
        assert_eq!(json["failure"]["error"], "AWS_IO_SOCKET_CONNECTION_REFUSED");
        assert_eq!(json["failure"]["code"], 1047);
    });
}

#[test]
fn the_totals_go_on_where_the_rings_forget() {
    let mut life = Life::new();
    session(&mut life);
    life.after(100.0, hangup(life.now)).after(1.0, attempt(1)).after(1.0, failed(refused()));
    life.after(1.0, attempt(2)).after(1.0, established(2));
    life.after(20.0, closed(CloseCause::Renewal)).after(1.0, attempt(1)).after(1.0, established(1));
    for _ in 0..DROPS + 5 {
        let now = life.now;
        life.after(10.0, hangup(now)).then([attempt(1), established(1)]);
    }
    let drops = 1 + u64::try_from(DROPS).unwrap() + 5;
    life.history(|history| {
        let totals = history.totals();
        assert_eq!(totals.since, noon().wall);
        assert_eq!((totals.connects, totals.drops, totals.closes), (drops + 2, drops, 1));
        assert_eq!((totals.attempts, totals.failed_attempts), (drops + 3, 1));
        assert_eq!(totals.outages_by_attempts, [drops - 1, 1, 0, 0]);
        assert_eq!(totals.drops_by_error.get(&ErrorName::UnexpectedHangup), Some(&drops));
        assert_eq!(totals.longest, Some(Duration::from_secs(100)));
        assert_eq!(totals.shortest, Some(Duration::from_secs(10)));
        assert_eq!(totals.count, drops + 1);
        assert_eq!(totals.sum, Duration::from_secs(120 + 10 * (drops - 1)));
        let ended = history.drops().next_back().map(|session| session.end.wall);
        assert_eq!((totals.last_drop, totals.last_connect), (ended, ended));
    });
}
