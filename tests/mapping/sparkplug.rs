//! Sparkplug B: births, aliases, deaths and gaps. Bytes that are none of it are in `mutation`.

use hangup::connection::message::Incoming;

use crate::world::World;

/// A writer of protocol buffers, for what devices would send.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, field: u64, value: u64) -> Self {
        self.number(field << 3);
        self.number(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.number(field << 3 | 2);
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn double(mut self, field: u64, value: f64) -> Self {
        self.number(field << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn float(mut self, field: u64, value: f32) -> Self {
        self.number(field << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap());
    }
}

fn named(name: &str, alias: u64, datatype: u64) -> Message {
    Message::default().bytes(1, name.as_bytes()).varint(2, alias).varint(4, datatype)
}

fn alias(alias: u64) -> Message {
    Message::default().varint(2, alias)
}

fn payload(seq: u64, metrics: &[Message]) -> Vec<u8> {
    let start = Message::default().varint(1, 1_736_067_600_000);
    metrics.iter().fold(start, |payload, metric| payload.bytes(2, &metric.0)).varint(3, seq).0
}

pub(crate) const RULES: &str = "[[subscribe]]\npreset = \"sparkplug\"\n";

fn world() -> World {
    World::new(RULES)
}

fn labelled(site: &str) -> String {
    format!(
        "[[subscribe]]\npreset = \"sparkplug\"\nlabels = {{ site = \"{site}\", line = \"{{4}}\", x = \"{{payload.x}}\" }}\n"
    )
}

fn session(number: u64) -> Message {
    Message::default().bytes(1, b"bdSeq").varint(4, 4).varint(11, number)
}

pub(crate) fn born(world: &mut World) {
    let control = named("Node Control/Rebirth", 0, 11).varint(14, 0);
    world.hear(
        "spBv1.0/plant/NBIRTH/line1",
        payload(0, &[session(4), control, named("Load", 1, 9).float(12, 0.5)]),
    );
    let metrics = [
        named("Inputs/Level", 10, 3).varint(10, u64::from((-5_i32).cast_unsigned())),
        named("Flow", 11, 10).double(13, 2.25),
        named("Running", 12, 11).varint(14, 1),
        named("Recipe", 13, 12).bytes(15, b"blue"),
        named("Started", 14, 13).varint(11, 1_736_067_600_500),
        named("Total", 15, 8).varint(11, 9_000_000_000),
    ];
    world.hear("spBv1.0/plant/DBIRTH/line1/pump", payload(1, &metrics));
}

const PUMP: &str = r#"sparkplug_metric{device="plant/line1/pump",group="plant","#;

pub(crate) fn value(world: &World, metric: &str) -> Option<String> {
    let begin = format!("{PUMP}metric=\"{metric}\",node=\"line1\"}} ");
    world.page().iter().find_map(|line| line.strip_prefix(&begin).map(str::to_owned))
}

#[test]
fn a_birth_shows_every_number_with_its_type() {
    let mut world = world();
    born(&mut world);
    let shown =
        ["Inputs/Level", "Flow", "Running", "Recipe", "Started", "Total"].map(|metric| value(&world, metric));
    let expected = [Some("-5"), Some("2.25"), Some("1"), None, Some("1736067600.5"), Some("9000000000")];
    assert_eq!(shown, expected.map(|text| text.map(str::to_owned)));
    let node = r#"sparkplug_metric{device="plant/line1",group="plant",metric="Load",node="line1"} 0.5"#;
    assert!(world.page().iter().any(|line| line == node), "{:#?}", world.page());
    assert!(
        !world.page().iter().any(|line| line.contains("bdSeq") || line.contains("Rebirth")),
        "{:#?}",
        world.page()
    );
    assert_eq!(world.errors(), []);
}

#[test]
fn a_damaged_birth_makes_nobody_forget() {
    let mut world = world();
    born(&mut world);
    let whole = payload(0, &[session(5), named("Load", 1, 9).float(12, 0.25)]);
    for topic in ["spBv1.0/plant/NBIRTH/line1", "spBv1.0/plant/DBIRTH/line1/pump"] {
        world.hear(topic, &whole[..whole.len() - 4]);
    }
    assert_eq!(world.errors(), [("malformed".to_owned(), 2)]);
    world.hear("spBv1.0/plant/DDATA/line1/pump", payload(2, &[alias(11).double(13, 7.5)]));
    assert_eq!(value(&world, "Flow").as_deref(), Some("7.5"));
    assert_eq!(value(&world, "Inputs/Level").as_deref(), Some("-5"));
}

#[test]
fn two_brokers_with_the_same_nodes_are_told_apart_by_a_label() {
    let mut north = World::new(&labelled("north"));
    let mut south = north.beside("south", &labelled("south"));
    for world in [&mut north, &mut south] {
        born(world);
        // Number 2 never comes.
        world.hear("spBv1.0/plant/DDATA/line1/pump", payload(3, &[alias(11).double(13, 7.5)]));
    }
    for site in ["north", "south"] {
        let given = format!("line=\"line1\",metric=\"Flow\",node=\"line1\",site=\"{site}\"");
        let flow = format!("sparkplug_metric{{device=\"plant/line1/pump\",group=\"plant\",{given}}} 7.5");
        let missed = format!(
            "sparkplug_missed_messages_total{{device=\"plant/line1\",line=\"line1\",site=\"{site}\"}} 1"
        );
        for line in [flow, missed] {
            assert!(north.page().contains(&line), "{line}: {:#?}", north.page());
        }
    }
    assert_eq!(north.errors(), []);
}

#[test]
fn data_speaks_in_the_names_and_types_of_the_birth() {
    let mut world = world();
    born(&mut world);
    let level = alias(10).varint(10, u64::from((-7_i32).cast_unsigned()));
    let bad = {
        let quality = Message::default().varint(1, 3).varint(3, 0);
        let properties = Message::default().bytes(1, b"Quality").bytes(2, &quality.0);
        alias(15).bytes(9, &properties.0).varint(11, 1)
    };
    let metrics = [level, alias(11).varint(7, 1), alias(12).varint(5, 1).varint(14, 0), bad];
    world.hear("spBv1.0/plant/DDATA/line1/pump", payload(2, &metrics));
    assert_eq!(value(&world, "Inputs/Level").as_deref(), Some("-7"));
    // What is null or bad leaves the page; what is historical changes nothing.
    let shown = ["Flow", "Running", "Total"].map(|metric| value(&world, metric));
    assert_eq!(shown, [None, Some("1".to_owned()), None]);
    // The same value is news when it is good again.
    let again = [alias(11).double(13, 2.25), alias(15).varint(11, 9_000_000_000)];
    world.hear("spBv1.0/plant/DDATA/line1/pump", payload(3, &again));
    let shown = ["Flow", "Running", "Total"].map(|metric| value(&world, metric));
    assert_eq!(shown, [Some("2.25"), Some("1"), Some("9000000000")].map(|text| text.map(str::to_owned)));
    assert_eq!(world.errors(), []);
}

#[test]
fn a_birth_that_no_longer_has_a_metric_ends_it() {
    let mut world = world();
    born(&mut world);
    world.hear("spBv1.0/plant/DBIRTH/line1/pump", payload(2, &[named("Flow", 11, 10).double(13, 2.25)]));
    let shown = ["Flow", "Running", "Inputs/Level"].map(|metric| value(&world, metric));
    assert_eq!(shown, [Some("2.25".to_owned()), None, None]);
}

#[test]
fn a_message_is_explained_as_the_rules_see_it() {
    let explained = |topic: &str, metrics: &[Message]| {
        let subscribes = hangup::config::mapping::from_text(RULES).unwrap();
        let payload = payload(1, metrics).into();
        let message = Incoming { topic: topic.to_owned(), payload, qos: 0, retain: false, properties: None };
        let told = hangup::mapping::explain(&subscribes, &message).unwrap();
        serde_json::to_string(&told).unwrap().replace('\\', "")
    };
    let birth =
        explained("spBv1.0/plant/DBIRTH/line1/pump", &[named("Flow", 11, 10).double(13, 2.25), session(4)]);
    assert!(birth.contains(&format!("{PUMP}metric=\"Flow\",node=\"line1\"}} 2.25")), "{birth}");
    assert!(
        birth.contains("a message of `spBv1.0/plant/DDATA/line1/pump` with 1 of its 2 metrics"),
        "{birth}"
    );
    let data = explained(
        "spBv1.0/plant/DDATA/line1/pump",
        &[alias(11).double(13, 2.5), Message::default().bytes(1, b"Running").varint(7, 1)],
    );
    assert!(data.contains("1 of them say an alias only"), "{data}");
    assert!(data.contains("its series leaves the page at once"), "{data}");
    let death = explained("spBv1.0/plant/NDEATH/line1", &[session(4)]);
    assert!(death.contains("the death of a node of Sparkplug"), "{death}");
    assert!(explained("spBv1.0/plant/NCMD/line1", &[]).contains("a command of Sparkplug"));
}

#[test]
fn rules_of_ones_own_find_a_metric_by_its_name() {
    let mut world = World::new(
        "[[subscribe]]\nfilter = \"spBv1.0/#\"\ninclude = [\"spBv1.0/+/DDATA/+/+\"]\ndevice = \"{5}\"\nformat = \"sparkplug\"\n\
         [[subscribe.metric]]\nname = \"pump_level_meters\"\npath = \"'Inputs/Level'.number\"\nscale = 0.01\n\
         [[subscribe.metric]]\nname = \"pump_recipe_info\"\ntype = \"info\"\npath = \"Recipe.text\"\nlabels = { recipe = \"{payload.Recipe.text}\" }\n",
    );
    born(&mut world);
    assert_eq!(
        world.page(),
        [r#"pump_level_meters{device="pump"} -0.05"#, r#"pump_recipe_info{device="pump",recipe="blue"} 1"#]
            .map(str::to_owned)
            .into_iter()
            .chain([r#"sparkplug_missed_messages_total{device="plant/line1"} 0"#.to_owned()])
            .collect::<Vec<_>>()
    );
}

#[test]
fn deaths_take_the_series_along_and_late_wills_do_not() {
    let mut world = world();
    born(&mut world);
    world.hear("spBv1.0/plant/NDEATH/line1", payload(0, &[session(3)]));
    assert!(value(&world, "Flow").is_some(), "the will of an older session");
    world.hear("spBv1.0/plant/DDEATH/line1/pump", payload(2, &[]));
    assert!(value(&world, "Flow").is_none());
    assert!(world.page().iter().any(|line| line.contains("metric=\"Load\"")));
    born(&mut world);
    assert!(value(&world, "Flow").is_some(), "born again");
    world.hear("spBv1.0/plant/NDEATH/line1", payload(0, &[session(4)]));
    assert!(!world.page().iter().any(|line| line.starts_with("sparkplug_metric")), "{:#?}", world.page());
}

#[test]
fn a_new_birth_of_a_node_is_the_end_of_its_devices() {
    let mut world = world();
    born(&mut world);
    world.hear("spBv1.0/plant/NBIRTH/line1", payload(0, &[session(5), named("Load", 1, 9).float(12, 0.75)]));
    assert!(value(&world, "Flow").is_none());
    world.hear("spBv1.0/plant/DDATA/line1/pump", payload(1, &[alias(11).double(13, 3.0)]));
    assert!(value(&world, "Flow").is_none(), "the alias is of the past");
    assert!(world.errors().iter().any(|(reason, _)| reason == "unknown_word"), "{:?}", world.errors());
}

#[test]
fn gaps_are_counted() {
    let mut world = world();
    born(&mut world);
    for seq in [2, 3, 7] {
        world.hear("spBv1.0/plant/NDATA/line1", payload(seq, &[alias(1).float(12, 0.25)]));
    }
    let missed = r#"sparkplug_missed_messages_total{device="plant/line1"} 3"#;
    assert!(world.page().iter().any(|line| line == missed), "{:#?}", world.page());
}

#[test]
fn births_with_thousands_of_metrics_are_shown_whole() {
    let mut world = world();
    let metrics: Vec<_> = (0..5_000).map(|at| named(&format!("tag{at}"), at, 7).varint(10, at)).collect();
    world.hear("spBv1.0/plant/DBIRTH/line1/pump", payload(0, &metrics));
    assert_eq!(world.page().iter().filter(|line| line.starts_with(PUMP)).count(), 5_000);
    assert_eq!(value(&world, "tag4999").as_deref(), Some("4999"));
}

#[test]
fn host_applications_and_other_topics_pass() {
    let mut world = world();
    world.hear("spBv1.0/STATE/scada", r#"{"online":true,"timestamp":1736067600000}"#);
    world.hear("spBv1.0/plant/NCMD/line1", payload(0, &[named("Node Control/Rebirth", 0, 11).varint(14, 1)]));
    assert_eq!(world.page(), [r#"sparkplug_host_online{device="scada"} 1"#]);
}

/// A topic and a payload of each kind, to be damaged.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let quality = Message::default().varint(1, 3).varint(3, 192);
    let properties = Message::default().bytes(1, b"Quality").bytes(2, &quality.0);
    let metrics = [
        alias(10).varint(10, 1),
        named("a\"}\n\u{0}", 99, 10).double(13, f64::NAN),
        alias(11).double(13, 1.0),
        alias(12).varint(5, 1).varint(14, 0),
        alias(13).bytes(9, &properties.0).bytes(15, b"blue"),
    ];
    let node =
        [session(4), named("Load", 1, 9).float(12, 0.5), named("Node Control/Rebirth", 0, 11).varint(14, 0)];
    let device = [
        named("Inputs/Level", 10, 3).varint(10, 7),
        named("Flow", 11, 10).double(13, 2.25),
        named("Running", 12, 11).varint(14, 1),
        named("Recipe", 13, 12).bytes(15, b"blue"),
        named("Started", 14, 13).varint(11, 1_736_067_600_500),
    ];
    [
        ("NBIRTH/line1", payload(0, &node)),
        ("DBIRTH/line1/pump", payload(1, &device)),
        ("DDATA/line1/pump", payload(2, &metrics)),
        ("NDATA/line1", payload(3, &[alias(1).float(12, 0.25)])),
        ("DDEATH/line1/pump", payload(4, &[])),
        ("NDEATH/line1", payload(0, &[session(4)])),
        ("NCMD/line1", payload(0, &[named("Node Control/Rebirth", 0, 11).varint(14, 1)])),
    ]
    .map(|(topic, payload)| (format!("spBv1.0/plant/{topic}"), payload))
    .into()
}
