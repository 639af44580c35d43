//! The real binary on good and bad configurations: what it prints, what it never prints, how it exits.
//!
//! Reaches no network: `check` connects to nothing, and `run` stops at a configuration that is not valid.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// What must be in no output whatever is wrong with the file that holds it.
const SECRET: &str = "hunter2-Zk9";

const GOOD: &str = r#"
[[connection]]
name = "home"
[connection.source.navien]
email = "owner@example.com"
password = { file = "password" }
"#;

/// What one run of the binary did.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn hangup(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hangup"));
    command.args(arguments).envs(variables.iter().copied());
    for name in ["NAVIEN_EMAIL", "NAVIEN_PASSWORD", "NAVIEN_PASSWORD_FILE", "HANGUP_CONFIG", "HANGUP_LISTEN"]
    {
        if !variables.iter().any(|(set, _)| *set == name) {
            command.env_remove(name);
        }
    }
    let run = Run::from(command.output().unwrap());
    assert!(
        !run.stdout.contains(SECRET) && !run.stderr.contains(SECRET),
        "a secret: {}{}",
        run.stdout,
        run.stderr
    );
    run
}

/// A directory with a configuration and a password file beside it.
fn directory(config: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("hangup.toml"), config).unwrap();
    private(&directory.path().join("password"), SECRET);
    directory
}

fn private(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// `hangup check` on this file; its path is `F` in what comes back.
fn check(config: &str) -> Run {
    check_in(&directory(config))
}

fn check_in(directory: &TempDir) -> Run {
    let path = directory.path().join("hangup.toml");
    let path = path.to_str().unwrap();
    let mut run = hangup(&["check", "--config", path], &[]);
    run.stdout = run.stdout.replace(path, "F");
    run.stderr = run.stderr.replace(path, "F");
    run
}

/// Asserts that `config` has exactly these problems.
fn refused(config: &str, problems: &[&str]) {
    let run = check(config);
    let lines: Vec<_> = run.stderr.lines().collect();
    let count = format!("hangup: {} problem{}", problems.len(), if problems.len() == 1 { "" } else { "s" });
    assert_eq!(lines, [problems, &[count.as_str()]].concat(), "for {config}");
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
}

#[test]
fn a_good_file_is_told_as_what_it_would_run() {
    let run = check(GOOD);
    assert_eq!(run.stderr, "");
    assert_eq!(
        run.stdout,
        "F: no problem found. `hangup run` would start\n  \
         page        http://0.0.0.0:9883/metrics\n  \
         readings    at most 100000 series\n  \
         log         text, info\n  \
         state       nothing is kept over a restart\n  \
         diagnostics no file\n  \
         probes      off\n  \
         commands    off\n  limits      at most 100 connects a second\n  \
         connection  home: navien, status every 1m, features every 30m, energy every 30m, 0 devices named; \
         reconnects two_tier; readings gone 2m after it\n"
    );
    assert_eq!(run.code, Some(0));
}

#[test]
fn readings_outlive_their_connection_as_its_source_the_file_and_the_connection_say() {
    let broker = |name: &str, own: &str| {
        format!(
            "[[connection]]\nname = \"{name}\"\n{own}[connection.source.broker]\nurl = \"mqtt://broker.lan\"\n\
             [[connection.subscribe]]\nfilter = \"a/#\"\n"
        )
    };
    let grace = |config: &str| -> Vec<String> {
        let run = check(config);
        let lines = run.stdout.lines().filter_map(|line| line.split_once("readings gone "));
        lines.map(|(_, grace)| grace.to_owned()).collect()
    };
    let own = "outage_grace = \"5s\"\n";
    let two = broker("a", "") + &broker("b", own);
    assert_eq!(grace(&two), ["3s after it", "5s after it"]);
    assert_eq!(grace(&format!("[readings]\noutage_grace = \"1m\"\n{two}")), ["1m after it", "5s after it"]);
}

#[test]
fn what_is_kept_told_and_done_beside_the_connections_is_told_too() {
    let more = "[state]\ndirectory = \"kept\"\njournal_limit = \"2MiB\"\n[diagnostics]\nfile = \"d.json\"\n\
        [diagnosis]\nprobes = true\n[commands]\ntoken_file = \"password\"\nage_limit = \"1m\"\n";
    let run = check(&format!("{GOOD}{more}"));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for line in [
        "/kept, at most 2 MiB",
        "/d.json every 5m",
        "probes      once a day at most",
        "commands    with a token, never older than 1m",
    ] {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
}

#[test]
fn wrong_values_beside_the_connections_are_told_with_right_ones() {
    let more = "[state]\njournal_limit = 5\n[diagnostics]\nnames = \"daily\"\nkeep = 0\n\
        [diagnosis]\nlimits = \"4h\"\n[commands]\ntoken_file = \"nowhere\"\nage_limit = \"2h\"\n";
    let run = check(&format!("{GOOD}{more}"));
    assert_eq!(run.code, Some(1));
    for sentence in [
        "state.journal_limit: `5` is not a size from 1MiB to 1024MiB (write for example `16MiB`)",
        "diagnostics.names: `daily` is not one of `\"fixed\"`, `\"timestamped\"`",
        "diagnostics.keep: `0` is not a whole number from 1 to 100000",
        "diagnosis.limits: must be a list, not a string (write for example `[\"4h\"]`)",
        "commands.token_file: ",
        "commands.age_limit: `2h` is too long: allowed is 1s to 1h (write for example `1h`)",
        "6 problems",
    ] {
        assert!(run.stderr.contains(sentence), "{sentence}: {}", run.stderr);
    }
}

#[test]
fn an_account_in_the_environment_is_enough() {
    let run = hangup(&["check"], &[("NAVIEN_EMAIL", "owner@example.com"), ("NAVIEN_PASSWORD", SECRET)]);
    assert!(run.stdout.starts_with("environment: no problem found"), "{}", run.stdout);
    assert!(!run.stdout.contains("owner@"), "an e-mail is personal");
    assert_eq!(run.code, Some(0));
}

#[test]
fn a_password_file_named_in_the_environment_is_enough() {
    let directory = directory(GOOD);
    let file = directory.path().join("password");
    let variables = [("NAVIEN_EMAIL", "owner@example.com"), ("NAVIEN_PASSWORD_FILE", file.to_str().unwrap())];
    let run = hangup(&["check"], &variables);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&file, everybody).unwrap();
    let run = hangup(&["check"], &variables);
    let warning = "warning: environment: NAVIEN_PASSWORD_FILE: the file named here can be read by every user";
    assert!(run.code == Some(0) && run.stderr.starts_with(warning), "{}", run.stderr);
    fs::remove_file(&file).unwrap();
    let run = hangup(&["check"], &variables);
    assert!(run.stderr.starts_with("environment: NAVIEN_PASSWORD_FILE: the file named here does not exist"));
    assert_eq!(run.code, Some(1));
}

#[test]
fn nothing_configured_says_what_to_do() {
    let run = hangup(&["run"], &[]);
    assert!(
        run.stderr
            .starts_with("environment: nothing is configured. Either set NAVIEN_EMAIL and NAVIEN_PASSWORD")
    );
    assert_eq!(run.code, Some(2));
}

#[test]
fn every_problem_is_told_at_once_with_line_place_and_a_right_value() {
    refused(
        r#"
[http]
listen = ["localhost:9883"]
lisen = 1
[readings]
series_limit = 0
outage_grace = 90
[log]
level = "loud"
[reconnect]
factor = 0.5
jitter = 1.5
keep_alive = "4s"
deep_after = 0
client_id = "one-for-all"
[[connection]]
name = "my home"
source = { navien = { email = "owner@example.com", password = { file = "password" }, status_interval = "5s" } }
[[connection]]
name = "x"
"#,
        &[
            "F:3: http.listen: `localhost:9883` is not an IP address with a port (write \
             `127.0.0.1:9883`; IPv6 as `[::1]:9883`)",
            "F:4: http.lisen: is not a field (did you mean `listen`?)",
            "F:6: readings.series_limit: `0` is not a whole number from 1 to 10000000",
            "F:7: readings.outage_grace: `90` is not a duration (write for example `30s`)",
            "F:9: log.level: `loud` is not one of `\"error\"`, `\"warn\"`, `\"info\"`, `\"debug\"`, `\"trace\"`",
            "F:11: reconnect.factor: `0.5` is not a number from 1.0 to 10.0",
            "F:12: reconnect.jitter: `1.5` is not `\"full\"`, `\"none\"` or a share from 0.0 to 1.0",
            "F:13: reconnect.keep_alive: `4s` is too short: allowed is 5s to 18h (write for example `5s`)",
            "F:14: reconnect.deep_after: `0` is neither a whole number of 1 or more nor `\"never\"`",
            "F:15: reconnect.client_id: belongs to one connection: two with one client id evict each other (write it \
             in `[connection.reconnect]`)",
            "F:17: connection 1, name: `my home` is not a name: up to 64 of a-z, A-Z, 0-9, `_`, `-`, `.` (write for \
             example `home`)",
            "F:18: connection 1, source.navien.status_interval: `5s` is too short: allowed is 15s to 1day (write for \
             example `15s`)",
            "F:19: connection \"x\", source: is missing: write `[connection.source.navien]`, \
             `[connection.source.broker]` or `[connection.source.aws_iot]`",
        ],
    );
}

#[test]
fn names_client_ids_and_addresses_are_there_once() {
    let config = format!(
        "[http]\nlisten = [\"127.0.0.1:9883\", \"0.0.0.0:9883\"]\n{GOOD}[connection.reconnect]\nclient_id = \"c\"\n\
         {GOOD}[connection.reconnect]\nclient_id = \"c\"\n"
    );
    refused(
        &config,
        &[
            "F:2: http.listen: `0.0.0.0:9883` and `127.0.0.1:9883` overlap: keep the one you mean",
            "F:13: connection \"home\", name: `home` is there twice: the label `connection` tells them apart",
            "F:17: connection \"home\", reconnect: its `client_id` is used by another connection: they would evict \
             each other",
        ],
    );
}

#[test]
fn a_file_without_a_connection_says_how_to_add_one() {
    refused("", &["F: connection: there is none: add a `[[connection]]` (deploy/example.toml shows one)"]);
    refused(
        "[connection]\nname = \"home\"\n",
        &["F:1: connection: begins with double brackets: write `[[connection]]`"],
    );
}

#[test]
fn devices_have_one_mac_and_one_alias_each_and_no_mac_is_repeated() {
    let run = check(&format!(
        "{GOOD}[connection.source.navien.devices]\n\"02:00:00:AA:BB:01\" = \"a\"\n020000aabb01 = \"b\"\n\
         020000aabb02 = \"a\"\n020000aabb03 = \" \"\n02000 = \"c\"\n"
    ));
    let place = "connection \"home\", source.navien.devices.…:";
    let mut lines: Vec<_> = run.stderr.lines().map(|line| line.replace(place, "D")).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "F:10: D the alias `a` is there twice",
            "F:11: D is not an alias: 1 to 64 visible characters (write for example `basement`)",
            "F:12: D this key is not a MAC address (write for example `\"020000aabb01\"`, as `hangup devices` shows it)",
            "F:9: D this MAC address is there twice (in two spellings)",
            "hangup: 4 problems",
        ]
    );
    assert!(
        !run.stderr.replace("020000aabb01\"`, as", "").contains("aabb"),
        "a MAC is personal: {}",
        run.stderr
    );
}

#[test]
fn the_cloud_is_told_in_valid_parts() {
    refused(
        &format!(
            "{GOOD}base_url = \"http://cloud.example/api\"\nmqtt_host = \"wss://broker.example:443\"\n\
             mqtt_port = 0\nregion = \"US East\"\nca_file = \"password\"\nproxy = \"socks5://proxy:1080\"\n"
        ),
        &[
            "F:7: connection \"home\", source.navien.base_url: must begin with `https://`: the password is sent there \
             (write for example `https://nlus.naviensmartcontrol.com/api/v2.1`)",
            "F:8: connection \"home\", source.navien.mqtt_host: `wss://broker.example:443` is not a host name: only \
             the name; the port is `mqtt_port`",
            "F:9: connection \"home\", source.navien.mqtt_port: `0` is not a whole number from 1 to 65535",
            "F:10: connection \"home\", source.navien.region: `US East` is not an AWS region (write for example \
             `us-east-1`)",
            "F:11: connection \"home\", source.navien.ca_file: the file named here holds no certificate \
             (`-----BEGIN CERTIFICATE-----`)",
            "F:12: connection \"home\", source.navien.proxy: is not the URL of an HTTP proxy (write for example \
             `http://proxy.example.com:3128`)",
        ],
    );
}

#[test]
fn a_password_in_the_file_is_refused_and_not_repeated() {
    refused(
        &GOOD.replace("{ file = \"password\" }", &format!("\"{SECRET}\"")),
        &[
            "F:6: connection \"home\", source.navien.password: is written out in the file, where backups and other \
           people see it: write `password = { file = \"navien-password\" }` or `password = { env = \
           \"NAVIEN_PASSWORD\" }`",
        ],
    );
}

#[test]
fn a_secret_at_a_wrong_place_is_not_repeated() {
    // `hangup` asserts for each that the secret is in no output.
    for wrong in [
        GOOD.replace("password\" }", &format!("{SECRET}\" }}")),
        GOOD.replace("{ file = \"password\" }", &format!("{{ env = \"{SECRET}\" }}")),
        GOOD.replace("{ file = \"password\" }", &format!("{{ \"{SECRET}\" = \"password\" }}")),
        GOOD.replace("{ file = \"password\" }", &format!("[\"{SECRET}\"]")),
        GOOD.replace("owner@example.com", SECRET),
        format!("{GOOD}\"{SECRET}\" = 1\n"),
        format!("{GOOD}proxy = \"http://me:{SECRET}@proxy:3128\"\n"),
        format!("{GOOD}base_url = \"https://me:{SECRET}@cloud.example\"\n"),
        format!("{GOOD}[connection.reconnect]\nclient_id = \"{SECRET} and a blank\"\n"),
        format!("{GOOD}[connection.source.navien.devices]\n\"{SECRET}\" = \"basement\"\n"),
    ] {
        let run = check(&wrong);
        assert_eq!(run.code, Some(1), "accepted: {wrong}");
        assert!(run.stderr.starts_with("F:"), "{}", run.stderr);
    }
}

#[test]
fn a_syntax_fault_tells_its_line_and_does_not_quote_it() {
    for broken in [
        format!("password = {SECRET}\n"),
        format!("password = \"{SECRET}\n"),
        format!("password = \"x\" {SECRET}\n"),
        format!("password {SECRET}\n"),
        format!("{SECRET}\n"),
        format!("password = {{ file = \"{SECRET}\n"),
        format!("password = '''{SECRET}\n"),
        format!("password = \"\\q{SECRET}\"\n"),
        format!("a = 1\na = \"{SECRET}\"\n"),
    ] {
        let run = check(&broken);
        assert!(
            run.stderr.starts_with("F:") && run.stderr.contains(": this is not TOML: "),
            "{}",
            run.stderr
        );
        assert_eq!(run.code, Some(1));
    }
}

#[test]
fn a_secret_file_must_be_readable_and_hold_something() {
    let directory = directory(GOOD);
    let place = "F:6: connection \"home\", source.navien.password: the file named here";
    private(&directory.path().join("password"), "\n");
    assert!(check_in(&directory).stderr.starts_with(&format!("{place} is empty\n")));
    fs::write(directory.path().join("password"), b"\xff\xfe").unwrap();
    assert!(check_in(&directory).stderr.starts_with(&format!("{place} is not text in UTF-8\n")));
    fs::remove_file(directory.path().join("password")).unwrap();
    assert!(check_in(&directory).stderr.starts_with(&format!("{place} does not exist")));
    fs::create_dir(directory.path().join("password")).unwrap();
    assert!(check_in(&directory).stderr.starts_with(&format!("{place} cannot be read: is a directory\n")));
}

#[test]
fn a_password_file_for_everybody_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = directory(GOOD);
    fs::set_permissions(directory.path().join("password"), fs::Permissions::from_mode(0o644)).unwrap();
    let run = check_in(&directory);
    assert_eq!(
        run.stderr,
        "warning: F:6: connection \"home\", source.navien.password: the file named here can be read by every user of \
         this machine (`chmod 600` it)\n"
    );
    assert_eq!(run.code, Some(0));
}

/// Wherever a secret is in a file.
#[test]
fn other_secret_files_for_everybody_are_warnings_too() {
    use std::os::unix::fs::PermissionsExt as _;
    const CONFIG: &str = r#"
[commands]
token_file = "token"
[[connection]]
name = "lan"
[connection.source.broker]
url = "ws://broker.example"
headers = { x-token = { file = "header" } }
[[connection.subscribe]]
preset = "tasmota"
[[connection]]
name = "aws"
[connection.source.aws_iot]
endpoint = "abc-ats.iot.eu-central-1.amazonaws.com"
[connection.source.aws_iot.credentials]
from = "profile"
file = "profile"
[[connection.subscribe]]
preset = "tasmota"
labels = { site = "cloud" }
"#;
    let directory = directory(CONFIG);
    let files = [
        ("token", "0123456789abcdef0123456789abcdef"),
        ("header", "secret"),
        ("profile", "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n"),
    ];
    for (name, content) in files {
        private(&directory.path().join(name), content);
    }
    assert_eq!(check_in(&directory).stderr, "");
    for (name, place) in
        [("token", "commands.token_file"), ("header", "headers"), ("profile", "credentials.file")]
    {
        let file = directory.path().join(name);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let run = check_in(&directory);
        assert!(run.stderr.lines().count() == 1 && run.stderr.contains(place), "{name}: {}", run.stderr);
        assert!(run.stderr.contains("every user") && run.code == Some(0), "{name}: {}", run.stderr);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn run_and_devices_refuse_a_faulty_configuration_with_code_2() {
    let directory = directory("[http]\nlisten = []\n");
    let path = directory.path().join("hangup.toml");
    for command in ["run", "devices"] {
        let run = hangup(&[command, "--config", path.to_str().unwrap()], &[]);
        assert!(run.stderr.contains("http.listen: is empty"), "{}", run.stderr);
        assert!(run.stderr.ends_with("hangup: 2 problems\n"), "{}", run.stderr);
        assert_eq!(run.code, Some(2));
    }
}

#[test]
fn a_configuration_that_is_not_there_is_told_by_its_path() {
    let run = hangup(&["check"], &[("HANGUP_CONFIG", "/nowhere/hangup.toml")]);
    assert_eq!(run.stderr, "/nowhere/hangup.toml: there is no such file\nhangup: 1 problem\n");
    assert_eq!(run.code, Some(1));
}

#[test]
fn a_wrong_command_line_exits_with_code_2() {
    for arguments in [&["nonsense"][..], &["run", "--listen", "here"], &["check", "--log-level", "loud"], &[]]
    {
        assert_eq!(hangup(arguments, &[]).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn help_and_version_teach() {
    let help = hangup(&["--help"], &[]);
    for word in ["hangup demo", "hangup devices", "NAVIEN_EMAIL", "Exit codes:", "deploy/example.toml"] {
        assert!(help.stdout.contains(word), "{word} is not in the help");
    }
    let version = hangup(&["--version"], &[]);
    assert_eq!(version.stdout, format!("hangup {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!((help.code, version.code), (Some(0), Some(0)));
}

/// A connection to a broker with these tables below it.
fn broker(name: &str, below: &str) -> String {
    format!(
        "[[connection]]\nname = \"{name}\"\n[connection.source.broker]\nurl = \"mqtt://{name}.lan\"\n{below}"
    )
}

#[test]
fn a_table_in_single_brackets_is_told_by_its_whole_name() {
    refused(
        &broker("home", "[connection.subscribe]\nfilter = \"a\"\n"),
        &[
            "F:5: connection \"home\", subscribe: begins with double brackets: write `[[connection.subscribe]]`",
        ],
    );
    let metric =
        "[[connection.subscribe]]\nfilter = \"a\"\n[connection.subscribe.metric]\nname = \"a_watts\"\n";
    let run = check(&broker("home", metric));
    assert!(run.stderr.contains("write `[[connection.subscribe.metric]]`"), "{}", run.stderr);
}

#[test]
fn a_word_without_quotes_is_told_with_them() {
    let run = check(&broker("home", "version = 5\n[[connection.subscribe]]\npreset = \"tasmota\"\n"));
    assert!(run.stderr.contains(".version: is a word here: write it in quotes, `\"5\"`"), "{}", run.stderr);
}

#[test]
fn a_file_that_is_not_utf8_is_told_with_its_first_wrong_line() {
    let directory = directory("");
    let write = |bytes: &[u8]| fs::write(directory.path().join("hangup.toml"), bytes).unwrap();
    write(b"# one\n# caf\xe9\n");
    let latin = check_in(&directory);
    assert!(latin.stderr.starts_with("F:2: is not UTF-8: the first wrong byte"), "{}", latin.stderr);
    write(b"\xff\xfe[\0h\0");
    let wide = check_in(&directory);
    assert!(wide.stderr.starts_with("F:1: is not UTF-8 but UTF-16"), "{}", wide.stderr);
}

#[test]
fn places_that_are_something_else_are_refused() {
    refused(
        &format!("[state]\ndirectory = \"password\"\n[diagnostics]\nfile = \".\"\n{GOOD}"),
        &[
            "F:2: state.directory: names a file: write the directory that the journal shall lie in",
            "F:4: diagnostics.file: names a directory: write a file in it (for example `diagnostics.json`)",
        ],
    );
}

#[test]
fn a_name_without_a_unit_is_told_one_that_suits_it() {
    for (name, told) in [
        ("room_temperature", "`room_temperature_celsius`"),
        (
            "meter_energy_kwh",
            "`meter_energy_joules` with `scale = 3600000` where its device says kilowatt hours",
        ),
        ("room_humidity", "`room_humidity_ratio` with `scale = 0.01` where its device says percent"),
        ("battery_voltage", "`battery_voltage_volts`"),
        ("meter_power", "`meter_power_watts`"),
        ("anything", "`anything_watts`"),
    ] {
        let rule = format!(
            "[[connection.subscribe]]\nfilter = \"a\"\n[[connection.subscribe.metric]]\nname = \"{name}\"\n"
        );
        let run = check(&broker("home", &rule));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
}

#[test]
fn a_placeholder_of_another_program_is_doubtful() {
    let rule = "[[connection.subscribe]]\nfilter = \"a/+\"\ndevice = \"$2\"\nlabels = { x = \"$1\" }\n";
    let run = check(&broker("home", rule));
    for told in [
        "device: `$2` is only text here: the level 2 of the topic is `{2}`",
        "labels: `x`: `$1` is only text",
    ] {
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    assert_eq!(run.code, Some(0));
}

#[test]
fn connections_that_would_take_series_from_each_other_are_doubtful() {
    let preset = |own: &str| format!("[[connection.subscribe]]\npreset = \"tasmota\"\n{own}");
    let two =
        |own: &str| check(&format!("{}{}", broker("north", &preset("")), broker("south", &preset(own))));
    let same = two("");
    let told = "warning: F:11: connection \"south\", subscribe: makes `";
    assert!(same.stderr.starts_with(told) && same.stderr.contains("connection \"north\""), "{}", same.stderr);
    assert!(
        same.stderr.contains("`series_taken`") && same.stderr.contains("labels = { site"),
        "{}",
        same.stderr
    );
    assert_eq!((same.code, same.stderr.lines().count()), (Some(0), 1));
    assert_eq!(two("labels = { site = \"south\" }\n").stderr, "");
    let fleet: String = (0..30).map(|index| broker(&format!("site-{index}"), &preset(""))).collect();
    let fleet = check(&fleet).stderr;
    let (told, rest) = fleet.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(told.lines().count(), 3, "{fleet}");
    assert!(rest.contains("26 more of them make series"), "{fleet}");
    let twice = check(&broker("home", &format!("{}{}", preset(""), preset(""))));
    assert!(twice.stderr.contains("is there twice with the same `base`"), "{}", twice.stderr);
}

#[test]
fn a_result_that_cannot_be_written_is_a_fault_and_a_closed_pipe_is_none() {
    use std::process::Stdio;
    let directory = directory(GOOD);
    let yaml = directory.path().join("old.yaml");
    fs::write(&yaml, "metrics: [{prom_name: a, mqtt_name: a}]\n").unwrap();
    let config = directory.path().join("hangup.toml");
    let (config, yaml) = (config.to_str().unwrap(), yaml.to_str().unwrap());
    for arguments in [
        &["check", "--config", config][..],
        &["catalogue"],
        &["man"],
        &["preset"],
        &["convert", yaml],
        &["completions", "bash"],
    ] {
        let run = |stdout: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_hangup"));
            Run::from(command.args(arguments).stdout(stdout).stderr(Stdio::piped()).output().unwrap())
        };
        let full = run(fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into());
        assert_eq!(full.code, Some(1), "{arguments:?}");
        assert_eq!(
            full.stderr.matches("hangup: the result cannot be written: ").count(),
            1,
            "{}",
            full.stderr
        );
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = run(writer.into());
        assert_eq!(closed.code, Some(0), "{arguments:?}: {}", closed.stderr);
        assert!(!closed.stderr.contains("cannot be written"), "{}", closed.stderr);
    }
}

#[test]
fn a_place_on_the_command_line_is_told_as_it_is_written_there() {
    let run = hangup(&["run", "--listen", "localhost:29899"], &[]);
    assert!(run.stderr.contains("write `127.0.0.1:29899`") && !run.stderr.contains("[\""), "{}", run.stderr);
    let run = hangup(&["run", "--listen", "29899"], &[]);
    assert!(run.stderr.contains("write for example `0.0.0.0:9883`"), "{}", run.stderr);
    assert_eq!(run.code, Some(2));
}

#[test]
fn a_web_configuration_file_that_is_not_there_is_told_with_who_named_it() {
    let run = check(&format!("[http]\nweb_config_file = \"web.yml\"\n{GOOD}"));
    assert!(run.stderr.starts_with("F: http.web_config_file: the file `"), "{}", run.stderr);
    assert!(run.stderr.contains("web.yml`, named here, does not exist"), "{}", run.stderr);
    assert_eq!(run.code, Some(1));
    let directory = directory(GOOD);
    let config = directory.path().join("hangup.toml");
    let run = hangup(&["run", "--config", config.to_str().unwrap(), "--web-config", "nowhere.yml"], &[]);
    assert!(
        run.stderr.contains("--web-config: the file `nowhere.yml`, named here, does not exist"),
        "{}",
        run.stderr
    );
    assert_eq!(run.code, Some(2));
}
