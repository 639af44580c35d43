//! Messages that are nearly right: a seeded walk through their neighbourhood, as long as one likes.

use crate::world::World;

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
    [[subscribe]]\nfilter = \"home/csv\"\nformat = \"csv\"\n[[subscribe.metric]]\nname = \"c_watts\"\npath = \"[*]\"\n\
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

#[test]
fn nearly_right_messages_neither_panic_nor_grow() {
    let rounds: u64 =
        std::env::var("HANGUP_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(60_000);
    let mut random = fastrand::Rng::with_seed(rounds ^ 0x6d61_7070);
    let mut world = World::limited(RULES, 5_000);
    for round in 0..rounds {
        let mut topic = TOPICS[random.usize(..TOPICS.len())].as_bytes().to_vec();
        let mut payload = PAYLOADS[random.usize(..PAYLOADS.len())].as_bytes().to_vec();
        for _ in 0..random.usize(0..4) {
            mutate(&mut payload, &mut random);
        }
        if random.u8(..) < 32 {
            mutate(&mut topic, &mut random);
        }
        let topic = String::from_utf8_lossy(&topic);
        world.hear_as(&topic, &payload, random.u8(..) < 32, &[]);
        if round % 10_000 == 0 {
            world.pass(std::time::Duration::from_secs(600));
            assert!(world.page().len() <= 5_000);
        }
    }
    world.hear("home/good", r#"{"a":4,"b":{"c":2}}"#);
    let series = world.store.len();
    assert!((10..=5_000).contains(&series), "{series}");
}

fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let at = random.usize(..=bytes.len());
    let mark = MARKS[random.usize(..MARKS.len())];
    match random.u8(0..6) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, mark),
        2 if at < bytes.len() => bytes[at] = mark,
        3 if at < bytes.len() => drop(bytes.remove(at)),
        4 => {
            let piece = bytes[at..(at + random.usize(0..16)).min(bytes.len())].to_vec();
            let to = random.usize(..=bytes.len());
            bytes.splice(to..to, piece);
        }
        _ if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
        _ => {}
    }
}
