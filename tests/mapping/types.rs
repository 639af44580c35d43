//! Counters, histograms, info metrics and states.

use crate::world::{World, one};

#[test]
fn a_counter_goes_on_when_its_device_begins_anew() {
    let mut world = World::new(&one("", "name = \"e_joules_total\"\ntype = \"counter\""));
    let mut shown = |raw: &str| {
        world.hear("home/x", raw);
        world.page().concat()
    };
    assert_eq!(shown("100"), "e_joules_total 100");
    assert_eq!(shown("110"), "e_joules_total 110");
    // It begins anew.
    assert_eq!(shown("5"), "e_joules_total 115");
    assert_eq!(shown("8"), "e_joules_total 118");
    // It is late, or was saved a while ago.
    assert_eq!(shown("7"), "e_joules_total 118");
    assert_eq!(shown("9"), "e_joules_total 119");
    // It is none.
    assert_eq!(shown("-1"), "e_joules_total 119");
}

#[test]
fn a_counter_shows_adds_or_counts() {
    for (count, payloads, expected) in
        [("raw", ["100", "5"], 5), ("add", ["100", "5"], 105), ("messages", ["x", "y"], 2)]
    {
        let mut world =
            World::new(&one("", &format!("name = \"e_total\"\ntype = \"counter\"\ncount = \"{count}\"")));
        // Two topics, one series: what is remembered belongs to the series.
        world.hear("home/x", payloads[0]);
        world.hear("home/y", payloads[1]);
        assert_eq!(world.page(), [format!("e_total {expected}")], "{count}");
    }
}

#[test]
fn a_histogram_is_made_of_observations() {
    let mut world = World::new(&one(
        "",
        "name = \"d_seconds\"\ntype = \"histogram\"\nbuckets = [0.1, 1]\npath = \"d\"\nlabels = { who = \"{2}\" }",
    ));
    for value in ["0.05", "0.5", "0.5", "7"] {
        world.hear("home/x", format!("{{\"d\":{value}}}"));
    }
    let mut page = world.page();
    page.sort();
    assert_eq!(
        page,
        [
            r#"d_seconds_bucket{who="x",le="+Inf"} 4"#,
            r#"d_seconds_bucket{who="x",le="0.1"} 1"#,
            r#"d_seconds_bucket{who="x",le="1.0"} 3"#,
            r#"d_seconds_count{who="x"} 4"#,
            r#"d_seconds_sum{who="x"} 8.05"#,
        ]
    );
}

#[test]
fn a_new_version_replaces_the_old_info() {
    let mut world = World::new(&one(
        "device = \"{2}\"",
        "name = \"fw_info\"\ntype = \"info\"\nlabels = { version = \"{payload.sw}\" }",
    ));
    for (sw, expected) in [("1", "1"), ("2", "2"), ("1", "1"), ("1", "1")] {
        world.hear("home/x", format!("{{\"sw\":\"{sw}\"}}"));
        world.hear("home/y", "{\"sw\":\"9\"}");
        let expected = [
            format!("fw_info{{device=\"x\",version=\"{expected}\"}} 1"),
            "fw_info{device=\"y\",version=\"9\"} 1".to_owned(),
        ];
        assert_eq!(world.page(), expected);
    }
}

#[test]
fn a_state_is_one_of_its_words_or_none() {
    let mut world = World::new(&one(
        "",
        "name = \"mode\"\ntype = \"state\"\nstates = [\"heat\", \"idle\"]\npath = \"m\"",
    ));
    world.hear("home/x", r#"{"m":"heat"}"#);
    assert_eq!(world.page(), [r#"mode{state="heat"} 1"#, r#"mode{state="idle"} 0"#]);
    world.hear("home/x", r#"{"m":"boost"}"#);
    assert_eq!(world.page(), [r#"mode{state="heat"} 0"#, r#"mode{state="idle"} 0"#]);
    assert_eq!(world.errors(), [("unknown_word".to_owned(), 1)]);
}
