//! Labels of a whole subscription: on every series of its rules, so that two brokers with devices of the same names are
//! told apart. Never looks at what a single rule does with its own labels.

use crate::world::World;

/// One rule of each kind below a subscription with these lines.
fn every_kind(subscribe: &str) -> String {
    format!(
        "[[subscribe]]\nfilter = \"home/#\"\ndevice = \"{{2}}\"\n{subscribe}\n\
        [[subscribe.metric]]\nname = \"a_watts\"\npath = \"a\"\n\
        [[subscribe.metric]]\nname = \"n_total\"\ntype = \"counter\"\npath = \"n\"\n\
        [[subscribe.metric]]\nname = \"l_watts\"\npath = \"l[*].p\"\nlabels = {{ n = \"{{*}}\" }}\n\
        [[subscribe.metric]]\nname = \"h_seconds\"\ntype = \"histogram\"\nbuckets = [1]\npath = \"h\"\n\
        [[subscribe.metric]]\nname = \"v_info\"\ntype = \"info\"\nlabels = {{ v = \"{{payload.v}}\" }}\n\
        [[subscribe.metric]]\nname = \"m\"\ntype = \"state\"\nstates = [\"on\", \"off\"]\npath = \"m\"\n\
        [[subscribe.metric]]\nname = \"s_{{path}}\"\npath = \"**\"\n"
    )
}

const PAYLOAD: &str =
    r#"{"a":1,"n":2,"l":[{"p":3}],"h":0.5,"v":"7","m":"off","other":{"deep":4},"list":[5],"id":"x9"}"#;

#[test]
fn every_kind_of_series_has_it() {
    let mut world = World::new(&every_kind("labels = { site = \"north\" }"));
    world.hear("home/lamp", PAYLOAD);
    assert_eq!(
        world.page(),
        [
            r#"a_watts{device="lamp",site="north"} 1"#,
            r#"h_seconds_bucket{device="lamp",site="north",le="1.0"} 1"#,
            r#"h_seconds_bucket{device="lamp",site="north",le="+Inf"} 1"#,
            r#"h_seconds_sum{device="lamp",site="north"} 0.5"#,
            r#"h_seconds_count{device="lamp",site="north"} 1"#,
            r#"l_watts{device="lamp",n="0",site="north"} 3"#,
            r#"m{device="lamp",site="north",state="off"} 1"#,
            r#"m{device="lamp",site="north",state="on"} 0"#,
            r#"n_total{device="lamp",site="north"} 2"#,
            r#"s_list{device="lamp",index="0",site="north"} 5"#,
            r#"s_other_deep{device="lamp",site="north"} 4"#,
            r#"v_info{device="lamp",site="north",v="7"} 1"#,
        ]
    );
    assert_eq!(world.errors(), []);
}

#[test]
fn it_is_a_template_and_yields_to_a_rule_that_has_its_own() {
    let toml = "[[subscribe]]\nfilter = \"home/#\"\npattern = \"home/(?<room>[^/]+)/.+\"\n\
        labels = { room = \"{room}\", level = \"{-1}\", id = \"{payload.id}\", site = \"{property.site}\", of = \"{*}\", who = \"{payload.l[*].n}\" }\n\
        [[subscribe.metric]]\nname = \"a_watts\"\npath = \"a\"\nlabels = { room = \"mine\" }\n\
        [[subscribe.metric]]\nname = \"l_watts\"\npath = \"l[*].p\"\n";
    let mut world = World::new(toml);
    let payload = r#"{"a":1,"id":"x9","l":[{"p":3,"n":"one"},{"p":4}]}"#;
    world.hear_as("home/attic/lamp", payload.as_bytes(), false, &[("site", "north")]);
    // Without the property, and without an id.
    world.hear("home/cellar/lamp", r#"{"a":2}"#);
    assert_eq!(
        world.page(),
        [
            r#"a_watts{id="x9",level="lamp",room="mine",site="north"} 1"#,
            r#"a_watts{level="lamp",room="mine"} 2"#,
            r#"l_watts{id="x9",level="lamp",of="0",room="attic",site="north",who="one"} 3"#,
            r#"l_watts{id="x9",level="lamp",of="1",room="attic",site="north"} 4"#,
        ]
    );
}

fn preset(labels: &str) -> String {
    format!("[[subscribe]]\npreset = \"zigbee2mqtt\"\n{labels}\n")
}

#[test]
fn two_brokers_with_the_same_devices_are_both_on_the_page() {
    let mut north = World::new(&preset("labels = { site = \"north\" }"));
    let mut south = north.beside("south", &preset("labels = { site = \"south\" }"));
    north.hear("zigbee2mqtt/lamp", r#"{"temperature":20}"#);
    south.hear("zigbee2mqtt/lamp", r#"{"temperature":10}"#);
    assert_eq!(
        north.page(),
        [
            r#"zigbee2mqtt_temperature_celsius{device="lamp",site="north"} 20"#,
            r#"zigbee2mqtt_temperature_celsius{device="lamp",site="south"} 10"#,
        ]
    );
    assert_eq!(north.errors(), []);
}

#[test]
fn without_a_label_the_second_broker_is_told_why_it_has_nothing_to_show() {
    let mut first = World::new(&every_kind(""));
    let mut second = first.beside("second", &every_kind(""));
    first.hear("home/lamp", PAYLOAD);
    let before = first.page();
    second.hear("home/lamp", r#"{"a":9,"h":9,"m":"on","v":"7"}"#);
    assert_eq!(first.page(), before);
    assert_eq!(first.errors(), [("series_taken".to_owned(), 4)]);
    // When the first is silent, the second has its turn.
    second.pass(std::time::Duration::from_secs(3_700));
    second.hear("home/lamp", r#"{"a":9,"v":"7"}"#);
    assert_eq!(second.page(), [r#"a_watts{device="lamp"} 9"#, r#"v_info{device="lamp",v="7"} 1"#]);
}

#[test]
fn two_subscriptions_of_one_connection_are_told_apart_too() {
    let half = |base: &str| {
        format!(
            "[[subscribe]]\nfilter = \"{base}/+\"\ndevice = \"{{2}}\"\nlabels = {{ site = \"{base}\" }}\n\
            [[subscribe.metric]]\nname = \"a_watts\"\n"
        )
    };
    let mut world = World::new(&(half("north") + &half("south")));
    world.hear("north/lamp", "1");
    world.hear("south/lamp", "2");
    assert_eq!(
        world.page(),
        [r#"a_watts{device="lamp",site="north"} 1"#, r#"a_watts{device="lamp",site="south"} 2"#]
    );
}
