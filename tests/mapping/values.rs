//! Values, labels, lists: what stands in a message, and what stands on the page.

use hangup::source::Outcome;

use crate::world::{World, one};

/// What one rule makes of one message.
fn becomes(metric: &str, payload: &str) -> Vec<String> {
    let mut world = World::new(&one("", &format!("name = \"a_watts\"\n{metric}")));
    world.hear("home/attic/meter", payload);
    world.page()
}

#[test]
fn a_scalar_is_a_value_in_whatever_it_is_written() {
    for (payload, expected) in [
        ("21.5", "21.5"),
        (" 21.5\r\n", "21.5"),
        ("\"21.5\"", "21.5"),
        ("ON", "1"),
        ("false", "0"),
        ("-1e3", "-1000"),
    ] {
        assert_eq!(becomes("", payload), [format!("a_watts {expected}")], "{payload}");
    }
}

#[test]
fn a_scale_that_is_a_part_of_one_gives_the_number_that_a_person_would_write() {
    for (scale, payload, expected) in [
        ("0.01", "41", "0.41"),
        ("0.01", "95", "0.95"),
        ("0.1", "3", "0.3"),
        ("0.001", "35", "0.035"),
        ("0.3", "10", "3"),
    ] {
        assert_eq!(
            becomes(&format!("scale = {scale}"), payload),
            [format!("a_watts {expected}")],
            "{payload}"
        );
    }
    assert_eq!(becomes("scale = -0.5\noffset = 1", "3"), ["a_watts -0.5"]);
}

#[test]
fn a_path_leads_through_objects_and_lists() {
    let payload = r#"{"a":{"b":[1,{"c":2}]},"x.y":3,"b":true,"t":"4.5"}"#;
    for (path, expected) in [("a.b[0]", "1"), ("a.b[1].c", "2"), ("'x.y'", "3"), ("b", "1"), ("t", "4.5")] {
        assert_eq!(
            becomes(&format!("path = \"{path}\""), payload),
            [format!("a_watts {expected}")],
            "{path}"
        );
    }
    assert_eq!(becomes("path = \"a.z\"", payload), [] as [&str; 0]);
}

#[test]
fn values_are_scaled_computed_and_read_in_other_ways() {
    for (metric, payload, expected) in [
        ("path = \"v\"\nscale = 0.1\noffset = -40", r#"{"v":615}"#, "21.5"),
        ("path = \"v\"\nvalue = \"x * 1.8 + 32\"", r#"{"v":10}"#, "50"),
        (
            "path = \"v\"\nvalue = \"max(x, 0) * (amps > 1)\"\ninputs = { amps = \"i\" }",
            r#"{"i":2,"v":230}"#,
            "230",
        ),
        ("path = \"v\"\nvalue = \"x * 7 % 4\"", r#"{"v":3}"#, "1"),
        ("path = \"v\"\nvalue = \"12 / x * 2 - 1 - 1\"", r#"{"v":3}"#, "6"),
        ("path = \"v\"\nread = \"hex\"", r#"{"v":"0x1f"}"#, "31"),
        ("path = \"v\"\nread = \"duration\"", r#"{"v":"1T02:15:30"}"#, "94530"),
        ("path = \"v\"\nread = \"timestamp\"", r#"{"v":"1970-01-02T00:00:00Z"}"#, "86400"),
        ("path = \"v\"\nread = \"length\"", r#"{"v":[1,2,3]}"#, "3"),
        ("path = \"v\"\nvalues = { idle = 0, heat = 2 }", r#"{"v":"heat"}"#, "2"),
        ("path = \"v\"\nwhen = { kind = \"p\", n = 1 }", r#"{"n":1.0,"kind":"p","v":7}"#, "7"),
    ] {
        assert_eq!(becomes(metric, payload), [format!("a_watts {expected}")], "{metric}");
    }
    assert!(becomes("path = \"v\"\nwhen = { kind = \"p\" }", r#"{"kind":"q","v":7}"#).is_empty());
}

#[test]
fn csv_has_places() {
    let mut world = World::new(&one("format = \"csv\"", "name = \"a_watts\"\npath = \"[1]\""));
    world.hear("home/x", "1;2.5;3");
    assert_eq!(world.page(), ["a_watts 2.5"]);
}

#[test]
fn labels_come_from_topic_pattern_payload_and_properties() {
    let mut world = World::new(&one(
        "pattern = \"home/(?<floor>[^/]+)/(?<room>[^/]+)/.*\"\ndevice = \"{-1}\"",
        "name = \"a_watts\"\npath = \"p\"\nlabels = { where = \"{floor}.{room}\", id = \"{payload.meta.id}\", site = \"{property.site}\", \
         fixed = \"x\", second = \"{2}\" }",
    ));
    world.hear_as(
        "home/attic/office/plug",
        r#"{"p":5,"meta":{"id":12345678901234567890}}"#,
        false,
        &[("site", "north")],
    );
    world.hear("home/attic/office/lamp", r#"{"p":6,"meta":{}}"#);
    assert_eq!(
        world.page(),
        [
            r#"a_watts{device="lamp",fixed="x",second="attic",where="attic.office"} 6"#,
            r#"a_watts{device="plug",fixed="x",id="12345678901234567890",second="attic",site="north",where="attic.office"} 5"#,
        ]
    );
    assert_eq!(world.of_device("mqtt_device_messages_total", "lamp"), Some(1.0));
    assert_eq!(world.of_device("mqtt_device_last_seen_timestamp_seconds", "plug"), Some(1_700_000_000.0));
}

#[test]
fn a_device_may_be_named_by_the_payload() {
    let toml = one("device = \"{payload.model}-{payload.id}\"", "name = \"a_watts\"\npath = \"p\"");
    let mut world = World::new(&toml);
    world.hear("home/rf", r#"{"model":"m","id":7,"p":1}"#);
    world.hear("home/rf", r#"{"p":2,"id":8,"model":"m"}"#);
    assert_eq!(world.hear("home/rf", r#"{"p":3,"id":9}"#), Some(Outcome::Malformed));
    assert_eq!(world.page(), [r#"a_watts{device="m-7"} 1"#, r#"a_watts{device="m-8"} 2"#]);
    assert_eq!(world.errors(), [("no_device".to_owned(), 1)]);
}

#[test]
fn a_list_makes_one_series_an_element_with_its_index_or_a_sibling() {
    let mut world = World::new(&one(
        "",
        "name = \"a_watts\"\npath = \"ch[*].p\"\nlabels = { channel = \"{*}\", name = \"{payload.ch[*].n}\", of = \"{payload.id}\" }",
    ));
    world.hear("home/x", r#"{"ch":[{"p":1,"n":"a"},{"n":"b","p":2},{"n":"c"},{"p":4}],"id":"z"}"#);
    assert_eq!(
        world.page(),
        [
            r#"a_watts{channel="0",name="a",of="z"} 1"#,
            r#"a_watts{channel="1",name="b",of="z"} 2"#,
            r#"a_watts{channel="3",of="z"} 4"#,
        ]
    );
}

#[test]
fn two_wildcards_and_members_work_too() {
    let mut world = World::new(&one(
        "",
        "name = \"a_watts\"\npath = \"*.ph[*].p\"\nlabels = { meter = \"{*}\", phase = \"{*2}\", kind = \"{payload.*.kind}\" }\nwhen = { \"*.ok\" = true }",
    ));
    world.hear(
        "home/x",
        r#"{"m1":{"ok":true,"ph":[{"p":1},{"p":2}],"kind":"k"},"m2":{"ph":[{"p":3}],"ok":false},"m3":{"ph":[{"p":4}],"ok":true}}"#,
    );
    assert_eq!(
        world.page(),
        [
            r#"a_watts{kind="k",meter="m1",phase="0"} 1"#,
            r#"a_watts{kind="k",meter="m1",phase="1"} 2"#,
            r#"a_watts{meter="m3",phase="0"} 4"#,
        ]
    );
}

#[test]
fn every_number_becomes_a_metric_unless_a_rule_takes_it() {
    let toml = "[[subscribe]]\nfilter = \"home/#\"\ndevice = \"{2}\"\n\
        [[subscribe.metric]]\nname = \"s_{path}\"\npath = \"**\"\nnames = { temp = \"temp_celsius\" }\nskip = [\"lqi\"]\n\
        [[subscribe.metric]]\nname = \"own_watts\"\npath = \"a.power\"\n";
    let mut world = World::new(toml);
    world.hear("home/x", r#"{"temp":1,"lqi":2,"a":{"power":3,"Power Factor":0.9},"ok":true,"s":"text","l":[{"v":5},{"v":6}],"n_total":7,"z":null}"#);
    assert_eq!(
        world.page(),
        [
            r#"own_watts{device="x"} 3"#,
            r#"s_a_power_factor{device="x"} 0.9"#,
            r#"s_l_v{device="x",index="0"} 5"#,
            r#"s_l_v{device="x",index="1"} 6"#,
            r#"s_n_total_value{device="x"} 7"#,
            r#"s_ok{device="x"} 1"#,
            r#"s_temp_celsius{device="x"} 1"#,
        ]
    );
}

#[test]
fn several_subscriptions_and_topics_of_rules_choose() {
    let toml = "[[subscribe]]\nfilter = \"a/#\"\ninclude = [\"a/+/x\", \"a/+/y\"]\nexclude = [\"a/no/#\"]\n\
        [[subscribe.metric]]\nname = \"x_watts\"\ntopic = \"a/+/x\"\n\
        [[subscribe.metric]]\nname = \"y_watts\"\ntopic = \"a/+/y\"\n\
        [[subscribe]]\nfilter = \"a/b/+\"\n[[subscribe.metric]]\nname = \"z_watts\"\n";
    let mut world = World::new(toml);
    for topic in ["a/b/x", "a/c/y", "a/no/x", "a/b/z"] {
        world.hear(topic, "1");
    }
    assert_eq!(world.page(), ["x_watts 1", "y_watts 1", "z_watts 1"]);
    assert_eq!(world.hear("b", "1"), None);
    assert_eq!(world.errors(), [("unknown_topic".to_owned(), 1)]);
}

#[test]
fn text_and_json_may_share_a_filter() {
    let toml = "[[subscribe]]\nfilter = \"a/#\"\n[[subscribe.metric]]\nname = \"p_watts\"\npath = \"p\"\n\
        [[subscribe.metric]]\nname = \"t_watts\"\n";
    let mut world = World::new(toml);
    world.hear("a/1", r#"{"p":1}"#);
    world.hear("a/2", "on");
    assert_eq!(world.page(), ["p_watts 1", "t_watts 1"]);
}
