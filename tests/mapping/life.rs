//! How long values are shown: expiry, retained messages, devices that say that they leave.

use std::time::Duration;

use hangup::source::Outcome;

use crate::world::{World, one};

const HOUR: Duration = Duration::from_secs(3_600);
const RULE: &str = "name = \"a_watts\"";

#[test]
fn every_rule_has_its_own_time() {
    let toml = "[[subscribe]]\nfilter = \"home/#\"\nexpire = \"10m\"\n\
        [[subscribe.metric]]\nname = \"a_watts\"\npath = \"a\"\n\
        [[subscribe.metric]]\nname = \"b_watts\"\npath = \"a\"\nexpire = \"1m\"\n\
        [[subscribe.metric]]\nname = \"c_watts\"\npath = \"a\"\nexpire = \"never\"\n";
    let mut world = World::new(toml);
    world.hear("home/x", r#"{"a":1}"#);
    for (after, shown) in [(0, 3), (61, 2), (601, 1), (10_000_000, 1)] {
        world.pass(Duration::from_secs(after));
        assert_eq!(world.page().len(), shown, "{after}");
    }
}

#[test]
fn a_retained_value_is_shown_once_and_renews_nothing() {
    let mut world = World::new(&one("device = \"{2}\"", RULE));
    assert_eq!(world.hear_retained("home/x", "1"), Some(Outcome::Decoded));
    assert_eq!(world.page(), [r#"a_watts{device="x"} 1"#]);
    assert_eq!(world.of_device("mqtt_device_last_seen_timestamp_seconds", "x"), None);
    // The connection comes back now and then, and the broker repeats what it keeps.
    for _ in 0..10 {
        world.pass(Duration::from_secs(1_000));
        world.hear_retained("home/x", "1");
    }
    assert_eq!(world.page(), [] as [&str; 0]);
    // Even after the store has forgotten the series.
    world.pass(10 * HOUR);
    world.hear("home/y", "5");
    world.hear_retained("home/x", "1");
    assert_eq!(world.page(), [r#"a_watts{device="y"} 5"#]);
    // Another value was said while we were away.
    world.hear_retained("home/x", "2");
    assert_eq!(world.page().len(), 2);
    // And it is live once more.
    world.hear("home/x", "2");
    assert_eq!(world.of_device("mqtt_device_messages_total", "x"), Some(1.0));
}

#[test]
fn a_live_value_is_renewed_by_a_live_one_only() {
    let mut world = World::new(&one("", RULE));
    world.hear("home/x", "1");
    world.pass(HOUR / 2);
    world.hear_retained("home/x", "1");
    world.pass(HOUR / 2);
    assert!(world.page().is_empty());
    world.hear("home/x", "1");
    world.pass(HOUR / 2);
    world.hear("home/x", "1");
    world.pass(HOUR / 2);
    assert_eq!(world.page(), ["a_watts 1"]);
}

#[test]
fn retained_messages_are_taken_for_live_or_passed_over_where_the_rule_says_so() {
    let mut world = World::new(&one("retained = \"accept\"\ndevice = \"{2}\"", RULE));
    world.hear_retained("home/x", "1");
    assert_eq!(world.of_device("mqtt_device_messages_total", "x"), Some(1.0));
    let mut world = World::new(&one("retained = \"ignore\"", RULE));
    assert_eq!(world.hear_retained("home/x", "1"), Some(Outcome::Ignored));
    assert!(world.page().is_empty() && world.errors().is_empty());
}

#[test]
fn a_retained_message_is_no_event() {
    let mut world = World::new(&one("", "name = \"clicks_total\"\ntype = \"counter\"\ncount = \"messages\""));
    world.hear_retained("home/x", "1");
    assert!(world.page().is_empty());
    world.hear("home/x", "1");
    world.hear_retained("home/x", "1");
    assert_eq!(world.page(), ["clicks_total 1"]);
}

const AVAILABLE: &str = "device = \"{2}\"\navailability = { topic = \"home/{device}/status\", path = \"state\" }\nexclude = [\"home/+/status\"]";

#[test]
fn a_device_that_says_it_leaves_takes_its_series_along() {
    let mut world = World::new(&one(AVAILABLE, "name = \"a_watts\"\npath = \"a\"\nlabels = { t = \"{3}\" }"));
    world.hear("home/x/1", r#"{"a":1}"#);
    world.hear("home/x/2", r#"{"a":2}"#);
    world.hear("home/y/1", r#"{"a":3}"#);
    assert_eq!(world.hear("home/x/status", r#"{"state":"offline"}"#), Some(Outcome::Decoded));
    assert_eq!(world.page(), [r#"a_watts{device="y",t="1"} 3"#]);
    // What the broker had kept of it is of the past, and stays so.
    world.hear_retained("home/x/1", r#"{"a":4}"#);
    assert_eq!(world.page().len(), 1);
    // It comes back, and its next word counts.
    world.hear("home/x/status", r#"{"state":"online"}"#);
    assert_eq!(world.page().len(), 1);
    world.hear("home/x/1", r#"{"a":1}"#);
    assert_eq!(world.page(), [r#"a_watts{device="x",t="1"} 1"#, r#"a_watts{device="y",t="1"} 3"#]);
    // Words that are neither change nothing.
    world.hear("home/x/status", "garbage");
    assert_eq!(world.page().len(), 2);
}

#[test]
fn a_device_that_the_payload_names_leaves_too() {
    let subscribe = "device = \"{payload.id}\"\navailability = { topic = \"status/{device}\" }";
    let mut world = World::new(&one(subscribe, "name = \"a_watts\"\npath = \"a\""));
    world.hear("home/rf", r#"{"id":"x","a":1}"#);
    world.hear("home/rf", r#"{"id":"y","a":2}"#);
    world.hear("status/x", "offline");
    assert_eq!(world.page(), [r#"a_watts{device="y"} 2"#]);
}

#[test]
fn a_bridge_that_leaves_takes_everybody_along() {
    let subscribe = "device = \"{2}\"\navailability = { topic = \"home/bridge/state\", offline = \"gone\" }";
    let mut world = World::new(&one(subscribe, "name = \"a_watts\"\npath = \"a\""));
    world.hear("home/x", r#"{"a":1}"#);
    world.hear("home/y", r#"{"a":2}"#);
    world.hear("home/bridge/state", "gone");
    assert!(world.page().is_empty());
    world.hear("home/y", r#"{"a":2}"#);
    assert_eq!(world.page(), [r#"a_watts{device="y"} 2"#]);
}

#[test]
fn a_series_that_the_store_forgot_comes_back() {
    let mut world =
        World::new(&one("expire = \"1m\"", "name = \"e_total\"\ntype = \"counter\"\ncount = \"add\""));
    world.hear("home/x", "2");
    world.pass(3 * HOUR);
    assert!(world.page().is_empty());
    assert!(world.store.is_empty());
    world.hear("home/x", "3");
    assert_eq!(world.page(), ["e_total 5"]);
}

#[test]
fn a_farewell_and_what_the_broker_kept_of_it_are_no_sign_of_life() {
    let subscribe =
        "device = \"{2}\"\nretained = \"accept\"\navailability = { topic = \"home/{device}/status\" }";
    let mut world = World::new(&one(subscribe, "name = \"a_watts\"\ntopic = \"home/+/power\""));
    let seen = |world: &World| {
        ["mqtt_device_last_seen_timestamp_seconds", "mqtt_device_messages_total"]
            .map(|name| world.of_device(name, "x"))
    };
    world.hear("home/x/power", "1");
    let before = seen(&world);
    assert_eq!(before[1], Some(1.0));
    world.pass(HOUR);
    world.hear("home/x/status", "offline");
    world.hear_retained("home/x/status", "offline");
    world.hear_retained("home/x/status", "online");
    assert_eq!(seen(&world), before);
    world.hear("home/x/status", "online");
    assert_eq!(seen(&world), [before[0].map(|before| before + HOUR.as_secs_f64()), Some(2.0)]);
}

#[test]
fn a_message_for_several_subscriptions_counts_once_for_its_device() {
    let also =
        "[[subscribe]]\nfilter = \"home/+\"\ndevice = \"{2}\"\n[[subscribe.metric]]\nname = \"b_watts\"\n";
    let mut world = World::new(&format!("{}{also}", one("device = \"{2}\"", RULE)));
    for _ in 0..3 {
        world.hear("home/x", "1");
    }
    assert_eq!(world.page().len(), 2);
    assert_eq!(world.of_device("mqtt_device_messages_total", "x"), Some(3.0));
}

#[test]
fn the_word_that_a_device_left_may_come_before_what_it_had_said() {
    let mut world = World::new(&one(AVAILABLE, "name = \"a_watts\"\npath = \"a\""));
    world.hear_retained("home/x/status", r#"{"state":"offline"}"#);
    world.hear_retained("home/x/1", r#"{"a":4}"#);
    assert!(world.page().is_empty());
    world.hear("home/x/1", r#"{"a":5}"#);
    assert_eq!(world.page(), [r#"a_watts{device="x"} 5"#]);
}

#[test]
fn an_old_total_that_the_broker_kept_is_no_reset() {
    let mut world = World::new(&one("", "name = \"e_joules_total\"\ntype = \"counter\""));
    world.hear("home/x", "100");
    for _ in 0..3 {
        // At each reconnect.
        world.hear_retained("home/x", "40");
        assert_eq!(world.page(), ["e_joules_total 100"]);
    }
    world.hear("home/x", "101");
    assert_eq!(world.page(), ["e_joules_total 101"]);
    // The device begins anew, and the broker repeats that.
    world.hear("home/x", "2");
    world.hear_retained("home/x", "2");
    assert_eq!(world.page(), ["e_joules_total 103"]);
}

#[test]
fn what_the_broker_kept_of_who_is_there_is_asked_anew_by_each_session() {
    let mut world = World::new("[[subscribe]]\npreset = \"zigbee2mqtt\"\n");
    world.hear("zigbee2mqtt/lamp", r#"{"contact":false}"#);
    world.hear("zigbee2mqtt/lamp/availability", r#"{"state":"offline"}"#);
    assert_eq!(world.page(), [r#"zigbee2mqtt_device_online{device="lamp"} 0"#]);
    // It came back while we were away: the broker delivers what it keeps in any order, and the same value is news.
    world.begins();
    world.hear_retained("zigbee2mqtt/lamp", r#"{"contact":false}"#);
    world.hear_retained("zigbee2mqtt/lamp/availability", r#"{"state":"online"}"#);
    let both = [r#"zigbee2mqtt_contact{device="lamp"} 0"#, r#"zigbee2mqtt_device_online{device="lamp"} 1"#];
    assert_eq!(world.page(), both);
    // It is away still: whichever comes first, what it had said is of the past.
    for order in [[0, 1], [1, 0]] {
        world.begins();
        for which in order {
            let (topic, payload) = [
                ("zigbee2mqtt/lamp", r#"{"contact":true}"#),
                ("zigbee2mqtt/lamp/availability", r#"{"state":"offline"}"#),
            ][which];
            world.hear_retained(topic, payload);
        }
        assert_eq!(world.page(), [r#"zigbee2mqtt_device_online{device="lamp"} 0"#], "{order:?}");
    }
}

#[test]
fn zigbee2mqtt_before_version_2_says_the_bare_word() {
    let mut world = World::new("[[subscribe]]\npreset = \"zigbee2mqtt\"\n");
    world.hear("zigbee2mqtt/bridge/state", "online");
    world.hear("zigbee2mqtt/lamp", r#"{"contact":false}"#);
    world.hear("zigbee2mqtt/lamp/availability", "online");
    assert_eq!(world.page().len(), 3, "{:#?}", world.page());
    world.hear("zigbee2mqtt/lamp/availability", "offline");
    let left = ["zigbee2mqtt_bridge_online 1", r#"zigbee2mqtt_device_online{device="lamp"} 0"#];
    assert_eq!(world.page(), left);
    assert_eq!(world.errors(), []);
}

#[test]
fn a_sleeping_sensor_is_shown_in_whichever_order_the_broker_kept_its_words() {
    for order in [[0, 1], [1, 0]] {
        let mut world = World::new("[[subscribe]]\npreset = \"shelly_gen1\"\n");
        for which in order {
            let (topic, payload) =
                [("shellies/ht/online", "false"), ("shellies/ht/sensor/temperature", "21.5")][which];
            world.hear_retained(topic, payload);
        }
        let shown = [
            r#"shelly_online{device="ht"} 0"#,
            r#"shelly_temperature_celsius{device="ht",component="sensor"} 21.5"#,
        ];
        assert_eq!(world.page(), shown, "{order:?}");
    }
}

#[test]
fn attributes_of_an_entity_that_is_unavailable_are_not_shown() {
    for order in [[0, 1], [1, 0]] {
        let mut world = World::new("[[subscribe]]\npreset = \"home_assistant\"\n");
        for which in order {
            let (topic, payload) = [
                ("homeassistant/climate/lounge/state", "unavailable"),
                ("homeassistant/climate/lounge/current_temperature", "21.5"),
            ][which];
            world.hear_retained(topic, payload);
        }
        assert_eq!(world.page(), [] as [&str; 0], "{order:?}");
        world.hear("homeassistant/climate/lounge/state", "heat");
        world.hear("homeassistant/climate/lounge/current_temperature", "20");
        assert_eq!(world.page().len(), 1, "{:#?}", world.page());
    }
}

#[test]
fn an_info_metric_of_one_device_leaves_those_of_others_alone() {
    let rule = "name = \"rtl_device_info\"\ntype = \"info\"\npath = \"model\"\nlabels = { model = \"{payload.model}\" }";
    let mut world = World::new(&one("device = \"{payload.id}\"", rule));
    for (id, model) in [("A", "m1"), ("B", "m2"), ("A", "m3")] {
        world.hear("home/events", format!("{{\"id\":\"{id}\",\"model\":\"{model}\"}}"));
    }
    let shown =
        [r#"rtl_device_info{device="A",model="m3"} 1"#, r#"rtl_device_info{device="B",model="m2"} 1"#];
    assert_eq!(world.page(), shown);
}

#[test]
fn another_time_for_a_preset_is_not_for_who_is_there() {
    let mut world = World::new("[[subscribe]]\npreset = \"zigbee2mqtt\"\nexpire = \"30m\"\n");
    world.hear("zigbee2mqtt/lamp", r#"{"contact":false}"#);
    world.hear("zigbee2mqtt/lamp/availability", r#"{"state":"online"}"#);
    world.pass(HOUR);
    assert_eq!(world.page(), [r#"zigbee2mqtt_device_online{device="lamp"} 1"#]);
}
