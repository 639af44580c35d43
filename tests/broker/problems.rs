//! What `hangup check` says of a wrong broker or a wrong endpoint: the place, the fault, a right value, and no secret.
//!
//! Reaches no network.

use std::process::Output;

use tempfile::TempDir;

use crate::authority::private;
use crate::mosquitto::RULE;
use crate::support::exporter::command;

const SECRET: &str = "hunter2-Zk9";

fn check(config: &str) -> (bool, String) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("hangup.toml");
    private(&path, config);
    private(&directory.path().join("secret"), SECRET);
    let mut command = command(&["check", "--config", path.to_str().unwrap()]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
        command.env_remove(name);
    }
    let Output { status, stdout, stderr } = command.env("HOME", directory.path()).output().unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(!text.contains(SECRET), "a secret: {text}");
    (
        status.success(),
        text.replace(path.to_str().unwrap(), "F").replace(directory.path().to_str().unwrap(), "D"),
    )
}

fn broker(fields: &str) -> String {
    format!(
        "[[connection]]\nname = \"x\"\n[connection.source.broker]\n{fields}\n[[connection.subscribe]]\nfilter = \"a/#\"\n{RULE}\n"
    )
}

fn aws(fields: &str, filter: &str) -> String {
    format!(
        "[[connection]]\nname = \"x\"\n[connection.source.aws_iot]\nendpoint = \"a1-ats.iot.eu-west-1.amazonaws.com\"\n\
         {fields}\n[[connection.subscribe]]\nfilter = \"{filter}\"\n{RULE}\n"
    )
}

/// Asserts that the problems of `config` are these, each by a part of its line.
fn refused(config: &str, parts: &[&str]) {
    let (fine, text) = check(config);
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("F:")).collect();
    assert!(!fine, "accepted: {config}");
    assert_eq!(lines.len(), parts.len(), "{text}");
    for part in parts {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}: {text}");
    }
}

#[test]
fn good_ones_are_told_in_a_line() {
    let (fine, text) = check(&broker("url = \"mqtt://[::1]\""));
    assert!(fine && text.contains("x: broker, tcp to [::1]:1883, MQTT 3.1.1, 1 topic filter;"), "{text}");
    let keys = "[connection.source.aws_iot.credentials]\nfrom = \"static\"\naccess_key_id = { file = \"secret\" }\n\
        secret_access_key = { file = \"secret\" }";
    let (fine, text) = check(&aws(keys, "$share/g/a/b/c/d/e/f/g/#"));
    let told = "x: aws_iot, signed with keys of the configuration to a1-ats.iot.eu-west-1.amazonaws.com:443, MQTT 5, 1 \
                topic filter;";
    assert!(fine && text.contains(told), "{text}");
}

#[test]
fn a_broker_is_told_every_fault_at_once() {
    let config = broker(&format!(
        "url = \"mqtt://me:{SECRET}@host\"\nversion = \"4\"\npassword = \"{SECRET}\"\nsession_expiry = \"1h\"\n\
         max_packet_size = \"1GiB\"\nproxy = \"socks5://proxy\"\n[connection.source.broker.will]\ntopic = \"a/#\"\nqos = 3"
    ));
    refused(
        &config,
        &[
            "source.broker.url: must not hold a user name or a password: write `username = ",
            "source.broker.version: `4` is not one of `\"3.1.1\"`, `\"5\"`",
            "source.broker.password: is written out in the file, where backups and other people see it: write `password = \
             { file = \"broker-password\" }` or `password = { env = \"BROKER_PASSWORD\" }`",
            "source.broker.password: comes with a `username` in MQTT 3.1.1",
            "source.broker.session_expiry: is known to MQTT 5 only: write `version = \"5\"` too",
            "source.broker.max_packet_size: `1GiB` is not a size from 1KiB to 255MiB",
            "source.broker.proxy: is not the URL of an HTTP proxy",
            "source.broker.will.topic: has a `+` or `#`, which only a subscription may have",
            "source.broker.will.payload: is missing (write for example `payload = \"offline\"`)",
            "source.broker.will.qos: `3` is not a whole number from 0 to 2",
        ],
    );
}

#[test]
fn what_needs_tls_or_a_websocket_says_so() {
    let config = broker(
        "url = \"mqtt://host\"\nserver_name = \"other\"\nca_file = \"nowhere\"\nclient_key_file = \"secret\"\n\
         [connection.source.broker.headers]\nhost = \"x\"\nfine = \"y\"",
    );
    refused(
        &config,
        &[
            "server_name: needs TLS, which this connection does not speak: its `url` would begin with `mqtts://`",
            "ca_file: needs TLS",
            "ca_file: the file named here does not exist",
            "client_key_file: needs TLS",
            "client_key_file: needs its other half: write `client_certificate_file` too",
            "headers: belong to a WebSocket: the `url` would begin with `ws://`",
            "headers.…: this key is not the name of a header, or of one that the upgrade has itself",
        ],
    );
}

#[test]
fn source_policy_and_subscriptions_must_agree() {
    let lonely = "[[connection]]\nname = \"x\"\n[connection.source.broker]\nurl = \"mqtt://host\"\n\
        [connection.reconnect]\nclean_session = false\nkeep_alive = \"5s\"\n";
    refused(
        lonely,
        &[
            "subscribe: there is nothing to subscribe to: add a `[[connection.subscribe]]`",
            "reconnect: its session is to outlive a restart (`clean_session = false`), and so must the client id",
        ],
    );
    let navien = "[reconnect]\nkeep_alive = \"10s\"\n[[connection]]\nname = \"x\"\n[connection.source.navien]\nemail = \
        \"a@b\"\npassword = { file = \"secret\" }\n[[connection.subscribe]]\nfilter = \"a\"\nmetric = [{ name = \"a_ratio\" }]\n";
    refused(
        navien,
        &[
            "reconnect: its `keep_alive` is 10s, and AWS IoT Core takes 30s to 20m",
            "subscribe: is for a broker: a Navien account subscribes to its heaters by itself",
        ],
    );
    let two = "[[connection]]\nname = \"x\"\nsource = { broker = { url = \"mqtt://host\" }, navien = {} }\n";
    refused(two, &["source: names exactly one source"]);
}

#[test]
fn aws_is_told_its_limits_and_exactly_one_way_in() {
    refused(
        &aws("", "a/b/c/d/e/f/g/h/#"),
        &[
            "source.aws_iot.endpoint: nothing says who we are: write `[connection.source.aws_iot.credentials]`",
            "subscribe: the filter of number 1 has 8 slashes, and AWS IoT Core takes 7",
        ],
    );
    let more = |number| format!("[[connection.subscribe]]\nfilter = \"a/{number}\"\n{RULE}\n");
    let long = format!("qos = 2\n{}", (0..50).map(more).collect::<String>());
    let both = "client_certificate_file = \"secret\"\n[connection.source.aws_iot.authorizer]\ntoken = { file = \"secret\" }";
    refused(
        &(aws(both, "a") + &long),
        &[
            "endpoint: more than one way of authentication is there",
            "client_certificate_file: needs its other half",
            "authorizer.token: is of no use without a `token_key_name`",
            "subscribe: has 51 filters, and AWS IoT Core takes 50 on one connection",
            "subscribe: number 1 asks for QoS 2, and AWS IoT Core knows 0 and 1",
        ],
    );
}

#[test]
fn keys_that_are_not_there_are_told_by_their_place() {
    let from = |from: &str| aws(&format!("[connection.source.aws_iot.credentials]\nfrom = \"{from}\""), "a");
    refused(
        &from("environment"),
        &["variable AWS_ACCESS_KEY_ID is not set", "variable AWS_SECRET_ACCESS_KEY is not set"],
    );
    refused(
        &from("profile"),
        &["credentials.from: the credentials file `D/.aws/credentials` does not exist"],
    );
    refused(&from("container"), &["neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor"]);
    refused(
        &from("static"),
        &[
            "access_key_id: is missing (write for example `access_key_id = { file = \"aws-iot-access-key-id\" }`)",
            "secret_access_key: is missing",
        ],
    );
    refused(&from("sso"), &["credentials.from: `sso` is not one of `\"static\"`, `\"environment\"`"]);
    let region =
        aws("region = \"us-east-1\"\n[connection.source.aws_iot.credentials]\nfrom = \"environment\"", "a");
    let (_, text) = check(&region);
    assert!(text.contains("region: the `endpoint` is in `eu-west-1`"), "{text}");
}

/// `hangup devices` says why there is nothing to list, and that it is no fault.
#[test]
fn a_broker_lists_no_devices() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("hangup.toml");
    private(&path, &broker("url = \"mqtt://host.invalid\""));
    for (more, stdout) in [(&[][..], ""), (&["--json"][..], "[]\n")] {
        let arguments = [&["devices", "--config", path.to_str().unwrap()], more].concat();
        let output = command(&arguments).output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), stdout);
        assert!(
            String::from_utf8(output.stderr)
                .unwrap()
                .contains("connection `x`: a broker keeps no list of devices")
        );
    }
}
