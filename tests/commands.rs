//! Commands from end to end: the real binary, a cloud in the test, heaters that obey, and what goes wrong between.
//!
//! Never believes the answer alone: what a heater did is read from its next status.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers outside of test functions fail a test by panicking; counts are exact"
)]

#[path = "support/mod.rs"]
mod support;

use std::process::Output;
use std::time::Duration;

use hangup::simulator::{Fault, Settings};
use serde_json::{Value, json};
use support::exporter::{Exporter, command};
use support::page::Page;
use support::scene::{FAST, Scene};
use support::{PATIENCE, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const TOKEN: &str = "the-token-of-the-test-4711";
const CELLAR: (&str, &str) = ("device", "cellar");
const HOME: (&str, &str) = ("connection", "home");

/// The cloud, and the exporter with heaters `cellar` and `guest` whose features are known.
struct Place {
    scene: Scene,
    exporter: Exporter,
}

/// An answer over HTTP.
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Place {
    async fn new(commands: &str) -> Self {
        let round_trip = Duration::from_millis(5)..=Duration::from_millis(20);
        Self::with(commands, Settings { round_trip, ..Settings::default() }).await
    }

    async fn with(commands: &str, settings: Settings) -> Self {
        let scene = Scene::with(settings).await;
        scene.write("command-token", &format!("{TOKEN}\n"));
        let devices =
            "[connection.source.navien.devices]\n020000aabb01 = \"cellar\"\n020000aabb02 = \"guest\"\n";
        let connection = scene.connection("home", FAST, devices);
        let exporter =
            scene.run(&format!("[commands]\ntoken_file = \"command-token\"\n{commands}\n{connection}")).await;
        exporter
            .until("online, and features of both heaters", |page| {
                page.online("home")
                    && page.samples("navien_device_info", &[]).len() == 2
                    && page.heaters() == 2
            })
            .await;
        Self { scene, exporter }
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        ask(self.exporter.address, method, path, headers, body).await
    }

    async fn post(&self, query: &str, body: &Value) -> Answer {
        let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
        let path = format!("/api/v1/devices/cellar/commands{query}");
        self.ask("POST", &path, &headers, &body.to_string()).await
    }

    async fn fate(&self, answer: &Answer) -> Value {
        let path = format!("/api/v1/commands/{}", answer.body["id"].as_str().unwrap());
        self.ask("GET", &path, &format!("Authorization: Bearer {TOKEN}\r\n"), "").await.body
    }

    async fn final_fate(&self, answer: &Answer) -> Value {
        eventually("a final fate", async || {
            Some(self.fate(answer).await).filter(|told| told["final"] == true)
        })
        .await
    }

    async fn down(&self, time: Duration) {
        self.scene.inject(Fault::Down(time));
        self.exporter.until("the outage is noticed", |page| !page.online("home")).await;
    }

    async fn back(&self) -> Page {
        self.exporter.until("back, with readings", |page| page.online("home") && page.heaters() == 2).await
    }

    async fn setpoint_is(&self, celsius: f64) {
        let is = |page: &Page| page.sum("navien_setpoint_celsius", &[CELLAR]) == celsius;
        self.exporter.until(&format!("a setpoint of {celsius}"), is).await;
    }

    /// Waits until the heater was asked for its status once more since `page`.
    async fn asked_again(&self, page: &Page) -> Page {
        let name = "mqtt_device_request_duration_seconds_count";
        let before = page.sum(name, &[CELLAR]);
        self.exporter.until("another status", |page| page.sum(name, &[CELLAR]) > before).await
    }

    /// How many commands came to this.
    async fn count(&self, name: &str, fate: &str) -> f64 {
        let page = self.exporter.page().await;
        page.sum("mqtt_device_commands_total", &[CELLAR, ("command", name), ("fate", fate)])
    }

    async fn end(self) {
        let log = self.exporter.process.stderr();
        assert!(!log.contains(TOKEN), "the log tells the token");
        self.scene.end(self.exporter).await;
    }
}

async fn ask(address: std::net::SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let asked = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: hangup\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // A body that is not wanted may be answered by an early end.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    assert!(!answer.contains(TOKEN), "an answer tells the token: {answer}");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
    Answer { status, head: head.to_ascii_lowercase(), body }
}

fn set(celsius: f64) -> Value {
    json!({"command": "set_temperature", "celsius": celsius})
}

#[tokio::test]
async fn every_command_is_obeyed_and_acknowledged() {
    let place = Place::new("").await;
    let commands = [
        json!({"command": "read_status"}),
        json!({"command": "read_features"}),
        set(52.5),
        json!({"command": "set_temperature", "fahrenheit": 131}),
        json!({"command": "power_off"}),
        json!({"command": "power_on"}),
        json!({"command": "vacation", "days": 3}),
        json!({"command": "set_vacation_days", "days": 9}),
        json!({"command": "set_mode", "mode": "electric"}),
        json!({"command": "anti_legionella_on", "days": 11}),
        json!({"command": "time_of_use_on"}),
        json!({"command": "time_of_use_off"}),
        json!({"command": "demand_response_on"}),
        json!({"command": "demand_response_off"}),
        json!({"command": "reset_air_filter"}),
        json!({"command": "set_air_filter_life", "hours": 2500}),
    ];
    let mut answers = Vec::new();
    for command in &commands {
        let answer = place.post("", command).await;
        assert_eq!(answer.status, if answer.body["final"] == true { 200 } else { 202 }, "{}", answer.body);
        let id = answer.body["id"].as_str().unwrap();
        assert!(answer.head.contains(&format!("location: /api/v1/commands/{id}")), "{}", answer.head);
        answers.push(answer);
    }
    for answer in &answers {
        let told = place.final_fate(answer).await;
        assert_eq!((&told["fate"], &told["device"]), (&json!("acknowledged"), &json!("cellar")), "{told}");
    }
    for command in &commands {
        let name = command["command"].as_str().unwrap();
        let expected = answers.iter().filter(|answer| answer.body["command"] == name).count();
        assert_eq!(
            place.count(name, "acknowledged").await,
            f64::from(u8::try_from(expected).unwrap()),
            "{name}"
        );
    }
    place.setpoint_is(55.0).await;
    let page = place.exporter.page().await;
    let one = |name: &str, label: (&str, &str)| page.value(name, &[CELLAR, label]);
    assert_eq!(one("navien_operation_setting", ("setting", "electric")), 1.0);
    assert_eq!(page.sum("mqtt_device_commands_total", &[("device", "guest")]), 0.0);
    place.exporter.logged(&["a command: the device has it", "power_off", "cellar", "acknowledged"]).await;
    place.end().await;
}

#[tokio::test]
async fn without_a_token_file_commands_are_off_and_the_answer_says_how_to_switch_them_on() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    for (method, path) in [("POST", "/api/v1/devices/cellar/commands"), ("GET", "/api/v1/commands/1")] {
        let answer = ask(exporter.address, method, path, &headers, &set(55.0).to_string()).await;
        assert_eq!((answer.status, &answer.body["error"]), (403, &json!("off")));
        let said = answer.body["message"].as_str().unwrap();
        assert!(said.contains("`token_file` in `[commands]`"), "{said}");
    }
    let page = exporter.page().await;
    assert_eq!(page.value("mqtt_client_queue_capacity_messages", &[HOME]), 0.0);
    scene.end(exporter).await;
}

#[tokio::test]
async fn only_who_shows_the_token_commands() {
    let place = Place::new("").await;
    let path = "/api/v1/devices/cellar/commands";
    let json = "Content-Type: application/json\r\n";
    for shown in [
        "",
        "Authorization: Bearer wrong-token-wrong-token\r\n",
        "Authorization: Basic dXNlcjpwYXNz\r\n",
        &format!("Authorization: Bearer {TOKEN}x\r\n"),
        &format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n"),
        &format!("Cookie: token={TOKEN}\r\n"),
    ] {
        let answer = place.ask("POST", path, &format!("{shown}{json}"), &set(55.0).to_string()).await;
        assert_eq!((answer.status, &answer.body["error"]), (401, &json!("wrong_token")), "{shown}");
        assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
    let right = format!("Authorization: Bearer {TOKEN}\r\n");
    let fate = place.ask("GET", "/api/v1/commands/unknown", "", "").await;
    assert_eq!(fate.status, 401);
    assert_eq!(place.ask("GET", "/api/v1/commands/unknown", &right, "").await.status, 404);
    assert_eq!(place.ask("GET", path, &right, "").await.status, 405);
    // Who guesses on is slowed down, and who knows the token is not.
    let mut guesses = Vec::new();
    for _ in 0..25 {
        guesses.push(place.ask("POST", path, json, "").await.status);
    }
    assert!(guesses.contains(&429), "{guesses:?}");
    let refused = place.exporter.process.stderr().matches("a command with a wrong token").count();
    assert_eq!(refused, 1, "said once a minute");
    assert_eq!(place.post("?wait=10s", &set(55.0)).await.body["fate"], "acknowledged");
    // The token file is read anew at each request.
    place.scene.write("command-token", "short");
    let answer = place.post("", &set(56.0)).await;
    assert_eq!((answer.status, &answer.body["error"]), (503, &json!("no_token")));
    place.scene.write("command-token", "another-token-for-the-test");
    let refused = place.post("", &set(56.0)).await.status;
    assert!([401, 429].contains(&refused), "the old token counts as a guess: {refused}");
    place.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_answered_with_what_is_right_and_reaches_no_heater() {
    let place = Place::new("").await;
    for (body, status, said) in [
        (set(70.0), 400, "40.5 to 65.5 °C (105 to 150 °F), not 70 °C"),
        (set(55.3), 400, "write 55 or 55.5"),
        (json!({"command": "set_temperature"}), 400, "\"celsius\":55"),
        (json!({"command": "set_mode", "mode": "turbo"}), 400, "`heat_pump`, `electric`"),
        (json!({"command": "recirculation_hot_button"}), 409, "recirculationUse"),
        (json!({"command": "melt"}), 400, "there are: read_status"),
        (json!({"command": "vacation", "days": 0}), 400, "1 to 30"),
    ] {
        let answer = place.post("?wait=1s", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(answer.body["message"].as_str().unwrap().contains(said), "{body}: {}", answer.body);
    }
    let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    let path = "/api/v1/devices/cellar/commands";
    let deep = format!("{{\"command\":{}", "[".repeat(3000));
    for (body, status) in [
        (deep.as_str(), 400),
        ("{\"command\": NaN}", 400),
        ("{\"command\": \"set_temperature\", \"celsius\": 1e999}", 400),
        ("{\"command\": \"power_on\", \"command\": \"power_off\"}", 400),
        ("{\"command\": \"power_on\", \"id\": 7}", 400),
        ("[]", 400),
        ("", 400),
        (&"x".repeat(5000), 413),
    ] {
        let answer = place.ask("POST", path, &headers, body).await;
        assert_eq!(answer.status, status, "{body:.60}: {}", answer.body);
    }
    let form = headers.replace("application/json", "application/x-www-form-urlencoded");
    assert_eq!(place.ask("POST", path, &form, "command=power_off").await.status, 415);
    for (query, status) in
        [("?wait=1h", 400), ("?wait=soon", 400), ("?now=1", 400), ("?connection=boat", 404)]
    {
        assert_eq!(place.post(query, &set(55.0)).await.status, status, "{query}");
    }
    let nobody = place.ask("POST", "/api/v1/devices/attic/commands", &headers, &set(55.0).to_string()).await;
    assert_eq!(nobody.status, 404);
    assert!(nobody.body["message"].as_str().unwrap().contains("cellar, guest"), "{}", nobody.body);
    let page = place.exporter.page().await;
    assert_eq!(page.sum("mqtt_device_commands_total", &[("fate", "acknowledged")]), 0.0);
    assert_eq!(page.value("navien_setpoint_celsius", &[CELLAR]), 60.5);
    place.end().await;
}

#[tokio::test]
async fn the_same_id_is_done_once() {
    let place = Place::new("").await;
    let first = place.post("?wait=10s", &json!({"command": "power_off", "id": "evening:1"})).await;
    assert_eq!((first.status, &first.body["fate"]), (200, &json!("acknowledged")));
    let second = place.post("?wait=10s", &json!({"command": "power_off", "id": "evening:1"})).await;
    assert_eq!((second.status, &second.body), (200, &first.body));
    let other = place.post("", &json!({"command": "power_on", "id": "evening:1"})).await;
    assert_eq!((other.status, &other.body["error"]), (409, &json!("id_taken")));
    assert_eq!(place.count("power_off", "acknowledged").await, 1.0);
    place.end().await;
}

#[tokio::test]
async fn during_an_outage_a_question_waits_and_a_change_does_not() {
    let place = Place::new("").await;
    place.down(Duration::from_secs(5)).await;
    let question = place.post("", &json!({"command": "read_status"})).await;
    assert_eq!((question.status, &question.body["fate"]), (202, &json!("queued")), "{}", question.body);
    let change = place.post("?wait=5s", &set(55.0)).await;
    assert_eq!((change.status, &change.body["reason"]), (503, &json!("not_connected")), "{}", change.body);
    assert!(change.head.contains("retry-after: "), "{}", change.head);
    assert_eq!(place.exporter.page().await.value("mqtt_client_queued_messages", &[HOME]), 1.0);
    assert_eq!(place.final_fate(&question).await["fate"], "acknowledged");
    let page = place.back().await;
    assert_eq!(place.asked_again(&page).await.value("navien_setpoint_celsius", &[CELLAR]), 60.5);
    assert_eq!(place.count("set_temperature", "refused").await, 1.0);
    place.end().await;
}

#[tokio::test]
async fn a_change_that_may_wait_is_obeyed_once_when_the_connection_is_back() {
    let place = Place::new("queue_changes = true").await;
    place.down(Duration::from_secs(3)).await;
    let answer = place.post("?wait=30s", &set(57.0)).await;
    assert_eq!((answer.status, &answer.body["fate"]), (200, &json!("acknowledged")), "{}", answer.body);
    place.setpoint_is(57.0).await;
    assert_eq!(place.count("set_temperature", "acknowledged").await, 1.0);
    place.end().await;
}

#[tokio::test]
async fn a_command_is_never_sent_after_its_age_limit() {
    let place = Place::new("queue_changes = true\nage_limit = \"1s\"").await;
    place.down(Duration::from_secs(4)).await;
    let answer = place.post("", &set(57.0)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(place.final_fate(&answer).await["fate"], "expired");
    let page = place.back().await;
    let page = place.asked_again(&page).await;
    assert_eq!(page.value("navien_setpoint_celsius", &[CELLAR]), 60.5);
    assert_eq!(page.value("mqtt_client_dropped_messages_total", &[HOME, ("reason", "expired")]), 1.0);
    place.end().await;
}

#[tokio::test]
async fn a_command_on_which_the_broker_closes_is_unconfirmed_and_not_repeated() {
    let place = Place::new("queue_changes = true").await;
    // A question of the exporter's own may meet the fault first; then the change waits and is obeyed: try again.
    let mut before = 60.5;
    for celsius in [50.0, 51.0, 52.0, 53.0] {
        place.back().await;
        place.scene.inject(Fault::PolicyClose(1));
        let answer = place.post("?wait=30s", &set(celsius)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        if answer.body["fate"] == "unconfirmed" {
            assert_eq!(answer.body["broker_has_it"], false);
            let page = place.back().await;
            assert_eq!(place.asked_again(&page).await.value("navien_setpoint_celsius", &[CELLAR]), before);
            return place.end().await;
        }
        assert_eq!(answer.body["fate"], "acknowledged", "{}", answer.body);
        before = celsius;
    }
    panic!("the fault never met the command");
}

#[tokio::test]
async fn a_question_on_which_the_broker_closes_is_put_once_more() {
    let place = Place::new("").await;
    place.scene.inject(Fault::PolicyClose(1));
    let answer = place.post("?wait=30s", &json!({"command": "read_status"})).await;
    assert_eq!(answer.body["fate"], "acknowledged", "{}", answer.body);
    assert!(place.exporter.page().await.sessions("home") >= 2.0);
    place.end().await;
}

#[tokio::test]
async fn a_drop_between_the_command_and_its_answer_leaves_it_unconfirmed() {
    let round_trip = Duration::from_millis(1500)..=Duration::from_millis(1500);
    let place = Place::with("queue_changes = true", Settings { round_trip, ..Settings::default() }).await;
    let answer = place.post("", &set(57.0)).await;
    assert_eq!(answer.body["fate"], "sent", "{}", answer.body);
    place.scene.inject(Fault::Reset);
    let told = place.final_fate(&answer).await;
    assert_eq!(told["fate"], "unconfirmed", "{told}");
    let page = place.back().await;
    let setpoint = place.asked_again(&page).await.value("navien_setpoint_celsius", &[CELLAR]);
    // The broker may have had it when the connection was reset, or not: that is what unconfirmed means.
    assert!([57.0, 60.5].contains(&setpoint), "{setpoint}");
    let page = place.exporter.page().await;
    assert_eq!(page.sum("mqtt_device_commands_total", &[CELLAR]), 1.0);
    place.end().await;
}

#[tokio::test]
async fn a_heater_that_does_not_answer_leaves_it_unconfirmed_with_the_broker() {
    let place = Place::new("").await;
    place.scene.inject(Fault::HeaterOffline(0, Duration::from_secs(600)));
    let answer = place.post("?wait=30s", &set(57.0)).await;
    assert_eq!(answer.body["fate"], "unconfirmed", "{}", answer.body);
    assert_eq!(answer.body["broker_has_it"], true);
    assert!(answer.body["message"].as_str().unwrap().contains("may have been obeyed"), "{}", answer.body);
    place.end().await;
}

#[tokio::test]
async fn a_refusal_of_the_device_is_told_with_its_code() {
    let command_pause = Duration::from_secs(60);
    let place = Place::with("", Settings { command_pause, ..Settings::default() }).await;
    assert_eq!(place.post("?wait=30s", &set(57.0)).await.body["fate"], "acknowledged");
    let answer = place.post("?wait=30s", &set(58.0)).await;
    assert_eq!((answer.status, &answer.body["fate"]), (200, &json!("failed")), "{}", answer.body);
    assert_eq!(answer.body["fail_code"], 2);
    assert!(answer.body["message"].as_str().unwrap().contains("too soon"), "{}", answer.body);
    place.end().await;
}

#[tokio::test]
async fn a_flood_during_an_outage_loses_the_oldest_and_counts_each() {
    let place = Place::new("").await;
    place.down(Duration::from_secs(20)).await;
    let mut answers = Vec::new();
    for _ in 0..250 {
        answers.push(place.post("", &json!({"command": "read_status"})).await);
    }
    let page = place.exporter.page().await;
    assert!(!page.online("home"), "the outage outlasts the flood");
    assert_eq!(page.value("mqtt_client_queued_messages", &[HOME]), 200.0);
    assert_eq!(page.value("mqtt_client_queue_capacity_messages", &[HOME]), 200.0);
    assert_eq!(page.value("mqtt_client_dropped_messages_total", &[HOME, ("reason", "queue_full")]), 50.0);
    let oldest = place.fate(&answers[0]).await;
    assert_eq!((&oldest["fate"], &oldest["reason"]), (&json!("refused"), &json!("queue_full")));
    for answer in &answers[50..] {
        assert_eq!(place.final_fate(answer).await["fate"], "acknowledged");
    }
    assert_eq!(place.count("read_status", "acknowledged").await, 200.0);
    assert_eq!(place.count("read_status", "refused").await, 50.0);
    place.end().await;
}

#[tokio::test]
async fn a_stop_gives_every_command_its_fate() {
    let place = Place::new("").await;
    place.down(Duration::from_secs(60)).await;
    let waits = async { place.post("?wait=30s", &json!({"command": "read_status"})).await };
    let stops = async {
        let queued = |page: &Page| page.value("mqtt_client_queued_messages", &[HOME]) == 1.0;
        place.exporter.until("it waits", queued).await;
        place.exporter.process.signal("TERM");
    };
    let (answer, ()) = tokio::join!(waits, stops);
    assert_eq!((answer.status, &answer.body["reason"]), (503, &json!("stopping")), "{}", answer.body);
    let Place { scene, exporter } = place;
    let address = exporter.address;
    let (status, _, log) = exporter.process.end().await;
    assert!(status.success() && !log.contains(TOKEN), "{log}");
    assert!(TcpStream::connect(address).await.is_err());
    scene.cloud.stop().await;
}

#[tokio::test]
async fn the_command_line_commands_and_its_exit_code_tells() {
    let place = Place::new("").await;
    let url = format!("http://{}", place.exporter.address);
    let token = place.scene.directory.path().join("command-token");
    let wrong = place.scene.write("wrong-token", "a-token-of-somebody-else");
    let run = async |arguments: &[&str], token: &std::path::Path| {
        let mut process = command(&[&["command"], arguments].concat());
        process.args(["--url", &url, "--token-file", token.to_str().unwrap()]);
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
        let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        assert!(!text.contains(TOKEN), "{text}");
        (status.code(), text)
    };
    let (code, text) = run(&["cellar", "set-temperature", "54.5C"], &token).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("cellar: set-temperature: acknowledged: the device has it (id "), "{text}");
    place.setpoint_is(54.5).await;
    for (arguments, expected, said) in [
        (&["cellar", "set-temperature", "54"] as &[&str], 2, "set-temperature 55C (or 131F)"),
        (&["cellar", "explode"], 2, "there are: read_status"),
        (&["cellar", "set-temperature", "90C"], 1, "40.5 to 65.5 °C"),
        (&["attic", "power-on"], 1, "there are: cellar, guest"),
        (&["cellar", "recirculation-hot-button"], 1, "recirculationUse"),
    ] {
        let (code, text) = run(arguments, &token).await;
        assert_eq!(code, Some(expected), "{text}");
        assert!(text.contains(said), "{text}");
    }
    let (code, text) = run(&["cellar", "power-on"], &wrong).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("`--token-file` must name the same file"), "{text}");
    let (code, text) = run(&["--list"], &token).await;
    assert_eq!(code, Some(0));
    assert!(text.contains("set-mode heat-pump|electric|energy-saver|high-demand"), "{text}");
    place.end().await;
}

#[tokio::test]
async fn where_pages_ask_for_a_password_commands_ask_for_the_token() {
    let scene = Scene::new().await;
    scene.write("command-token", TOKEN);
    let hash = bcrypt::hash("password-of-the-page", 4).unwrap();
    scene.write("web.yml", &format!("basic_auth_users:\n  me: {hash}\n"));
    let devices = "[connection.source.navien.devices]\n020000aabb01 = \"cellar\"\n";
    let connection = scene.connection("home", FAST, devices);
    let own = "[http]\nweb_config_file = \"web.yml\"\n[commands]\ntoken_file = \"command-token\"\n";
    let exporter = scene.run(&format!("{own}{connection}")).await;
    let path = "/api/v1/devices/cellar/commands?wait=5s";
    let token = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    let body = json!({"command": "read_status"}).to_string();
    eventually("a command without a password", async || {
        let answer = ask(exporter.address, "POST", path, &token, &body).await;
        (answer.body["fate"] == "acknowledged").then_some(())
    })
    .await;
    for (method, path, scheme) in
        [("GET", "/metrics", "basic"), ("POST", path, "bearer"), ("GET", "/api/v1/commands/1", "bearer")]
    {
        let answer = ask(exporter.address, method, path, "", "").await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.head.contains(&format!("www-authenticate: {scheme}")), "{}", answer.head);
    }
    assert_eq!(
        ask(exporter.address, "GET", "/metrics", &token, "").await.status,
        401,
        "a token opens no page"
    );
    exporter.process.signal("TERM");
    assert!(exporter.process.end().await.0.success());
    scene.cloud.stop().await;
}

#[tokio::test]
async fn the_demo_says_how_to_command_and_obeys() {
    let demo = Exporter::start(&["demo"]).await;
    demo.until("readings of two heaters", |page| page.heaters() == 2).await;
    let line = eventually("it says how", async || {
        let text = demo.process.stdout();
        text.lines().map(str::trim).find(|line| line.starts_with("hangup command cellar ")).map(str::to_owned)
    })
    .await;
    // The demo misbehaves on purpose: a command may meet a drop.
    eventually("the heater obeys", async || {
        let mut process = command(&line.split(' ').skip(1).collect::<Vec<_>>());
        let done = tokio::task::spawn_blocking(move || process.status().unwrap()).await.unwrap();
        done.success().then_some(())
    })
    .await;
    demo.until("the setpoint of the command", |page| page.sum("navien_setpoint_celsius", &[CELLAR]) == 55.0)
        .await;
    demo.process.signal("INT");
    assert!(demo.process.end().await.0.success());
}
