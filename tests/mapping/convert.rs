//! Configurations of mqtt2prometheus: what the converted one shows is what the real exporter shows for the same messages.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hangup::clock::now;
use hangup::config::{Origin, load};
use hangup::convert::{Converted, mqtt2prometheus};

use crate::world::World;

const OBJECTS: &str = r#"
mqtt:
  server: tcp://127.0.0.1:PORT
  client_id: old
  topic_path: home/+/sensor/#
  device_id_regex: "home/(?P<deviceid>[^/]+)/.*"
  qos: 1
cache:
  timeout: 24h
metrics:
  - prom_name: temperature
    mqtt_name: temperature
    help: Temperature of the air
    type: gauge
    const_labels:
      kind: air
  - prom_name: humidity
    mqtt_name: computed.humidity
    help: Humidity
    type: gauge
    mqtt_value_scale: 0.01
  - prom_name: energy_total
    mqtt_name: meter.total
    help: Energy
    type: counter
  - prom_name: state
    mqtt_name: state
    help: State
    type: gauge
    string_value_mapping:
      error_value: 9
      map:
        off: 0
        low: 1
        high: 2
  - prom_name: light_on
    mqtt_name: light
    help: Light
    type: gauge
    sensor_name_filter: "^.*-lamp$"
  - prom_name: open
    mqtt_name: open
    help: Open
    type: gauge
"#;

const OBJECT_MESSAGES: &[(&str, &str)] = &[
    ("home/attic/sensor/air", r#"{"temperature":21.5,"computed":{"humidity":48}}"#),
    ("home/attic/sensor/meter", r#"{"meter":{"total":1234.5},"state":"low"}"#),
    ("home/hall-lamp/sensor/x", r#"{"light":1,"state":"blue","open":true}"#),
    ("home/hall/sensor/x/y", r#"{"light":1,"state":"off","temperature":"19.25","open":false}"#),
    ("other/hall/sensor/x", r#"{"temperature":1}"#),
];

const TOPICS: &str = r#"
mqtt:
  server: tcp://127.0.0.1:PORT
  topic_path: shellies/+/sensor/+
  device_id_regex: "shellies/(?P<deviceid>.*)/sensor"
  metric_per_topic_config:
    metric_name_regex: "shellies/(?P<deviceid>.*)/sensor/(?P<metricname>.*)"
metrics:
  - prom_name: temperature
    mqtt_name: temperature
    help: Temperature
    type: gauge
  - prom_name: state
    mqtt_name: state
    help: State
    type: gauge
    string_value_mapping:
      error_value: 5
      map:
        open: 1
        close: 0
  - prom_name: battery
    mqtt_name: battery
    help: Battery
    type: gauge
    sensor_name_filter: "^shellyht"
    mqtt_value_scale: 0.01
"#;

const TOPIC_MESSAGES: &[(&str, &str)] = &[
    ("shellies/shellyht-1/sensor/temperature", "21.25"),
    ("shellies/shellyht-1/sensor/battery", "88"),
    ("shellies/door-1/sensor/battery", "77"),
    ("shellies/door-1/sensor/state", "open"),
    ("shellies/door-2/sensor/state", "ajar"),
    ("shellies/door-2/sensor/humidity", "50"),
];

/// A program that ends with its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(program: &str, arguments: &[&str]) -> Option<Program> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok().map(Program)
}

fn page(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn until<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let end = now().at + Duration::from_secs(60);
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(now().at < end, "{what} did not come");
        // Another process is waited for, which tells nobody.
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Series and values of a page, without what the two exporters add of their own.
fn series(lines: impl Iterator<Item = String>, without: &[&str]) -> BTreeMap<String, f64> {
    let read = |line: String| {
        let (name, rest) = line.split_once('{')?;
        let (labels, value) = rest.rsplit_once('}')?;
        let labels = labels
            .split("\",")
            .filter(|label| !without.iter().any(|own| label.starts_with(&format!("{own}="))));
        let mut labels: Vec<_> = labels.map(|label| label.trim_end_matches('"').to_owned()).collect();
        labels.sort();
        let value = value.split_whitespace().next()?.parse().ok()?;
        Some((format!("{name} {}", labels.join(" ")), value))
    };
    lines.filter_map(read).collect()
}

/// What the real exporter shows; `None`, said loudly: it is not installed.
#[expect(clippy::print_stderr, reason = "a comparison that was skipped says so")]
fn real(config: &str, messages: &[(&str, &str)], expected: usize) -> Option<BTreeMap<String, f64>> {
    let directory = tempfile::tempdir().unwrap();
    let (broker, web) = (free_port(), free_port());
    let file = directory.path().join("old.yaml");
    fs::write(&file, config.replace("PORT", &broker.to_string())).unwrap();
    let set_up = directory.path().join("mosquitto.conf");
    fs::write(&set_up, format!("listener {broker} 127.0.0.1\nallow_anonymous true\n")).unwrap();
    let broker_text = broker.to_string();
    let web_text = web.to_string();
    let mosquitto = ["mosquitto", "/usr/sbin/mosquitto"]
        .iter()
        .find_map(|program| start(program, &["-c", set_up.to_str().unwrap()]));
    let exporter = || {
        start(
            "prometheus-mqtt-exporter",
            &["-config", file.to_str().unwrap(), "-listen-port", &web_text, "-listen-address", "127.0.0.1"],
        )
    };
    let Some(_mosquitto) = mosquitto else {
        eprintln!("SKIPPED: mosquitto is not installed, nothing was compared");
        return None;
    };
    until("the broker", || TcpStream::connect(("127.0.0.1", broker)).ok());
    let Some(_exporter) = exporter() else {
        eprintln!("SKIPPED: prometheus-mqtt-exporter is not installed, nothing was compared");
        return None;
    };
    until("the exporter", || page(web).filter(|page| page.contains("mqtt2prometheus_connected 1")));
    let publish = || {
        for (topic, payload) in messages {
            let arguments = ["-h", "127.0.0.1", "-p", &broker_text, "-q", "1", "-t", topic, "-m", payload];
            let done = Command::new("mosquitto_pub").args(arguments).status();
            assert!(done.unwrap().success(), "{topic}");
        }
    };
    // It may be connected and not subscribed yet: until everything is there, all is said again.
    let page = until("everything", || {
        publish();
        let page = page(web)?;
        let found = series(page.lines().map(str::to_owned), &["topic"]);
        let found: BTreeMap<_, _> = found.into_iter().filter(|(name, _)| name.contains("sensor=")).collect();
        (found.len() >= expected).then_some(found)
    });
    Some(page)
}

/// The subscriptions of a converted file, as the mapping's tests take them.
fn rules(converted: &Converted) -> String {
    let from = converted.toml.find("[[connection.subscribe]]").unwrap();
    let end = converted.toml.find("[connection.reconnect]").unwrap_or(converted.toml.len());
    converted.toml[from..end].replace("connection.", "")
}

fn ours(converted: &Converted, messages: &[(&str, &str)]) -> BTreeMap<String, f64> {
    let mut world = World::new(&rules(converted));
    for (topic, payload) in messages {
        world.hear(topic, payload);
    }
    series(world.page().into_iter(), &["device"])
}

/// `hangup check` in all but its name.
fn loads(converted: &Converted, password: bool) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hangup.toml");
    fs::write(&file, converted.toml.replace(":PORT", ":1883")).unwrap();
    if password {
        let file = directory.path().join("mqtt-password");
        fs::write(&file, "hunter2\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let loaded =
        load(&Origin::File(file)).map_err(|problems| problems.lines().collect::<Vec<_>>().join("\n"))?;
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    Ok(())
}

#[test]
fn objects_are_shown_as_by_the_real_exporter() {
    let converted = mqtt2prometheus(OBJECTS).unwrap();
    assert_eq!(loads(&converted, false), Ok(()), "{}", converted.toml);
    let ours = ours(&converted, OBJECT_MESSAGES);
    assert_eq!(ours.len(), 10, "{ours:#?}");
    if let Some(real) = real(OBJECTS, OBJECT_MESSAGES, 10) {
        assert_eq!(ours, real, "{}", converted.toml);
    }
}

#[test]
fn one_metric_a_topic_is_shown_as_by_the_real_exporter() {
    let converted = mqtt2prometheus(TOPICS).unwrap();
    assert_eq!(loads(&converted, false), Ok(()), "{}", converted.toml);
    let ours = ours(&converted, TOPIC_MESSAGES);
    assert_eq!(ours.len(), 4, "{ours:#?}\n{}", converted.toml);
    if let Some(real) = real(TOPICS, TOPIC_MESSAGES, 4) {
        assert_eq!(ours, real, "{}", converted.toml);
    }
}

#[test]
fn nothing_of_the_old_file_becomes_a_line_of_the_new_one() {
    let evil = "mqtt:\n  server: tcp://h:1883\n  topic_path: a/+\nmetrics:\n  - prom_name: ok\n    mqtt_name: ok\n    type: gauge\n  \
                - prom_name: \"bad\\n[[connection]]\\nname = 1\"\n    mqtt_name: x\n    type: gauge\n";
    let converted = mqtt2prometheus(evil).unwrap();
    assert_eq!(converted.toml.matches("\n[[connection]]").count(), 1, "{}", converted.toml);
    assert!(converted.notes.iter().all(|note| !note.contains('\n')), "{:?}", converted.notes);
    assert_eq!(loads(&converted, false), Ok(()), "{}", converted.toml);
    let nothing = evil.replace("prom_name: ok\n", "prom_name: \"no name\"\n");
    let why = mqtt2prometheus(&nothing).unwrap_err();
    assert!(why.contains("none of its metrics") && why.contains("no name is left out"), "{why}");
}

#[test]
fn everything_else_is_converted_or_said() {
    let yaml = r#"
mqtt:
  server: ssl://bob:secret1@broker.lan:8883
  user: alice
  password: hunter2
  client_id: plant
  ca_cert: CA
  topic_path: devices/+
cache:
  timeout: 90s
json_parsing:
  separator: "->"
enable_profiling_metrics: true
metrics:
  - {prom_name: mqtt_pressure, mqtt_name: "a.b->p", help: P, type: gauge, expression: "value * 100", mqtt_value_scale: 2}
  - {prom_name: pulses, mqtt_name: n, help: N, type: counter, force_monotonicy: true}
  - {prom_name: boots_total, mqtt_name: b, help: B, type: counter, force_monotonicy: true}
  - {prom_name: rows_count, mqtt_name: r, help: R, type: gauge, const_labels: {job: x, room: "{a}"}}
  - {prom_name: integral, mqtt_name: i, help: I, type: gauge, expression: "last_result + value * elapsed.Seconds()"}
  - {prom_name: choice, mqtt_name: c, help: C, type: gauge, raw_expression: "float(raw_value) > 5 ? 1 : 0", error_value: -1}
  - {prom_name: named, mqtt_name: d, help: D, type: gauge, dynamic_labels: {what: raw_value, other: "upper(raw_value)"}}
  - {prom_name: odd, mqtt_name: o, help: O, type: gauge, sensor_name_filter: "^a$|^b$"}
"#;
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca.pem");
    let pair = rcgen::generate_simple_self_signed(["broker.lan".to_owned()]).unwrap();
    fs::write(&authority, pair.cert.pem()).unwrap();
    let converted = mqtt2prometheus(&yaml.replace("CA", authority.to_str().unwrap())).unwrap();
    let Converted { toml, notes } = &converted;
    assert_eq!(loads(&converted, true), Ok(()), "{toml}");
    for secret in ["hunter2", "secret1"] {
        assert!(!toml.contains(secret) && !notes.iter().any(|note| note.contains(secret)), "{toml}");
    }
    for part in [
        "url = \"mqtts://broker.lan:8883\"",
        "username = \"alice\"",
        "password = { file = \"mqtt-password\" }",
        "client_id = \"plant\"",
        "expire = \"1m 30s\"",
        "path = \"'a.b'.p\"",
        "value = \"(x * 100) * 2\"",
        "name = \"device_pressure\"",
        "name = \"boots_total\"",
        "name = \"rows_count_value\"",
        "exported_job = \"x\"",
        "room = \"{{a}}\"",
        "what = \"{payload.d}\"",
        "# integral: its expression cannot be said here: `last_result` is a memory",
        "# odd: its `sensor_name_filter`",
    ] {
        assert!(toml.contains(part), "{part}\n{toml}");
    }
    for note in [
        "`mqtt_pressure` is called `device_pressure`",
        "`pulses` was a counter",
        "the label `other` is left out",
    ] {
        assert!(notes.iter().any(|known| known.contains(note)), "{note}: {notes:#?}");
    }
    let messages = [
        ("devices/x", r#"{"a.b":{"p":3},"n":4,"b":5,"r":6,"i":7,"c":8,"d":9}"#),
        ("devices/y", r#"{"c":"?"}"#),
    ];
    let shown = ours(&converted, &messages);
    let of = |name: &str| shown.iter().find(|(known, _)| known.starts_with(name)).map(|(_, value)| *value);
    assert_eq!(
        ["device_pressure", "pulses", "boots_total", "rows_count_value", "integral", "named"].map(of),
        [Some(600.0), Some(4.0), Some(5.0), Some(6.0), None, Some(9.0)],
        "{shown:#?}"
    );
}

#[test]
fn what_the_check_would_refuse_is_told_with_where_it_comes_from() {
    let note = |mqtt: &str, metric: &str, note: &str| {
        let yaml = format!(
            "mqtt:\n  server: tcp://h:1883\n{mqtt}metrics:\n  - prom_name: ok\n    mqtt_name: ok\n    type: gauge\n{metric}"
        );
        let converted = mqtt2prometheus(&yaml).unwrap();
        let told = converted.notes.iter().any(|known| known.contains(note));
        assert!(told, "{note}: {:#?}\n{}", converted.notes, converted.toml);
        converted
    };
    let refused = "`hangup check` will refuse this: ";
    for (mqtt, from) in [
        ("  topic_path: a/#/b\n", "(from `mqtt.topic_path`): has a `#` that is not alone"),
        ("  device_id_regex: \"(\"\n", "(from `mqtt.device_id_regex`): is not a regular expression"),
        ("  client_id: \"a\\u0001b\"\n", "(from `mqtt.client_id`)"),
    ] {
        let converted = note(mqtt, "", from);
        let wrong = converted.notes.iter().filter(|note| note.starts_with(refused)).count();
        assert_eq!(wrong, 1, "{:#?}", converted.notes);
        assert!(loads(&converted, false).is_err(), "{}", converted.toml);
    }
    for (mqtt, metric, told) in [
        ("  pasword: x\n", "", "`mqtt.pasword` is not a field of mqtt2prometheus"),
        ("  qos: 7\n", "", "`mqtt.qos` is none of 0, 1 and 2"),
        ("", "    mqtt_value_scale: .inf\n", "`mqtt_value_scale` is not a finite number"),
        ("", "    const_labels: {a-b: x}\n", "the label `a-b` is called `a_b` here: a label name begins"),
        (
            "",
            "    error_value: 3\n    string_value_mapping: {map: {\"*\": 1, \"on\": 2}}\n",
            "the word `*` of its `string_value_mapping` is left out",
        ),
    ] {
        let converted = note(mqtt, metric, told);
        assert_eq!(loads(&converted, false), Ok(()), "{}", converted.toml);
    }
    let histogram = mqtt2prometheus("metrics: [{prom_name: a, mqtt_name: a, type: histogram}]").unwrap();
    assert!(histogram.notes.iter().any(|note| note.contains("neither `gauge` nor `counter`")));
    let files = mqtt2prometheus(
        "mqtt: {server: \"ssl://h:8883\", password: x, ca_cert: /nowhere/ca.pem}\nmetrics: [{prom_name: a, mqtt_name: a}]",
    );
    assert!(!files.unwrap().notes.iter().any(|note| note.starts_with(refused)));
}

#[test]
fn what_is_no_configuration_is_told() {
    for (yaml, why) in [
        ("", "there are no `metrics`"),
        ("metrics: []", "none of its metrics"),
        ("a: [", "this is not YAML"),
        ("- 1", "there are no `metrics`"),
        ("metrics: [{prom_name: x}]", "none of its metrics"),
    ] {
        let told = mqtt2prometheus(yaml).unwrap_err();
        assert!(told.contains(why), "{yaml}: {told}");
    }
}

#[test]
fn the_file_of_debian_is_converted() {
    let Ok(yaml) = fs::read_to_string(Path::new("/etc/prometheus/mqtt-exporter.yaml")) else {
        eprintln!("SKIPPED: prometheus-mqtt-exporter is not installed");
        return;
    };
    let converted = mqtt2prometheus(&yaml).unwrap();
    assert_eq!(loads(&converted, true), Ok(()), "{}", converted.toml);
}

#[test]
fn every_example_of_the_migration_page_is_read() {
    let page = fs::read_to_string("deploy/migration.md").unwrap();
    let blocks: Vec<_> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    for block in blocks {
        let converted = Converted { toml: block.to_owned(), notes: Vec::new() };
        assert_eq!(loads(&converted, false), Ok(()), "{block}");
    }
    let yaml = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let message = [("home/attic/sensor", r#"{"temperature":21.5}"#)];
    let converted = mqtt2prometheus(yaml).unwrap();
    assert_eq!(loads(&converted, false), Ok(()), "{}", converted.toml);
    assert_eq!(ours(&converted, &message), BTreeMap::from([("temperature sensor=\"attic".to_owned(), 21.5)]));
}
