//! Tests of the words: every pattern as a person reads it.
//! A change of a sentence is a change here: read it aloud first.

use super::super::advice::advice;
use super::super::claim::{Claim, Counter, Pattern};
use super::super::{EventKind, TopicKey};
use super::*;

const DAY: f64 = 86_400.0;

fn claim(pattern: Pattern, support: u32, of: u32) -> Claim {
    Claim { pattern, support, of, members: Vec::new(), p: 0.001 }
}

#[track_caller]
fn reads(claim: &Claim, drops: u32, words: &str, act: &str) {
    assert_eq!(seen(claim, (claim.support, drops)), words);
    assert_eq!(advice(&claim.pattern), act);
}

#[test]
fn a_known_lifetime_names_its_owner() {
    let pattern = Pattern::Lifetime { age: DAY, from: 86_397.0, to: 86_402.0, limit: Some(DAY) };
    reads(
        &claim(pattern, 5, 5),
        7,
        "5 of 7 drops came 24 h 0 min after connecting; AWS IoT closes WebSockets at 24 h.",
        "A planned reconnect before that avoids them: `renew_after = \"23h\"` under `[reconnect]`.",
    );
}

#[test]
fn an_unknown_lifetime_says_how_far_its_ages_spread() {
    let pattern = Pattern::Lifetime { age: 5_000.0, from: 4_810.0, to: 5_203.0, limit: None };
    reads(
        &claim(pattern, 6, 8),
        8,
        "6 of 8 drops came 1 h 23 min (1 h 20 min to 1 h 27 min) after connecting; a session length limit fits, of a \
         kind that is not in our list.",
        "A planned reconnect before that avoids them: `renew_after = \"76m\"` under `[reconnect]`.",
    );
}

#[test]
fn sessions_that_end_right_after_they_begin_are_not_said_to_have_a_limit_on_their_length() {
    let words = "7 of 10 drops came right after connecting, at 0.7 s; something that ends every session as soon as it \
                 begins fits: a policy that forbids what a session does first, another client with our client id, a \
                 broker in trouble.";
    let act = "Look into the broker's own log, and at what a session does first: whether the account may subscribe and \
               publish there, and whether a second client has our client id. A storm that ends by itself was the \
               broker's: here nothing needs a change, the waits between attempts grow by themselves.";
    for pattern in [
        Pattern::Lifetime { age: 0.71, from: 0.7, to: 0.72, limit: None },
        Pattern::LifetimeOrCount { age: 0.71, counter: Counter::Bytes, count: 11_614.0 },
    ] {
        reads(&claim(pattern.clone(), 7, 7), 10, words, act);
        assert_eq!(causes(&pattern), (Cause::PolicyViolation, Some(Cause::SessionTakenOver)));
        assert_eq!(evidence(&pattern), Evidence::Suspected);
        assert!(
            disproof(&pattern).starts_with("It would be disproved by sessions that live longer than 0.7 s.")
        );
        assert_eq!(of_drop(&pattern, 0.7), "it came right after connecting, at 0.7 s, as other drops did");
    }
    let old = Pattern::Lifetime { age: 15.0, from: 14.9, to: 15.1, limit: None };
    assert_eq!(causes(&old).0, Cause::ConnectionLifetimeLimit);
}

#[test]
fn a_takeover_without_earlier_sessions_does_not_say_how_long_they_lasted() {
    assert_eq!(
        seen(&claim(Pattern::Takeover { sessions: 3, mean: 0.0 }, 3, 3), (3, 3)),
        "The last 3 sessions ended politely within 2 min and came back at once; another client with our client id fits."
    );
}

#[test]
fn every_known_limit_has_words_that_name_it() {
    let said = |limit| {
        seen(
            &claim(Pattern::Lifetime { age: limit, from: limit, to: limit, limit: Some(limit) }, 3, 3),
            (3, 3),
        )
    };
    assert!(said(60.0).ends_with("many proxies and load balancers close connections at 60 s."));
    assert!(said(240.0).ends_with("Azure load balancers forget silent connections at 4 min 0 s."));
    assert!(said(350.0).ends_with(
        "NAT gateways and network load balancers of AWS forget silent connections at 5 min 50 s."
    ));
    assert!(said(1_200.0).ends_with("closes silent sessions at 20 min."));
    assert!(said(1_800.0).ends_with("operators often choose to close connections at 30 min."));
    assert!(said(3_600.0).ends_with("tokens often lapse, and sessions with them, at 1 h."));
    assert!(said(7_200.0).ends_with("API gateways close connections at 2 h."));
    assert!(
        said(5_400.0)
            .ends_with("the configuration or the lifetime of the credentials names this limit: 90 min.")
    );
}

#[test]
fn a_clock_is_told_in_local_time() {
    reads(
        &claim(Pattern::Calendar { period: DAY, phase: 14_400.0 }, 9, 10),
        10,
        "9 of 10 drops came daily at 04:00, local time, whatever the age of the session; a timer on somebody's clock \
         fits: a router that restarts, a provider's forced disconnect, a scheduled job.",
        "Look for what runs daily at 04:00, local time: the restart of a router or modem, a provider's forced \
         disconnect, a scheduled job or a deployment of the service. If it has to be, `initial_delay` decides how soon \
         we are back.",
    );
}

#[test]
fn what_is_not_separable_is_said_to_be_so() {
    let pattern = Pattern::LifetimeOrCalendar { age: DAY, period: DAY, phase: 14_400.0 };
    reads(
        &claim(pattern, 4, 4),
        4,
        "4 of 4 drops came 24 h 0 min after connecting, and so daily at 04:00, local time; a session length limit and \
         a timer on somebody's clock both fit, and cannot be told apart yet.",
        "A planned reconnect before that avoids them if it is a limit: `renew_after = \"23h\"` under `[reconnect]`. \
         Whether it is a clock shows when a session begins at another time of day: `probes = true` under \
         `[diagnosis]` lets us try, once a day at most.",
    );
    let pattern =
        Pattern::LifetimeOrCount { age: 3_600.0, counter: Counter::MessagesReceived, count: 10_000.0 };
    reads(
        &claim(pattern, 5, 6),
        6,
        "5 of 6 drops came 1 h 0 min after connecting, and after 10000 messages received; a session length limit and a \
         limit on what one session may move both fit, and cannot be told apart while the rate is constant.",
        "A planned reconnect before that avoids them: `renew_after = \"57m\"` under `[reconnect]`. Another \
         `status_interval` shows which of the two it is.",
    );
}

#[test]
fn a_count_is_told_with_what_it_counts() {
    let pattern = Pattern::MessageLimit {
        counter: Counter::MessagesReceived,
        count: 9_999.5,
        from: 9_987.0,
        to: 10_012.0,
    };
    reads(
        &claim(pattern, 6, 6),
        6,
        "6 of 6 drops came after 10000 (9987 to 10012) messages received, which varies less than their ages; a limit on what one \
         session may move fits.",
        "Ask less often (`status_interval`, `features_interval`, `energy_interval`), or renew sessions before they get \
         there (`renew_after`), and ask the service's operator for its quota.",
    );
}

#[test]
fn an_event_is_told_with_its_lag() {
    let pattern = Pattern::AfterEvent { event: EventKind::Command, window: 2.0, lag: 0.4, lift: 1_600.0 };
    reads(
        &claim(pattern, 4, 6),
        6,
        "4 of 6 drops came within 2.0 s after a command to a device, usually 0.4 s after it, more than 1000 times as \
         often as chance would have it; that the one provokes the other fits.",
        "What follows a command to a device may be provoked by it. Look at what the command sends and whether the \
         account may send it; try it by hand once.",
    );
}

#[test]
fn a_packet_is_told_by_the_shape_of_its_topic() {
    let packet = |largest| Pattern::Packet {
        packet: "PUBLISH".to_owned(),
        topic: TopicKey(7),
        shape: "cmd/52/+/st".to_owned(),
        sent: 2,
        closed: 2,
        largest,
    };
    reads(
        &claim(packet(120), 2, 2),
        4,
        "2 of 2 times the broker closed right after a PUBLISH to `cmd/52/+/st`; a packet that the broker's policy \
         forbids fits.",
        "Let the broker's policy allow publishing to `cmd/52/+/st`, or leave it out; until then it is better not sent.",
    );
    reads(
        &claim(packet(140_000), 2, 2),
        4,
        "2 of 2 times the broker closed right after a PUBLISH to `cmd/52/+/st`; a payload larger than the broker takes \
         fits (the largest had 140000 bytes).",
        "Send less at once to `cmd/52/+/st`: AWS IoT takes 128 KiB, other brokers have a limit of their own.",
    );
    assert_eq!(causes(&packet(140_000)).0, Cause::PayloadTooLarge);
}

#[test]
fn a_silence_is_told_by_what_was_survived_and_what_was_not() {
    reads(
        &claim(Pattern::IdleTimeout { survived: 238.0, fatal: 262.0, reset: false }, 4, 4),
        4,
        "4 of 4 silences of 4 min 22 s and more ended the session, and nothing came back, and none of 3 min 58 s or \
         less did; a NAT or firewall that forgets silent connections fits.",
        "Never be silent for so long: `keep_alive = \"190s\"` under `[reconnect]` stays below it; or raise the timeout \
         of the NAT or firewall.",
    );
}

#[test]
fn a_takeover_and_a_hint_are_only_suspected() {
    let takeover = Pattern::Takeover { sessions: 3, mean: 3_600.0 };
    reads(
        &claim(takeover.clone(), 3, 3),
        12,
        "The last 3 sessions ended politely within 2 min and came back at once, where sessions had lasted 1 h 0 min \
         before; another client with our client id fits.",
        "Look for a second client with our client id: another `hangup`, an old script, an app. A `client_id` of its own \
         under `[connection.reconnect]` for each ends it; without the field ours is made anew by itself.",
    );
    let hint = Pattern::ClockHint { period: 604_800.0, phase: 100_800.0 };
    reads(
        &claim(hint.clone(), 6, 7),
        7,
        "6 of 7 drops cluster around one time of the clock: on Fridays at 04:00, local time. Something that happens then \
         may be behind it.",
        "Look for what runs on Fridays at 04:00, local time; more drops will tell whether it holds.",
    );
    assert_eq!([evidence(&takeover), evidence(&hint)], [Evidence::Suspected; 2]);
}

#[test]
fn a_burst_is_told_with_what_came_after() {
    let burst = |connects_failed| Pattern::Burst { clients: 5, window: 2.0, at: 1e9, connects_failed };
    reads(
        &claim(burst(true), 5, 6),
        9,
        "5 connections dropped within 2.0 s, and connecting failed afterwards; a restart of what they have in common \
         fits.",
        "Look into the broker's own log for that moment: a restart, a deployment, a crash. Here nothing needs a change: \
         jitter keeps the clients from coming back all at once.",
    );
    reads(
        &claim(burst(false), 5, 6),
        9,
        "5 connections dropped within 2.0 s; something that they have in common fits: the service's maintenance, or the \
         path from here.",
        "Ask the service for maintenance at that moment, and look at the router and the line that these connections \
         share.",
    );
    assert_eq!(causes(&burst(true)), (Cause::BrokerRestart, None));
    assert_eq!(causes(&burst(false)), (Cause::ServerMaintenance, Some(Cause::PathDead)));
}

#[test]
fn every_pattern_says_what_would_disprove_it_and_how_rarely_its_test_is_wrong() {
    let all = [
        Pattern::Lifetime { age: DAY, from: DAY, to: DAY, limit: None },
        Pattern::Calendar { period: DAY, phase: 0.0 },
        Pattern::LifetimeOrCalendar { age: DAY, period: DAY, phase: 0.0 },
        Pattern::MessageLimit { counter: Counter::Bytes, count: 1e6, from: 1e6, to: 1e6 },
        Pattern::LifetimeOrCount { age: DAY, counter: Counter::MessagesSent, count: 1e4 },
        Pattern::AfterEvent { event: EventKind::Route, window: 10.0, lag: 1.0, lift: 9.0 },
        Pattern::IdleTimeout { survived: 1.0, fatal: 2.0, reset: true },
        Pattern::Takeover { sessions: 4, mean: 600.0 },
        Pattern::ClockHint { period: DAY, phase: 0.0 },
        Pattern::Burst { clients: 3, window: 2.0, at: 0.0, connects_failed: false },
    ];
    for pattern in all {
        let said = [
            disproof(&pattern),
            test(&pattern),
            of_drop(&pattern, 60.0),
            seen(&claim(pattern.clone(), 3, 4), (3, 4)),
        ];
        assert!(said[0].starts_with("It would be disproved by "), "{}", said[0]);
        assert!(said[1].contains(" of ") || said[1].contains(" in "), "{}", said[1]);
        let certain = ["the cause is", "because of", "%", "probab"];
        assert!(!said.iter().any(|said| certain.iter().any(|word| said.contains(word))), "{said:?}");
        assert!(Cause::FINDINGS.contains(&causes(&pattern).0), "{pattern:?} has a gauge");
    }
}
