//! `hangup explain`, the real program: what a message becomes, and why not.

use std::process::{Command, Stdio};

const CONFIG: &str = r#"
[[connection]]
name = "lan"
[connection.source.broker]
url = "mqtt://127.0.0.1"
[[connection.subscribe]]
filter = "home/#"
device = "{2}"
exclude = ["home/bridge/#"]
availability = { topic = "home/{device}/status" }
[[connection.subscribe.metric]]
name = "a_watts"
path = "a.b"
labels = { site = "{property.site}" }
expire = "10m"
[[connection.subscribe.metric]]
name = "l_watts"
path = "l[*].p"
labels = { n = "{*}" }
[[connection.subscribe.metric]]
name = "mode"
type = "state"
states = ["heat", "idle"]
path = "m"
[[connection.subscribe.metric]]
name = "k_watts"
path = "k"
when = { kind = "power" }
[[connection.subscribe]]
filter = "other/#"
labels = { site = "north", level = "{2}" }
[[connection.subscribe.metric]]
name = "o_watts"
"#;

/// Standard output and the exit code.
fn explain(arguments: &[&str]) -> (String, i32) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hangup.toml");
    std::fs::write(&file, CONFIG).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_hangup"))
        .args(["explain", "--config", file.to_str().unwrap()])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    (text, out.status.code().unwrap())
}

#[test]
fn it_says_what_comes_out_and_what_does_not() {
    let payload = r#"{"a":{"c":1,"d":2},"l":[{"p":1},{"p":"x"}],"m":"idle","k":3,"kind":"voltage"}"#;
    let (text, code) = explain(&["--topic", "home/attic", "--payload", payload]);
    let expected = "connection lan
  home/#  (device attic)
    a_watts: nothing: path `a.b` is not there; the payload has: a.c, a.d, l[*].p, m, k, kind
    l_watts{device=\"attic\",n=\"0\"} 1  (for 1h)
    l_watts: nothing: `l[*].p` is `x`, which is no number (write for example `values = { idle = 0, heating = 1 }`)
    mode{device=\"attic\",state=\"heat\"} 0  (for 1h)
    mode{device=\"attic\",state=\"idle\"} 1  (for 1h)
    k_watts: nothing: `when` wants `kind` to be `power`, and it is `voltage`
  other/#
    nothing: the filter does not fit the topic
";
    assert_eq!((text.as_str(), code), (expected, 0));
}

#[test]
fn labels_of_the_subscription_stand_on_its_series() {
    let (text, code) = explain(&["--topic", "other/x", "--payload", "4"]);
    assert!(text.contains("o_watts{level=\"x\",site=\"north\"} 4  (for 1h)\n"), "{text}");
    assert_eq!(code, 0);
}

#[test]
fn it_says_why_nothing_comes_out_at_all() {
    for (topic, payload, expected) in [
        ("home/bridge/state", "1", "nothing: `home/bridge/#` of `exclude` fits the topic"),
        ("home/x", "{\"a\":", "nothing: the payload is not JSON from byte 6 on"),
        ("elsewhere", "1", "nothing: the filter does not fit the topic"),
        (
            "home/x/status",
            "offline",
            "note: it says that the device `x` left: its series leave the page at once",
        ),
    ] {
        let (text, code) = explain(&["--topic", topic, "--payload", payload]);
        assert!(text.contains(expected), "{text}");
        assert_eq!(code, 1, "{text}");
    }
}

#[test]
fn properties_retained_messages_and_json_are_understood() {
    let (text, code) = explain(&[
        "--topic",
        "home/x",
        "--payload",
        r#"{"a":{"b":5}}"#,
        "--retained",
        "--property",
        "site=north",
        "--json",
    ]);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let first = &told[0]["subscriptions"][0];
    assert_eq!(first["rules"][0]["series"][0], r#"a_watts{device="x",site="north"} 5"#);
    assert_eq!(first["rules"][0]["expire"], "10m");
    assert!(first["notes"][0].as_str().unwrap().starts_with("it is retained"));
    assert_eq!(code, 0);
}

#[test]
fn a_wrong_command_line_is_told() {
    let (text, code) = explain(&["--topic", "x", "--payload", "1", "--connection", "nope"]);
    assert!(text.contains("there is no such connection (there are `lan`)"), "{text}");
    assert_eq!(code, 2);
    let (text, code) = explain(&["--topic", "x", "--payload-file", "/nonexistent"]);
    assert!(text.contains("the payload cannot be read"), "{text}");
    assert_eq!(code, 2);
}

/// Says the same as the running program, which takes no such value.
#[test]
fn a_negative_value_of_a_counter_or_a_histogram_and_what_has_parts_come_to_nothing() {
    let toml = "[[connection]]\nname = \"lan\"\n[connection.source.broker]\nurl = \"mqtt://127.0.0.1\"\n\
        [[connection.subscribe]]\nfilter = \"home/#\"\n\
        [[connection.subscribe.metric]]\nname = \"m_seconds\"\ntype = \"histogram\"\nbuckets = [1, 2]\npath = \"dur\"\n\
        [[connection.subscribe.metric]]\nname = \"c_joules_total\"\ntype = \"counter\"\npath = \"e\"\n\
        [[connection.subscribe.metric]]\nname = \"a_joules_total\"\ntype = \"counter\"\ncount = \"add\"\npath = \"e\"\n\
        [[connection.subscribe.metric]]\nname = \"t_celsius\"\npath = \"t\"\n";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hangup.toml");
    std::fs::write(&file, toml).unwrap();
    let payload = r#"{"dur":-1,"e":-5,"t":{"value":1}}"#;
    let out = Command::new(env!("CARGO_BIN_EXE_hangup"))
        .args(["explain", "--topic", "home/x", "--payload", payload, "--config", file.to_str().unwrap()])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!((out.status.code(), text.matches("which is negative").count()), (Some(1), 3), "{text}");
    assert!(text.contains("`path = \"t.value\"`"), "{text}");
}
