//! The life of fleets, told event by event; time is what the story says.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::*;
use crate::clock::{Instant, Now};
use crate::connection::message::Incoming;
use crate::lifecycle::presence::{By, Reason};
use crate::reading::Reading;
use crate::source::listen::Listener;
use crate::source::{Outcome, Sink};

/// What a listener told.
#[derive(Default)]
struct Heard {
    fates: Vec<Fate>,
    lengths: Vec<Option<u64>>,
    malformed: usize,
    standing: Standing,
    views: Vec<Arc<View>>,
}

impl Sink for Heard {
    fn reading(&mut self, _: &Reading<'_>) {}
    fn devices(&mut self, _: &[&str]) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: Instant) {}
    fn presence(&mut self, _: &Event<'_>, told: Told) {
        self.fates.push(told.fate);
        self.lengths.push(told.lasted.map(|lasted| lasted.as_secs()));
    }
    fn presence_malformed(&mut self) {
        self.malformed += 1;
    }
    fn fleet_stands(&mut self, standing: Standing) {
        self.standing = standing;
    }
    fn fleet(&mut self, view: &Arc<View>) {
        self.views.push(Arc::clone(view));
    }
}

struct Story {
    watch: Watch,
    heard: Heard,
    now: Now,
}

impl Story {
    fn of(settings: &Fleet) -> Self {
        let at = Instant::from_boot(Duration::from_secs(1_000_000));
        let now = Now { at, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_732_800) };
        let mut story = Self { watch: Watch::new(settings), heard: Heard::default(), now };
        story.watch.restored(now, &mut story.heard);
        story
    }

    fn aws() -> Self {
        Self::of(&Fleet::of(FleetKind::AwsIot))
    }

    fn mosquitto() -> Self {
        Self::of(&Fleet::of(FleetKind::Mosquitto))
    }

    fn after(&mut self, seconds: f64) -> &mut Self {
        self.now = self.now.plus(Duration::from_secs_f64(seconds));
        while self.watch.deadline().is_some_and(|deadline| deadline <= self.now.at) {
            self.watch.due(self.now, &mut self.heard);
        }
        self
    }

    fn hears(&mut self, topic: &str, payload: &str) -> Option<Outcome> {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let message = Incoming { topic: topic.to_owned(), payload, qos: 0, retain: false, properties: None };
        self.watch.heard(&message, self.now, &mut self.heard)
    }

    fn came(&mut self, client: &str, version: u64) -> &mut Self {
        let topic = format!("$aws/events/presence/connected/{client}");
        let payload =
            format!(r#"{{"clientId":"{client}","eventType":"connected","versionNumber":{version}}}"#);
        assert_eq!(self.hears(&topic, &payload), Some(Outcome::Decoded));
        self
    }

    fn went(&mut self, client: &str, version: u64, reason: &str) -> &mut Self {
        let topic = format!("$aws/events/presence/disconnected/{client}");
        let payload = format!(
            r#"{{"clientId":"{client}","eventType":"disconnected","disconnectReason":"{reason}","versionNumber":{version}}}"#
        );
        assert_eq!(self.hears(&topic, &payload), Some(Outcome::Decoded));
        self
    }

    fn logs(&mut self, line: &str) -> &mut Self {
        let level = if line.contains("already connected") { "E" } else { "N" };
        let topic = format!("$SYS/broker/log/{level}");
        assert!(self.hears(&topic, &format!("1796009983: {line}")).is_some());
        self
    }

    fn view(&self) -> View {
        self.watch.view(self.now)
    }
}

#[test]
fn events_are_ordered_by_their_numbers_and_told_once() {
    let mut story = Story::aws();
    story.came("a", 1).after(10.0).came("a", 1);
    // The end of connection 1 comes after the beginning of connection 2.
    story.after(1.0).came("a", 2).went("a", 1, "CONNECTION_LOST").went("a", 1, "CONNECTION_LOST");
    assert_eq!(story.heard.fates, [Fate::New, Fate::Duplicate, Fate::New, Fate::OutOfOrder, Fate::Duplicate]);
    assert_eq!(story.watch.standing(story.now.at).connected, 1, "the late end is not that of connection 2");
    story.after(20.0).went("a", 2, "MQTT_KEEP_ALIVE_TIMEOUT");
    assert_eq!(story.heard.lengths.last(), Some(&Some(20)));
    let tally = story.view().tally;
    assert_eq!((tally.connects, tally.by_reason()[&Reason::ConnectionLost]), (2, 1));
    assert_eq!(tally.disconnects[&(Reason::KeepAliveTimeout, By::Broker)], 1);
}

#[test]
fn numbers_that_begin_anew_after_a_long_silence_are_news() {
    let mut story = Story::aws();
    story.came("a", 7).went("a", 7, "CLIENT_INITIATED_DISCONNECT").after(3600.0).came("a", 0);
    assert_eq!(story.heard.fates, [Fate::New; 3]);
    assert_eq!(story.watch.standing(story.now.at).connected, 1);
}

#[test]
fn a_client_that_wakes_every_two_hours_has_the_same_numbers_each_time() {
    let mut story = Story::aws();
    for _ in 0..3 {
        story.after(7_200.0).came("a", 0).came("a", 0);
        story.after(5.0).went("a", 0, "CONNECTION_LOST").went("a", 0, "CONNECTION_LOST");
    }
    let day = [Fate::New, Fate::Duplicate, Fate::New, Fate::Duplicate];
    assert_eq!(story.heard.fates, [day; 3].concat());
    assert_eq!(story.heard.lengths.iter().flatten().copied().collect::<Vec<_>>(), [5; 3]);
    assert_eq!(story.view().tally.by_reason()[&Reason::ConnectionLost], 3);
}

#[test]
fn a_length_needs_both_ends_of_one_connection() {
    let mut story = Story::aws();
    // Connection 2 began while nobody heard of it.
    story.came("a", 1).after(100.0).went("a", 2, "SERVER_ERROR");
    assert_eq!(story.heard.lengths, [None, None]);
    // With numbers a gap in our listening does not matter; without it does.
    story.came("b", 4).after(50.0);
    story.watch.restored(story.now, &mut story.heard);
    assert_eq!(story.watch.standing(story.now.at).connected, 0, "what happened meanwhile is not known");
    story.went("b", 4, "SERVER_ERROR");
    assert_eq!(story.heard.lengths.last(), Some(&Some(50)));
    let mut story = Story::mosquitto();
    story.logs("New client connected from 192.0.2.1:4 as b (p2, c1, k60).").after(50.0);
    story.watch.restored(story.now, &mut story.heard);
    story.logs("Client b closed its connection.");
    assert_eq!(story.heard.lengths, [None, None]);
}

#[test]
fn what_is_left_of_a_takeover_is_not_counted_again() {
    for echo in
        ["Client x closed its connection.", "Client x [192.0.2.1:4] disconnected: session taken over."]
    {
        for echo_first in [true, false] {
            let mut story = Story::mosquitto();
            story.logs("New client connected from 192.0.2.1:4 as x (p2, c1, k60).").after(30.0);
            story.logs("Client x already connected, closing old connection.");
            if echo_first {
                story.logs(echo);
            }
            story.logs("New client connected from 192.0.2.1:5 as x (p2, c1, k60).");
            if !echo_first {
                story.after(0.1).logs(echo);
            }
            assert_eq!(story.watch.standing(story.now.at).connected, 1);
            story.after(40.0).logs("Client x closed its connection.");
            let view = story.view();
            let reasons: Vec<_> = view.tally.by_reason().into_iter().collect();
            assert_eq!(reasons, [(Reason::ConnectionLost, 1), (Reason::DuplicateClientId, 1)], "{echo}");
            assert_eq!(story.heard.lengths.iter().flatten().copied().collect::<Vec<_>>(), [30, 40]);
            assert_eq!(view.tally.events[&Fate::Duplicate], 1);
        }
    }
}

#[test]
fn two_clients_that_evict_each_other_are_counted_each_time() {
    let mut story = Story::mosquitto();
    story.logs("New client connected from 192.0.2.1:4 as x (p2, c1, k60).");
    for _ in 0..20 {
        story.after(0.1).logs("Client x already connected, closing old connection.");
        story.logs("New client connected from 192.0.2.1:5 as x (p2, c1, k60).");
    }
    assert_eq!(story.view().tally.by_reason()[&Reason::DuplicateClientId], 20);
    let worst = story.view().offenders;
    assert_eq!((worst.clients, worst.worst[0].drops), (1, 20));
    assert_eq!(worst.worst[0].shortest, Some(Duration::from_millis(100)));
}

#[test]
fn an_id_that_ends_like_an_address_is_one_where_it_is_known() {
    let mut story = Story::mosquitto();
    story.logs("New client connected from 192.0.2.1:4 as victim (p2, c1, k60).");
    story.logs("New client connected from 192.0.2.1:5 as victim [192.0.2.9:1] (p2, c1, k60).").after(5.0);
    story.logs("Client victim [192.0.2.9:1] closed its connection.");
    assert_eq!(story.watch.standing(story.now.at).connected, 1, "the victim stays");
}

#[test]
fn a_successor_that_is_told_first_stays_connected() {
    let mut story = Story::of(&Fleet::of(FleetKind::Emqx));
    let event = |what: &str, more: &str, ts: u64| {
        format!(r#"{{"clientid":"m","ts":{ts}{more},"event":"client.{what}"}}"#)
    };
    let topic = "$SYS/brokers/emqx@127.0.0.1/clients/m/connected";
    story.hears(topic, &event("connected", "", 1_700_000_000_000));
    story.after(60.0).hears(topic, &event("connected", "", 1_700_000_060_000));
    let gone = topic.replace("connected", "disconnected");
    story.after(0.2).hears(&gone, &event("disconnected", r#","reason":"takenover""#, 1_700_000_060_100));
    assert_eq!(story.watch.standing(story.now.at).connected, 1);
    assert_eq!(story.view().tally.by_reason()[&Reason::DuplicateClientId], 1);
}

#[test]
fn a_burst_is_told_while_it_lasts_and_kept_afterwards() {
    let mut story = Story::aws();
    for client in 0..200 {
        story.came(&format!("c{client}"), 1);
    }
    story.after(1000.0);
    assert!(!story.heard.standing.burst);
    for client in 0..40 {
        story.after(0.1).went(&format!("c{client}"), 1, "CONNECTION_LOST");
    }
    story.after(2.0);
    let standing = story.heard.standing;
    assert_eq!((standing.burst, standing.bursts, standing.dropped_recently), (true, 1, 40));
    story.after(70.0);
    assert_eq!((story.heard.standing.burst, story.heard.standing.dropped_recently), (true, 0));
    story.after(120.0);
    assert!(!story.heard.standing.burst);
    let view = story.heard.views.last().unwrap();
    assert_eq!((view.bursts.len(), view.bursts[0].clients), (1, 40));
    assert_eq!(view.bursts[0].reasons, [(Reason::ConnectionLost, 40)]);
    // One client that flaps is none, however fast.
    for version in 2..100 {
        story.after(0.2).came("c100", version).went("c100", version, "CONNECTION_LOST");
    }
    assert_eq!(story.after(2.0).heard.standing.bursts, 1);
    assert_eq!(story.heard.standing.dropped_recently, 1);
}

#[test]
fn a_burst_has_the_reason_of_each_of_its_drops() {
    let mut story = Story::aws();
    for client in 0..200 {
        story.came(&format!("c{client}"), 1);
    }
    story.after(1000.0);
    for client in 0..40 {
        let reason = if client % 2 == 0 { "SERVER_ERROR" } else { "CONNECTION_LOST" };
        story.after(0.1).went(&format!("c{client}"), 1, reason);
    }
    let mut reasons = story.view().bursts[0].reasons.clone();
    reasons.sort_unstable();
    assert_eq!(reasons, [(Reason::ConnectionLost, 20), (Reason::ServerError, 20)]);
}

#[test]
fn clients_that_say_goodbye_drop_nothing() {
    let mut story = Story::aws();
    for client in 0..50 {
        story.came(&format!("c{client}"), 1).went(&format!("c{client}"), 1, "CLIENT_INITIATED_DISCONNECT");
    }
    story.after(2.0);
    assert_eq!((story.heard.standing.bursts, story.heard.standing.dropped_recently), (0, 0));
    assert_eq!(story.view().offenders.clients, 0);
    assert_eq!(story.view().tally.lengths, [0; 8]);
}

#[test]
fn drops_of_yesterday_leave_the_list() {
    let mut story = Story::aws();
    story.came("a", 1).went("a", 1, "CONNECTION_LOST").after(3600.0);
    story.came("b", 1).went("b", 1, "CONNECTION_LOST").came("b", 2).went("b", 2, "SERVER_ERROR");
    let worst: Vec<u32> = story.view().offenders.worst.iter().map(|worst| worst.drops).collect();
    assert_eq!(worst, [2, 1]);
    assert!(story.view().offenders.worst.iter().all(|worst| worst.id.is_none() && worst.name().len() == 9));
    story.after(25.0 * 3600.0);
    assert_eq!(story.view().offenders, Offenders::default());
}

#[test]
fn the_book_keeps_its_limit_and_forgets_those_that_are_away_first() {
    let settings = Fleet { client_limit: 32, show_clients: true, ..Fleet::of(FleetKind::AwsIot) };
    let mut story = Story::of(&settings);
    story.came("old", 1).went("old", 1, "CONNECTION_LOST").after(10.0);
    for client in 0..31 {
        story.came(&format!("c{client}"), 1);
    }
    story.came("new", 1);
    assert_eq!(story.heard.fates.last(), Some(&Fate::New), "`old` made room");
    assert_eq!((story.watch.standing(story.now.at).clients, story.view().offenders.clients), (32, 0));
    story.came("one too many", 1).went("one too many", 1, "THROTTLED");
    assert_eq!(story.heard.fates.iter().filter(|fate| **fate == Fate::Untracked).count(), 2);
    assert_eq!(story.view().tally.by_reason()[&Reason::Throttled], 1, "it is counted all the same");
    assert_eq!(story.watch.standing(story.now.at).clients, 32);
    story.went("c3", 1, "SERVER_ERROR");
    assert_eq!(story.view().offenders.worst[0].name(), "c3");
    assert!(!format!("{:?} {:?}", story.view(), settings).contains("c3"));
}

#[test]
fn clients_whose_end_may_have_been_missed_make_room() {
    let settings = Fleet { client_limit: 16, ..Fleet::of(FleetKind::AwsIot) };
    let all = |story: &mut Story, generation: u32| {
        for client in 0..16 {
            story.came(&format!("{generation}-{client}"), 1);
        }
        story.watch.standing(story.now.at)
    };
    let full = Standing { clients: 16, connected: 16, ..Standing::default() };
    let mut story = Story::of(&settings);
    assert_eq!(all(&mut story, 1), full);
    // The broker began anew, and with it the ids of its clients.
    story.watch.restored(story.now, &mut story.heard);
    assert_eq!(all(&mut story, 2), full);
    // The words of their ends were lost, and for days nobody spoke of them.
    story.after(3.0 * 86_400.0);
    assert_eq!(all(&mut story, 3), full);
    assert_eq!(story.heard.fates, [Fate::New; 48]);
}

#[test]
fn a_client_id_of_any_length_is_counted_and_little_of_it_is_kept() {
    let mut story = Story::of(&Fleet { show_clients: true, ..Fleet::of(FleetKind::Mosquitto) });
    let (one, other) = ("ü".repeat(5_000), format!("{}x", "ü".repeat(5_000)));
    for id in [&one, &other] {
        story.logs(&format!("New client connected from 192.0.2.1:4 as {id} (p2, c1, k60)."));
        story.after(1.0).logs(&format!("Client {id} closed its connection."));
    }
    let offenders = story.view().offenders;
    assert_eq!((story.heard.malformed, offenders.clients), (0, 2), "they are two");
    assert!(offenders.worst.iter().all(|worst| worst.name() == "ü".repeat(128)));
}

#[test]
fn what_is_not_for_it_is_left_to_others_and_what_is_broken_is_counted() {
    let mut story = Story::aws();
    assert_eq!(story.hears("home/boiler", "21.5"), None);
    assert_eq!(story.hears("$aws/events/presence/connected/a/b", "{}"), None);
    assert_eq!(story.hears("$aws/events/presence/connected/a", "{"), Some(Outcome::Malformed));
    let large = "x".repeat(20_000);
    assert_eq!(story.hears("$aws/events/presence/connected/a", &large), Some(Outcome::Oversize));
    assert_eq!(story.heard.malformed, 2);
    let mut story = Story::mosquitto();
    assert_eq!(
        story.hears("$SYS/broker/log/N", "1: New connection from ::1:9 on port 1883."),
        Some(Outcome::Ignored)
    );
    let shared = vec!["$share/hangup/fleet/+/log".to_owned(), "all/#".to_owned()];
    let mut story = Story::of(&Fleet { topics: Some(shared), ..Fleet::of(FleetKind::Mosquitto) });
    assert_eq!(story.hears("fleet/one/log", "Client a disconnected."), Some(Outcome::Decoded));
    assert_eq!(story.hears("all", "Client a disconnected."), Some(Outcome::Decoded));
    assert_eq!(story.hears("fleet/one", "Client a disconnected."), None);
}

#[test]
fn a_calm_fleet_wakes_nobody() {
    let mut story = Story::aws();
    story.came("a", 1).after(10.0);
    let wakes = story.watch.deadline().unwrap().saturating_since(story.now.at);
    assert!(wakes > Duration::from_secs(1000), "{wakes:?}");
    assert_eq!(story.heard.standing, Standing { clients: 1, connected: 1, ..Standing::default() });
    assert_eq!(story.heard.views.last().unwrap().tally.connects, 1);
}

proptest::proptest! {
    #[test]
    fn no_message_breaks_it_and_the_counts_of_connected_clients_agree(
        steps in proptest::collection::vec((0..4_u8, 0..6_u64, 0..5_u64, 0..40_u32), 1..200)
    ) {
        let mut story = Story::of(&Fleet { client_limit: 3, ..Fleet::of(FleetKind::AwsIot) });
        for (what, client, version, wait) in steps {
            story.after(f64::from(wait * wait));
            let client = format!("c{client}");
            match what {
                0 => { story.came(&client, version); }
                1 => { story.went(&client, version, "DUPLICATE_CLIENTID"); }
                2 => { story.hears(&format!("$aws/events/presence/disconnected/{client}"), "{}"); }
                _ => story.watch.restored(story.now, &mut story.heard),
            }
            let standing = story.watch.standing(story.now.at);
            proptest::prop_assert!(standing.connected <= standing.clients && standing.clients <= 3);
        }
    }

    #[test]
    fn no_payload_breaks_a_parser(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..200), cut in 0..80_usize) {
        let line = b"1796009983: Client x [192.0.2.1:4] disconnected: session taken over.";
        let mixed = [line.get(cut..).unwrap_or_default(), &payload].concat();
        for kind in [FleetKind::AwsIot, FleetKind::Emqx, FleetKind::Mosquitto] {
            let mut story = Story::of(&Fleet { topics: Some(vec!["#".to_owned()]), ..Fleet::of(kind) });
            for payload in [&payload, &mixed] {
                let payload = Bytes::copy_from_slice(payload);
                let message = Incoming { topic: "x/y".to_owned(), payload, qos: 0, retain: false, properties: None };
                let heard = story.watch.heard(&message, story.now, &mut story.heard);
                proptest::prop_assert!(heard.is_some());
            }
        }
    }
}
