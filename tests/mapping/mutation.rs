//! Messages that are nearly right: a seeded walk through their neighbourhood, as long as one likes.
//!
//! `HANGUP_PAYLOADS` sets how many of JSON, text and lines of values, `HANGUP_SPARKPLUG` how many of Sparkplug (10,000,000 take
//! minutes with `--release`), `HANGUP_SEED` where they begin. Never a fixed list of bad payloads: those stand in `hostile`.

use std::time::Duration;

use crate::damage;
use crate::sparkplug;
use crate::world::World;

/// Unless the environment asks for another number.
const MESSAGES: u64 = 30_000;

/// Messages after which the young world is a new one: its tables are small, so that what one message takes can be seen.
const YOUTH: u64 = 5_000;

/// Series that may be there at most.
const SERIES: usize = 5_000;

/// What one message may take in the young world, in bytes: a table that doubles, and for each byte of the message the place,
/// the series and the labels of a value.
const SLACK: usize = 128 << 10;
const EACH: usize = 256;

/// What the old world may hold, whatever it heard.
const ALL: isize = 64 << 20;

const RULES: &str = "[[subscribe]]\nfilter = \"home/#\"\ndevice = \"{2}\"\npattern = \"home/(?<room>[^/]*).*\"\n\
    availability = { topic = \"home/{device}/status\", path = \"s\" }\n\
    [[subscribe.metric]]\nname = \"a_watts\"\npath = \"a\"\nvalue = \"x / b\"\ninputs = { b = \"b.c\" }\n\
    [[subscribe.metric]]\nname = \"s_{path}\"\npath = \"**\"\n\
    [[subscribe.metric]]\nname = \"l_watts\"\npath = \"l[*].p\"\nlabels = { n = \"{payload.l[*].n}\", r = \"{room}\" }\n\
    [[subscribe.metric]]\nname = \"m_total\"\ntype = \"counter\"\npath = \"b.*\"\nlabels = { k = \"{*}\" }\n\
    [[subscribe.metric]]\nname = \"h_seconds\"\ntype = \"histogram\"\nbuckets = [1, 10]\npath = \"d\"\nread = \"duration\"\n\
    [[subscribe.metric]]\nname = \"t_seconds\"\npath = \"t\"\nread = \"timestamp\"\n\
    [[subscribe.metric]]\nname = \"x\"\ntype = \"state\"\nstates = [\"on\", \"off\"]\npath = \"s\"\n\
    [[subscribe.metric]]\nname = \"v_info\"\ntype = \"info\"\nlabels = { v = \"{payload.v}\" }\n\
    [[subscribe]]\nfilter = \"+/+\"\n[[subscribe.metric]]\nname = \"p_watts\"\nvalues = { up = 1 }\n\
    [[subscribe]]\nfilter = \"home/csv\"\nformat = \"csv\"\nlabels = { first = \"{payload[0]}\", of = \"{2}\" }\n[[subscribe.metric]]\nname = \"c_watts\"\npath = \"[*]\"\n\
    read = \"hex\"\nlabels = { i = \"{*}\" }\n";

const TOPICS: &[&str] = &["home/x", "home/x/y", "home/x/status", "home/csv", "other/x", "home"];

const PAYLOADS: &[&str] = &[
    r#"{"a":21.5,"b":{"c":2,"d":3},"l":[{"p":1,"n":"x"},{"p":2,"n":"y\n\u00e9"}],"d":"1h 30m","t":"2024-05-01T12:00:00Z","s":"on","v":"1.2"}"#,
    r#"{"a":-1e3,"d":"1T02:15:30","t":1700000000123,"s":"offline","deep":[[[{"x":[1,2,{"y":null}]}]]]}"#,
    "21.5",
    "ON",
    "0x1f,22;3\t4 5",
    r#"["a",1,true,null,{}]"#,
];

/// Bytes that mean something.
const MARKS: &[u8] = b"{}[]\",:\\u0123456789.-+eEtrufalsn \0\xff\xc3P TZ/#";

/// Bytes that are lengths, tags and ends of numbers in protocol buffers.
const LENGTHS: &[u8] = &[0x00, 0x01, 0x08, 0x0a, 0x0f, 0x12, 0x7f, 0x80, 0xff];

/// One message.
struct Message {
    topic: String,
    payload: Vec<u8>,
    retain: bool,
}

/// Lets two worlds hear so many messages: a young one, in which no message may take more memory than what it is made of
/// explains, and one that grows old, which may never hold more than its limits allow. Gives both back.
fn flood(variable: &str, rules: &str, mut next: impl FnMut(&mut fastrand::Rng) -> Message) -> [World; 2] {
    let (count, seed) = (damage::number(variable, MESSAGES), damage::seed());
    let mut random = fastrand::Rng::with_seed(seed);
    let before = damage::held();
    let mut old = World::limited(rules, SERIES);
    let mut young = World::limited(rules, SERIES);
    let (mut highest, mut held) = (0, 0);
    for turn in 0..count {
        let Message { topic, payload, retain } = next(&mut random);
        let (_, took) = damage::took(|| young.hear_as(&topic, &payload, retain, &[]));
        let most = SLACK + EACH * (topic.len() + payload.len());
        assert!(took <= most, "{took} bytes in turn {turn} of seed {seed}: {topic:?} {payload:02X?}");
        highest = highest.max(took);
        old.hear_as(&topic, &payload, retain, &[]);
        if turn % YOUTH == YOUTH - 1 {
            young = World::limited(rules, SERIES);
            old.pass(Duration::from_secs(600));
            assert!(old.page().len() <= SERIES);
            held = held.max(damage::held() - before);
            assert!(held <= ALL, "{held} bytes are held in turn {turn} of seed {seed}");
        }
    }
    damage::tell(&format!(
        "{count} messages of seed {seed}: one took {highest} bytes at most, all of them {held}"
    ));
    [young, old]
}

#[test]
fn nearly_right_messages_neither_panic_nor_grow() {
    let worlds = flood("HANGUP_PAYLOADS", RULES, |random| {
        let mut topic = random.choice(TOPICS).unwrap().as_bytes().to_vec();
        let mut payload = random.choice(PAYLOADS).unwrap().as_bytes().to_vec();
        for _ in 0..random.usize(0..4) {
            damage::bytes(&mut payload, MARKS, random);
        }
        if random.u8(..) < 32 {
            damage::bytes(&mut topic, MARKS, random);
        }
        Message { topic: String::from_utf8_lossy(&topic).into(), payload, retain: random.u8(..) < 32 }
    });
    for mut world in worlds {
        world.hear("home/good", r#"{"a":4,"b":{"c":2}}"#);
        let series = world.store.len();
        assert!((2..=SERIES).contains(&series), "{series}");
    }
}

#[test]
fn nearly_right_messages_of_sparkplug_neither_panic_nor_grow() {
    let seeds = sparkplug::seeds();
    let worlds = flood("HANGUP_SPARKPLUG", sparkplug::RULES, |random| {
        let (topic, payload) = random.choice(&seeds).unwrap();
        // What belongs to one kind of message is heard as another, too.
        let topic = if random.u8(..) < 64 { &random.choice(&seeds).unwrap().0 } else { topic };
        let (mut topic, mut payload) = (topic.as_bytes().to_vec(), payload.clone());
        for _ in 0..random.usize(0..5) {
            damage::bytes(&mut payload, LENGTHS, random);
        }
        if random.u8(..) < 16 {
            damage::bytes(&mut topic, MARKS, random);
        }
        Message { topic: String::from_utf8_lossy(&topic).into(), payload, retain: random.u8(..) < 8 }
    });
    let [mut young, old] = worlds;
    sparkplug::born(&mut young);
    assert_eq!(sparkplug::value(&young, "Flow").as_deref(), Some("2.25"));
    assert!((2..=SERIES).contains(&old.store.len()), "{}", old.store.len());
}
