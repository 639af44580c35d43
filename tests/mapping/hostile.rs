//! Payloads and topics that nobody should send: nothing stops, nothing grows, and the next message is heard.

use std::time::Duration;

use hangup::clock;
use hangup::source::Outcome;

use crate::world::{World, one};

const RULES: &str = "[[subscribe]]\nfilter = \"home/#\"\ndevice = \"{2}\"\n\
    [[subscribe.metric]]\nname = \"a_watts\"\npath = \"a\"\n\
    [[subscribe.metric]]\nname = \"s_{path}\"\npath = \"**\"\n\
    [[subscribe.metric]]\nname = \"l_watts\"\npath = \"l[*].p\"\nlabels = { n = \"{payload.l[*].n}\" }\n";

fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    vec![
        ("empty", b"".to_vec()),
        ("blank", b"   ".to_vec()),
        ("nulls", b"\0\0\0".to_vec()),
        ("not UTF-8", b"\xff\xfe{\"a\":1}".to_vec()),
        ("half a character", b"{\"a\":\"\xc3\"}".to_vec()),
        ("truncated", b"{\"a\":1,\"b".to_vec()),
        ("deep", nested(100_000)),
        ("deep objects", b"{\"a\":".repeat(100_000)),
        ("deep and wanted", [b"{\"l\":".to_vec(), nested(60)].concat()),
        ("a huge integer", [b"{\"a\":".to_vec(), b"9".repeat(100_000), b"}".to_vec()].concat()),
        ("a huge exponent", b"{\"a\":1e999999999999}".to_vec()),
        ("not a number", b"{\"a\":NaN,\"b\":-Infinity}".to_vec()),
        ("duplicate keys", b"{\"a\":1,\"a\":2,\"a\":\"x\",\"a\":3}".to_vec()),
        ("a list of many", [b"{\"l\":[".to_vec(), b"{\"p\":1},".repeat(50_000), b"{}]}".to_vec()].concat()),
        ("names of many", many_names(50_000)),
        ("a long key", [b"{\"".to_vec(), b"k".repeat(500_000), b"\":1}".to_vec()].concat()),
        ("a long text", [b"{\"a\":\"".to_vec(), b"x".repeat(500_000), b"\"}".to_vec()].concat()),
        ("escapes", b"{\"\\u0061\":5,\"l\":[{\"p\":1,\"n\":\"\\ud800\\n\\\"\\\\\"}]}".to_vec()),
        ("control characters", b"{\"a\":\"\x01\"}".to_vec()),
        ("markup", b"<xml>1</xml>".to_vec()),
        ("binary", (0..=255).collect()),
        ("oversize", vec![b' '; (1 << 20) + 1]),
        ("trailing", b"{\"a\":1}{\"a\":2}".to_vec()),
        ("lone quote", b"\"".to_vec()),
        ("a sign", b"-".to_vec()),
    ]
}

fn many_names(count: usize) -> Vec<u8> {
    let members: Vec<_> = (0..count).map(|at| format!("\"k{at}\":{at}")).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

#[test]
fn no_payload_stops_the_next_one() {
    let mut world = World::new(RULES);
    for (kind, payload) in kinds() {
        for topic in ["home/x", "home/y/z", "home//", "home/\u{1}\u{feff}\n\"\\"] {
            world.hear(topic, &payload);
        }
        assert_eq!(world.hear("home/good", r#"{"a":7}"#), Some(Outcome::Decoded), "{kind}");
        assert!(world.page().contains(&r#"a_watts{device="good"} 7"#.to_owned()), "{kind}");
    }
    let errors = world.errors();
    for reason in ["malformed", "too_deep", "oversize", "not_text", "not_a_number", "too_many_values"] {
        assert!(errors.iter().any(|(known, _)| known == reason), "{reason}: {errors:?}");
    }
    // One thousand values of one message, one thousand names of one rule.
    assert!(world.store.len() < 20_000, "{}", world.store.len());
}

#[test]
fn the_last_of_duplicate_keys_counts() {
    let mut world = World::new(&one("", "name = \"a_watts\"\npath = \"a\""));
    world.hear("home/x", r#"{"a":1,"a":2}"#);
    assert_eq!(world.page(), ["a_watts 2"]);
}

#[test]
fn invented_devices_are_limited_and_their_values_are_not_lost() {
    let mut world = World::new(&one("device = \"{2}\"", "name = \"a_watts\""));
    for number in 0..10_100 {
        world.hear(&format!("home/{number}"), "1");
    }
    assert_eq!(world.errors(), [("device_limit".to_owned(), 100)]);
    assert_eq!(world.store.len(), 10_100);
    assert_eq!(world.of_device("mqtt_device_messages_total", "9999"), Some(1.0));
    assert_eq!(world.of_device("mqtt_device_messages_total", "10000"), None);
    // After a day of silence there is room again.
    world.pass(Duration::from_secs(90_000));
    world.hear("home/new", "1");
    assert_eq!(world.of_device("mqtt_device_messages_total", "new"), Some(1.0));
    assert_eq!(world.of_device("mqtt_device_messages_total", "9999"), None);
}

#[test]
fn a_flood_of_new_topics_makes_nobody_wait() {
    let mut world = World::limited(&one("", "name = \"a_watts\"\nlabels = { t = \"{2}\" }"), 1_000);
    world.hear("home/kept", "1");
    let (mut longest, begun) = (Duration::ZERO, clock::now().at);
    for number in 0..200_000 {
        let before = clock::now().at;
        world.hear(&format!("home/{number}"), "1");
        if number % 100 == 0 {
            world.hear("home/kept", "2");
        }
        longest = longest.max(clock::now().at.saturating_since(before));
    }
    assert!(world.page().contains(&r#"a_watts{t="kept"} 2"#.to_owned()));
    assert_eq!(world.store.len(), 1_000);
    // A machine under load may take a processor away for a while; a stall of the table would be there each time.
    assert!(longest < Duration::from_secs(2), "{longest:?} of {:?}", clock::now().at.saturating_since(begun));
    assert!(world.errors().iter().any(|(reason, count)| reason == "series_refused" && *count > 190_000));
}

#[test]
fn of_a_long_label_no_more_is_remembered_than_the_page_shows() {
    let rule = "name = \"a_total\"\ntype = \"counter\"\ncount = \"add\"\npath = \"n\"\nlabels = { by = \"{payload.by}\" }";
    let mut world = World::new(&one("device = \"{payload.id}\"", rule));
    let long = "x".repeat(300_000);
    for end in 0..50 {
        world.hear("home/x", format!("{{\"n\":1,\"by\":\"{long}{end}\",\"id\":\"{long}{end}\"}}"));
    }
    let shown = "x".repeat(128);
    assert_eq!(world.page(), [format!("a_total{{device=\"{shown}\",by=\"{shown}\"}} 50")]);
    assert_eq!(world.of_device("mqtt_device_messages_total", &shown), Some(50.0));
}
