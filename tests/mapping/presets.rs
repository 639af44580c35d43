//! Presets, end to end: messages as each ecosystem sends them become exactly the page beside them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hangup::config::mapping::{from_text, to_text};
use hangup::mapping::{preset, subscriptions};

use crate::world::World;

fn world(preset: &str) -> World {
    World::new(&format!("[[subscribe]]\npreset = \"{preset}\"\n"))
}

/// Every message of a preset's file, then the page, and what came to nothing.
fn told(name: &str) -> String {
    let messages =
        fs::read_to_string(Path::new("tests/fixtures/mapping").join(name).join("messages.tsv")).unwrap();
    let mut world = world(name);
    for message in messages.lines() {
        let (topic, payload) = message.split_once('\t').unwrap_or_else(|| panic!("{message}: no tab"));
        world.hear(topic, payload);
    }
    let mut told = world.page().join("\n");
    for (reason, count) in world.errors() {
        write!(told, "\n# {reason} {count}").unwrap();
    }
    told.push('\n');
    told
}

#[test]
fn messages_become_the_page_beside_them() {
    for name in preset::names().filter(|name| *name != "sparkplug") {
        let file = Path::new("tests/fixtures/mapping").join(name).join("page.txt");
        let told = told(name);
        if std::env::var_os("HANGUP_WRITE_FIXTURES").is_some() {
            fs::write(&file, &told).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap();
        let missing: Vec<_> =
            expected.lines().filter(|line| !told.lines().any(|other| other == *line)).collect();
        let surplus: Vec<_> =
            told.lines().filter(|line| !expected.lines().any(|other| other == *line)).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{name}: missing {missing:#?}, surplus {surplus:#?}"
        );
    }
}

#[test]
fn who_leaves_takes_the_series_along() {
    for (preset, before, leave, gone, stays) in [
        (
            "zigbee2mqtt",
            &[("zigbee2mqtt/plug", r#"{"power":5}"#), ("zigbee2mqtt/lamp", r#"{"power":6}"#)][..],
            ("zigbee2mqtt/plug/availability", r#"{"state":"offline"}"#),
            r#"zigbee2mqtt_power_watts{device="plug"}"#,
            r#"zigbee2mqtt_power_watts{device="lamp"} 6"#,
        ),
        (
            "tasmota",
            &[("tele/plug/SENSOR", r#"{"ENERGY":{"Power":5}}"#), ("tele/lamp/STATE", r#"{"POWER":"ON"}"#)],
            ("tele/plug/LWT", "Offline"),
            r#"tasmota_power_watts{device="plug"}"#,
            r#"tasmota_relay_on{device="lamp",relay="POWER"} 1"#,
        ),
        (
            "shelly",
            &[("plug/status/switch:0", r#"{"apower":5}"#), ("ht/status/temperature:0", r#"{"tC":6}"#)],
            ("plug/online", "false"),
            r#"shelly_power_watts{device="plug""#,
            r#"shelly_temperature_celsius{device="ht",component="temperature:0"} 6"#,
        ),
        (
            "shelly_gen1",
            &[("shellies/plug/relay/0/power", "5"), ("shellies/ht/sensor/battery", "50")],
            ("shellies/plug/online", "false"),
            r#"shelly_power_watts{device="plug""#,
            r#"shelly_battery_ratio{device="ht"} 0.5"#,
        ),
        (
            "esphome",
            &[("plug/sensor/power/state", "5"), ("lamp/sensor/power/state", "6")],
            ("plug/status", "offline"),
            r#"esphome_sensor{device="plug""#,
            r#"esphome_sensor{device="lamp",id="power"} 6"#,
        ),
        (
            "home_assistant",
            &[("homeassistant/sensor/a/state", "5"), ("homeassistant/sensor/b/state", "6")],
            ("homeassistant/sensor/a/state", "unavailable"),
            r#"homeassistant_sensor{device="sensor/a""#,
            r#"homeassistant_sensor{device="sensor/b",domain="sensor",entity="b"} 6"#,
        ),
    ] {
        let mut world = world(preset);
        for (topic, payload) in before {
            world.hear(topic, payload);
        }
        let has = |world: &World, begin: &str| world.page().iter().any(|line| line.starts_with(begin));
        assert!(has(&world, gone) && has(&world, stays), "{preset}: {:#?}", world.page());
        world.hear(leave.0, leave.1);
        assert!(!has(&world, gone), "{preset}: {:#?}", world.page());
        assert!(has(&world, stays), "{preset}: {:#?}", world.page());
        world.hear(before[0].0, before[0].1);
        assert!(has(&world, gone), "{preset}: it came back: {:#?}", world.page());
    }
}

#[test]
fn another_base_moves_every_topic() {
    let mut world = World::new("[[subscribe]]\npreset = \"tasmota\"\nbase = \"home/iot\"\n");
    world.hear("home/iot/tele/plug/SENSOR", r#"{"ENERGY":{"Power":5}}"#);
    world.hear("tele/other/SENSOR", r#"{"ENERGY":{"Power":6}}"#);
    assert_eq!(world.page(), [r#"tasmota_power_watts{device="plug"} 5"#]);
}

#[test]
fn a_preset_can_be_written_out_and_copied() {
    for name in preset::names() {
        let text = to_text(&preset::expand(name, None).unwrap(), "");
        let copy = from_text(&text).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        assert_eq!(copy, preset::expand(name, None).unwrap(), "{name}");
        // AWS takes 50 filters on one connection, and brokers hold each of them.
        assert!(subscriptions(&copy).len() <= 14, "{name}: {}", subscriptions(&copy).len());
    }
}
