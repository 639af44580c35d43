//! The broker's rules, one test each, in virtual time.

use rumqttc::mqttbytes::v4::{ConnAck, Connect, SubAck, Subscribe, SubscribeFilter, SubscribeReasonCode};

use super::*;

const MAC: &str = "020000aabb01";
const REPLY: &str = "cmd/52/navilink-020000aabb01/me/res";
const WILDCARD: &str = "cmd/52/navilink-020000aabb01/#";

struct Bench {
    broker: Broker,
    policy: Arc<Policy>,
    now: Instant,
    next: ConnectionId,
}

impl Bench {
    fn new() -> Self {
        Self::with(Rules::aws(1.0))
    }

    fn with(rules: Rules) -> Self {
        let policy = Arc::new(Policy { devices: vec![(52, MAC.to_owned())], presence: false });
        let now = Instant::from_boot(Duration::from_secs(1000));
        Self { broker: Broker::new(rules), policy, now, next: 1 }
    }

    fn after(&mut self, by: Duration) -> &mut Self {
        self.now = self.now + by;
        self
    }

    fn send(&mut self, id: ConnectionId, packet: Packet) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.broker.packet(id, packet, self.now, &mut effects);
        effects
    }

    fn tick(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.broker.tick(self.now, &mut effects);
        effects
    }

    fn announce(&mut self, topic: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.broker.announce(topic, &Bytes::from_static(b"{}"), self.now, &mut effects);
        effects
    }

    fn open(&mut self) -> ConnectionId {
        let id = self.next;
        self.next += 1;
        self.broker.open(id, Arc::clone(&self.policy), self.now);
        id
    }

    /// A connection with this client id, and what the broker did about it.
    fn connect(&mut self, client: &str, clean: bool) -> (ConnectionId, Vec<Effect>) {
        let id = self.open();
        let mut connect = Connect::new(client);
        connect.clean_session = clean;
        connect.keep_alive = 60;
        (id, self.send(id, Packet::Connect(connect)))
    }

    fn subscribe(&mut self, id: ConnectionId, filters: &[&str]) -> Vec<Effect> {
        let filters = filters.iter().map(|f| SubscribeFilter::new((*f).to_owned(), QoS::AtLeastOnce));
        let mut subscribe = Subscribe::new_many(filters);
        subscribe.pkid = 7;
        self.send(id, Packet::Subscribe(subscribe))
    }

    fn subscriber(&mut self) -> ConnectionId {
        let (id, _) = self.connect("me", true);
        self.subscribe(id, &[WILDCARD]);
        id
    }
}

fn publish(topic: &str, qos: QoS) -> Packet {
    let mut publish = Publish::new(topic, qos, "{}");
    publish.pkid = 9;
    Packet::Publish(publish)
}

fn closed(connection: ConnectionId, reason: Reason) -> Effect {
    Effect::Close { connection, reason }
}

fn accepted(to: ConnectionId, session_present: bool) -> Effect {
    Effect::Send { to, packet: Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, session_present)) }
}

fn messages(effects: &[Effect]) -> Vec<&Publish> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { packet: Packet::Publish(publish), .. } => Some(publish),
            Effect::Send { .. } | Effect::Close { .. } | Effect::Heard { .. } => None,
        })
        .collect()
}

#[test]
fn the_same_client_id_closes_the_older_connection() {
    let mut bench = Bench::new();
    let (old, _) = bench.connect("me", true);
    let (new, effects) = bench.after(Duration::from_secs(2)).connect("me", true);
    assert_eq!(effects, [closed(old, Reason::TakenOver), accepted(new, false)]);
}

#[test]
fn two_connects_of_one_id_within_a_second_are_one_too_many() {
    let mut bench = Bench::new();
    bench.connect("me", true);
    let (new, effects) = bench.after(Duration::from_millis(900)).connect("me", true);
    assert_eq!(effects, [closed(new, Reason::TooSoon)]);
}

#[test]
fn silence_of_one_and_a_half_keep_alives_ends_it() {
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", true);
    assert_eq!(bench.broker.deadline(), Some(bench.now + Duration::from_secs(90)));
    assert!(bench.after(Duration::from_secs(89)).tick().is_empty());
    bench.send(id, Packet::PingReq);
    assert!(bench.after(Duration::from_secs(89)).tick().is_empty(), "a ping counts");
    assert_eq!(bench.after(Duration::from_secs(1)).tick(), [closed(id, Reason::KeepAlive)]);
}

#[test]
fn messages_to_the_client_do_not_keep_it_alive() {
    let mut bench = Bench::new();
    let id = bench.subscriber();
    bench.after(Duration::from_secs(80)).announce(REPLY);
    assert_eq!(bench.after(Duration::from_secs(10)).tick(), [closed(id, Reason::KeepAlive)]);
}

#[test]
fn a_day_old_connection_ends_at_its_next_message() {
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", true);
    for _ in 0..1441 {
        assert!(bench.tick().is_empty());
        assert_eq!(bench.send(id, Packet::PingReq).len(), 1);
        bench.after(Duration::from_secs(60));
        if bench.now.saturating_since(Instant::from_boot(Duration::from_secs(1000)))
            > bench.broker.rules.lifetime
        {
            break;
        }
    }
    assert_eq!(bench.send(id, Packet::PingReq), [closed(id, Reason::Lifetime)]);
}

#[test]
fn a_message_to_an_over_aged_connection_ends_it_too() {
    let rules = Rules { lifetime: Duration::from_secs(60), ..Rules::aws(1.0) };
    let mut bench = Bench::with(rules);
    let id = bench.subscriber();
    assert_eq!(bench.after(Duration::from_secs(61)).announce(REPLY), [closed(id, Reason::Lifetime)]);
}

#[test]
fn a_limit_of_messages_closes_at_the_first_above_it_and_begins_anew() {
    let rules = Rules { messages_per_connection: Some(3), ..Rules::aws(1.0) };
    let mut bench = Bench::with(rules);
    for _ in 0..2 {
        let (id, _) = bench.after(Duration::from_secs(2)).connect("me", true);
        for _ in 0..3 {
            let effects = bench.send(id, publish("evt/52/navilink-020000aabb01/x", QoS::AtMostOnce));
            assert!(!effects.contains(&closed(id, Reason::Limit)), "{effects:?}");
        }
        let fourth = bench.send(id, publish("evt/52/navilink-020000aabb01/x", QoS::AtMostOnce));
        assert_eq!(fourth, [closed(id, Reason::Limit)]);
    }
}

#[test]
fn a_denied_topic_closes_without_a_word() {
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", true);
    let effects = bench.send(id, publish("cmd/52/navilink-ffffffffffff/st", QoS::AtLeastOnce));
    assert_eq!(effects, [closed(id, Reason::Denied)]);
    let (id, _) = bench.after(Duration::from_secs(2)).connect("me", true);
    assert_eq!(bench.subscribe(id, &["#"]), [closed(id, Reason::Denied)]);
    let (id, _) = bench.after(Duration::from_secs(2)).connect("me", true);
    assert_eq!(bench.subscribe(id, &["$aws/events/presence/connected/me"]), [closed(id, Reason::Denied)]);
}

#[test]
fn limits_close_the_connection() {
    let nine: Vec<String> = (0..9).map(|n| format!("cmd/52/me/res/{n}")).collect();
    let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", true);
    assert_eq!(bench.subscribe(id, &nine), [closed(id, Reason::Limit)]);
    let (id, _) = bench.after(Duration::from_secs(2)).connect("me", true);
    let deep = format!("cmd/52/navilink-{MAC}/a/b/c/d/e/f");
    assert_eq!(bench.send(id, publish(&deep, QoS::AtMostOnce)), [closed(id, Reason::Limit)]);
    let (id, _) = bench.after(Duration::from_secs(2)).connect("me", true);
    let large = Publish::new(REPLY, QoS::AtMostOnce, vec![0; 128 * 1024 + 1]);
    assert_eq!(bench.send(id, Packet::Publish(large)), [closed(id, Reason::Limit)]);
}

#[test]
fn the_fifty_first_filter_closes_the_connection() {
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", true);
    for n in 0..50 {
        assert_eq!(bench.subscribe(id, &[&format!("cmd/52/me/res/{n}")]).len(), 1);
    }
    assert_eq!(bench.subscribe(id, &["cmd/52/me/res/x"]), [closed(id, Reason::Limit)]);
}

#[test]
fn own_publishes_come_back_through_the_wildcard() {
    let mut bench = Bench::new();
    let id = bench.subscriber();
    let effects = bench.send(id, publish("cmd/52/navilink-020000aabb01/st", QoS::AtLeastOnce));
    assert_eq!(effects[0], Effect::Send { to: id, packet: Packet::PubAck(PubAck::new(9)) });
    assert_eq!(messages(&effects)[0].topic, "cmd/52/navilink-020000aabb01/st");
    assert!(matches!(&effects[2], Effect::Heard { topic, .. } if topic.ends_with("/st")));
}

#[test]
fn qos_2_is_met_with_silence() {
    let mut bench = Bench::new();
    let id = bench.subscriber();
    assert!(bench.send(id, publish(REPLY, QoS::ExactlyOnce)).is_empty());
}

#[test]
fn the_hundred_and_first_message_of_a_second_is_discarded() {
    let mut bench = Bench::new();
    let id = bench.subscriber();
    let delivered: usize = (0..150).map(|_| messages(&bench.announce(REPLY)).len()).sum();
    assert_eq!(delivered, 100);
    for pkid in 1..=100 {
        bench.send(id, Packet::PubAck(PubAck::new(pkid)));
    }
    assert_eq!(messages(&bench.after(Duration::from_secs(1)).announce(REPLY)).len(), 1);
}

#[test]
fn a_persistent_session_gets_what_it_missed_and_what_it_did_not_acknowledge() {
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", false);
    bench.subscribe(id, &[WILDCARD]);
    bench.announce(REPLY);
    bench.broker.gone(id, bench.now, &mut Vec::new());
    bench.announce(REPLY);
    let (id, effects) = bench.after(Duration::from_secs(5)).connect("me", false);
    assert_eq!(effects[0], accepted(id, true));
    let owed: Vec<(bool, u16)> = messages(&effects).iter().map(|m| (m.dup, m.pkid)).collect();
    assert_eq!(owed, [(true, 1), (false, 2)]);
}

#[test]
fn a_persistent_session_is_forgotten_after_its_hour() {
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", false);
    bench.broker.gone(id, bench.now, &mut Vec::new());
    bench.after(Duration::from_secs(3601)).tick();
    let (id, effects) = bench.connect("me", false);
    assert_eq!(effects, [accepted(id, false)]);
}

#[test]
fn a_clean_session_forgets_its_filters() {
    let mut bench = Bench::new();
    let id = bench.subscriber();
    bench.broker.gone(id, bench.now, &mut Vec::new());
    let (id, _) = bench.after(Duration::from_secs(5)).connect("me", true);
    assert!(bench.announce(REPLY).is_empty());
    bench.subscribe(id, &[WILDCARD]);
    assert_eq!(messages(&bench.announce(REPLY)).len(), 1);
}

#[test]
fn the_will_is_published_unless_the_client_said_good_bye() {
    for (polite, wills) in [(false, 1), (true, 0)] {
        let mut bench = Bench::new();
        let watcher = bench.subscriber();
        bench.subscribe(watcher, &["evt/52/navilink-020000aabb01/#"]);
        let id = bench.open();
        let mut connect = Connect::new("other");
        let topic = "evt/52/navilink-020000aabb01/app-connection";
        connect.last_will = Some(LastWill::new(topic, "{}", QoS::AtLeastOnce, false));
        bench.send(id, Packet::Connect(connect));
        let mut effects = Vec::new();
        if polite {
            effects = bench.send(id, Packet::Disconnect);
        } else {
            bench.broker.gone(id, bench.now, &mut effects);
        }
        assert_eq!(messages(&effects).len(), wills, "{effects:?}");
    }
}

#[test]
fn the_first_packet_must_be_a_connect_and_only_the_first() {
    let mut bench = Bench::new();
    let id = bench.open();
    assert_eq!(bench.send(id, Packet::PingReq), [closed(id, Reason::Protocol)]);
    let (id, _) = bench.connect("me", true);
    assert_eq!(bench.send(id, Packet::Connect(Connect::new("me"))), [closed(id, Reason::Protocol)]);
    let id = bench.open();
    assert_eq!(bench.after(Duration::from_secs(16)).tick(), [closed(id, Reason::KeepAlive)]);
}

#[test]
fn quirks_do_what_they_say() {
    let mut bench = Bench::new();
    let (id, _) = bench.connect("me", true);
    bench.broker.quirks_mut().suback = Suback::Missing;
    assert!(bench.subscribe(id, &[WILDCARD]).is_empty());
    bench.broker.quirks_mut().suback = Suback::Late(Duration::from_secs(3));
    assert!(bench.subscribe(id, &[WILDCARD]).is_empty());
    assert_eq!(bench.after(Duration::from_secs(3)).tick().len(), 1);
    bench.broker.quirks_mut().suback = Suback::Refused;
    let refused = SubAck::new(7, vec![SubscribeReasonCode::Failure]);
    assert_eq!(bench.subscribe(id, &[WILDCARD]), [Effect::Send { to: id, packet: Packet::SubAck(refused) }]);
    bench.broker.quirks_mut().denied_publishes = 1;
    assert_eq!(bench.send(id, publish(REPLY, QoS::AtLeastOnce)), [closed(id, Reason::Denied)]);
    bench.broker.quirks_mut().refuse = Some(ConnectReturnCode::ServiceUnavailable);
    let (_, effects) = bench.after(Duration::from_secs(2)).connect("me", true);
    assert!(matches!(&effects[0], Effect::Send { packet: Packet::ConnAck(ack), .. }
        if ack.code == ConnectReturnCode::ServiceUnavailable));
}

/// Packets that a client might send, sensible and not.
fn any_packet(rng: &mut fastrand::Rng) -> Packet {
    match rng.u8(0..10) {
        0..3 => {
            let mut connect = Connect::new(["me", "you", "$no", ""][rng.usize(0..4)]);
            connect.clean_session = rng.bool();
            connect.keep_alive = rng.u16(0..100);
            Packet::Connect(connect)
        }
        3..5 => {
            let mut subscribe =
                Subscribe::new([WILDCARD, "cmd/52/me/res/#", "#"][rng.usize(0..3)], QoS::AtLeastOnce);
            subscribe.pkid = 1;
            Packet::Subscribe(subscribe)
        }
        5..7 => publish([REPLY, "cmd/52/me/res/x", "evil"][rng.usize(0..3)], QoS::AtLeastOnce),
        7 => Packet::PubAck(PubAck::new(rng.u16(1..20))),
        8 => Packet::PingReq,
        _ => Packet::Disconnect,
    }
}

#[test]
fn whatever_clients_do_an_id_has_one_connection_and_a_closed_one_hears_nothing() {
    for seed in 0..2000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::new();
        let mut open = std::collections::BTreeSet::new();
        for _ in 0..60 {
            let mut effects = Vec::new();
            match rng.u8(0..8) {
                0 => {
                    open.insert(bench.open());
                }
                1 => effects = bench.after(Duration::from_millis(rng.u64(0..50_000))).tick(),
                2 => effects = bench.announce(REPLY),
                3 => {
                    let gone = rng.u64(1..12);
                    open.remove(&gone);
                    bench.broker.gone(gone, bench.now, &mut effects);
                }
                _ => {
                    let packet = any_packet(&mut rng);
                    effects = bench.send(rng.u64(1..12), packet);
                }
            }
            for effect in effects {
                match effect {
                    Effect::Send { to, .. } => assert!(open.contains(&to), "seed {seed}: {to} is closed"),
                    Effect::Close { connection, .. } => {
                        assert!(open.remove(&connection), "seed {seed}: {connection} is closed twice");
                    }
                    Effect::Heard { .. } => {}
                }
            }
            let ids: Vec<&str> = bench.broker.clients().map(|(_, client)| client).collect();
            let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
            assert_eq!(ids.len(), distinct.len(), "seed {seed}");
        }
    }
}

#[test]
fn who_may_hears_of_the_coming_and_going_of_clients_as_a_fleet_reads_it() {
    use crate::config::{Fleet, FleetKind};
    use crate::source::fleet::{self, Watch};

    let mut bench = Bench::new();
    let denied = Arc::clone(&bench.policy);
    bench.policy = Arc::new(Policy { presence: true, ..(*denied).clone() });
    let (watcher, _) = bench.connect("watcher", true);
    let filters = fleet::subscriptions(&Fleet::of(FleetKind::AwsIot));
    let filters: Vec<&str> = filters.iter().map(|subscription| subscription.filter.as_str()).collect();
    assert!(!bench.subscribe(watcher, &filters).contains(&closed(watcher, Reason::Denied)));
    let mut heard: Vec<(Instant, Publish)> = Vec::new();
    let mut hear = |bench: &Bench, effects: &[Effect]| {
        heard.extend(messages(effects).into_iter().map(|message| (bench.now, message.clone())));
    };
    let (_, effects) = bench.connect("pump", true);
    hear(&bench, &effects);
    let (second, effects) = bench.after(Duration::from_secs(30)).connect("pump", true);
    hear(&bench, &effects);
    let effects = bench.after(Duration::from_secs(5)).send(second, Packet::Disconnect);
    hear(&bench, &effects);
    let (third, effects) = bench.connect("meter", true);
    hear(&bench, &effects);
    let mut effects = Vec::new();
    bench.broker.gone(third, bench.now, &mut effects);
    hear(&bench, &effects);

    let mut watch = Watch::new(&Fleet::of(FleetKind::AwsIot));
    let mut now = crate::clock::Now { at: bench.now, wall: std::time::SystemTime::UNIX_EPOCH };
    for (at, message) in heard {
        now.at = at;
        let (topic, payload) = (message.topic, message.payload);
        let message =
            crate::connection::message::Incoming { topic, payload, qos: 1, retain: false, properties: None };
        let outcome = crate::source::listen::Listener::heard(&mut watch, &message, now, &mut Nowhere);
        assert_eq!(outcome, Some(crate::source::Outcome::Decoded));
    }
    let tally = watch.view(now).tally;
    let reasons: Vec<_> =
        tally.by_reason().into_iter().map(|(reason, count)| (reason.as_str(), count)).collect();
    let expected = [("client_initiated_disconnect", 1), ("connection_lost", 1), ("duplicate_client_id", 1)];
    assert_eq!((tally.connects, reasons.as_slice()), (3, &expected[..]));

    bench.policy = denied;
    let (nosy, _) = bench.connect("nosy", true);
    assert!(bench.subscribe(nosy, &filters).contains(&closed(nosy, Reason::Denied)));
}

struct Nowhere;

impl crate::source::Sink for Nowhere {
    fn reading(&mut self, _: &crate::reading::Reading<'_>) {}
    fn devices(&mut self, _: &[&str]) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: Instant) {}
}
