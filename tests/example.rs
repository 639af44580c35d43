//! The examples of `deploy` load as they stand and with every field in them switched on, and tell the true defaults.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::fs;

use hangup::config::{
    Authentication, Config, Credentials, Loaded, Origin, Policy, Problems, Source, load_with,
};

fn example() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/example.toml")).unwrap()
}

fn example_of_brokers() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/example-broker.toml")).unwrap()
}

/// Every `# key = value` line without its `#`.
fn switched_on(text: &str) -> String {
    let field = |line| str::strip_prefix(line, "# ").filter(|field| is_field(field));
    text.lines().map(|line| field(line).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn is_field(line: &str) -> bool {
    let key = line.split_once(" = ").map_or("", |(key, _)| key);
    !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Loads `text` from a directory with the files that the example names.
fn load(text: &str) -> Result<Loaded, Problems> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name| directory.path().join(name);
    fs::write(path("hangup.toml"), text).unwrap();
    fs::write(path("navien-password"), "secret\n").unwrap();
    fs::write(path("command-token"), "another secret\n").unwrap();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(path("ca.pem"), certified.cert.pem()).unwrap();
    fs::write(path("client.pem"), certified.cert.pem()).unwrap();
    fs::write(path("client-key.pem"), certified.signing_key.serialize_pem()).unwrap();
    let profile = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n";
    fs::write(path("aws-credentials"), profile).unwrap();
    for secret in [
        "broker-password",
        "broker-bearer",
        "aws-access-key-id",
        "aws-secret-access-key",
        "aws-session-token",
        "authorizer-token",
        "authorizer-signature",
        "authorizer-password",
    ] {
        fs::write(path(secret), "secret\n").unwrap();
    }
    load_with(&Origin::File(path("hangup.toml")), &|_| None)
}

fn loaded(text: &str) -> Config {
    load(text).unwrap_or_else(|problems| panic!("{problems}")).config
}

fn problems(text: &str) -> String {
    let problems = load(text).expect_err("unknown fields").list;
    problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("\n")
}

#[test]
fn it_loads_as_it_stands_with_every_default() {
    let config = loaded(&example());
    assert_eq!(config.connections.len(), 1);
    assert_eq!(config.connections[0].policy, Policy::default());
}

#[test]
fn every_field_of_the_configuration_is_in_it() {
    let known = known_fields(&example());
    assert!(
        known.len() > 40 && ["listen", "mqtt_host"].iter().all(|field| known.contains(&(*field).to_owned()))
    );
}

#[test]
fn every_field_of_the_other_sources_is_in_theirs() {
    let known = known_fields(&example_of_brokers());
    for field in ["url", "receive_maximum", "delay", "endpoint", "profile", "session_token", "token_key_name"]
    {
        assert!(known.contains(&field.to_owned()), "{field}: {known:?}");
    }
}

/// The fields that the tables of this example know, each of which must stand in it.
fn known_fields(example: &str) -> Vec<String> {
    // An unknown field in each table whose keys are ours, and the message lists the known ones.
    let theirs = [".devices]", ".headers]", ".user_properties]"];
    let ours = |line: &str| line.starts_with('[') && !theirs.iter().any(|end| line.ends_with(end));
    let asking: Vec<_> = example
        .lines()
        .map(|line| if ours(line) { format!("{line}\nzzzzzzzz = 1") } else { line.to_owned() })
        .collect();
    let top = if example.contains("[http]") { "zzzzzzzz = 1\n" } else { "" };
    let problems = problems(&format!("{top}{}", asking.join("\n")));
    // A policy is told in one of the examples, subscriptions are in the other.
    let full = [self::example(), example_of_brokers()].map(|example| switched_on(&example)).join("\n");
    let known: Vec<_> = problems.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    for field in &known {
        let written = full.lines().any(|line| {
            line.starts_with(&format!("{field} = "))
                || line.trim_matches(['[', ']']).split('.').any(|part| part == field)
        });
        assert!(written, "`{field}` is in no example:\n{problems}");
    }
    known
}

#[test]
fn the_other_sources_load_as_they_stand_and_with_every_field_switched_on() {
    let plain = loaded(&example_of_brokers());
    let mut full = loaded(&switched_on(&example_of_brokers()));
    let names = ["lan", "cloud", "cloud-static", "cloud-certificate", "cloud-authorizer"];
    let have: Vec<_> = plain.connections.iter().map(|connection| connection.name.as_str()).collect();
    assert_eq!(have, names);
    for (connection, plain) in full.connections.iter_mut().zip(&plain.connections) {
        let policy = &mut connection.policy;
        if connection.name == "lan" {
            assert_eq!(policy.client_id.take().as_deref(), Some("hangup-lan"));
            assert_eq!(policy.clean_session.take(), Some(true));
            assert_eq!(policy.keep_alive.take().map(|time| time.as_secs()), Some(10));
        }
        // What has no default, or has paths of the directory, which is another one each time.
        match (&mut connection.source, &plain.source) {
            (Source::Broker(broker), Source::Broker(plain)) => {
                assert!(broker.username.take().is_some() && broker.password.take().is_some());
                let tls = std::mem::take(&mut broker.tls);
                assert!(tls.ca_file.is_some() && tls.client.is_some() && tls.server_name.is_some());
                assert!(broker.proxy.take().is_some());
                let properties = &mut broker.mqtt.user_properties;
                assert_eq!(
                    (std::mem::take(&mut broker.headers).len(), std::mem::take(properties).len()),
                    (1, 1)
                );
                assert!(broker.mqtt.session_expiry.take().is_some());
                assert_eq!(broker.mqtt.receive_maximum.take(), Some(u16::MAX));
                assert_eq!(broker, plain);
            }
            (Source::AwsIot(aws), Source::AwsIot(plain)) => {
                let same = |aws: &Authentication| aws.as_str() == plain.authentication.as_str();
                assert!(same(&aws.authentication));
                match &aws.authentication {
                    Authentication::SigV4 {
                        region,
                        credentials: Credentials::Static { session_token, .. },
                    } => {
                        assert!(region == "eu-central-1" && session_token.is_some());
                    }
                    Authentication::SigV4 { region, credentials: Credentials::Profile { name, .. } } => {
                        assert_eq!((region.as_str(), name.as_str()), ("eu-central-1", "default"));
                        assert!(aws.proxy.take().is_some() && aws.tls.ca_file.is_some());
                    }
                    Authentication::SigV4 { credentials: Credentials::Container { .. }, .. } => {
                        panic!("not in the example")
                    }
                    Authentication::Certificate => assert!(aws.tls.client.is_some()),
                    Authentication::Authorizer(authorizer) => {
                        assert!(authorizer.websocket && authorizer.token.is_some());
                        assert!(authorizer.signature.is_some() && authorizer.password.is_some());
                    }
                }
                assert_eq!((aws.port, aws.mqtt.version), (plain.port, plain.mqtt.version));
            }
            _ => panic!("another source"),
        }
        if let Some(fleet) = &mut connection.fleet {
            assert_eq!(fleet.topics.take().map(|topics| topics.len()), Some(2));
            assert_eq!(std::mem::take(&mut fleet.clients.0).len(), 1);
        }
        assert_eq!(connection.policy, plain.policy);
        assert_eq!(connection.subscribe, plain.subscribe);
        assert_eq!(connection.fleet, plain.fleet);
        assert_eq!(connection.fleet.is_some(), connection.name == "lan");
    }
}

#[test]
fn switching_every_field_on_changes_nothing_that_has_a_default() {
    let plain = loaded(&example());
    let mut full = loaded(&switched_on(&example()));
    assert!(full.http.web_config_file.take().is_some());
    assert!(full.state.directory.take().is_some());
    assert!(full.diagnostics.file.take().is_some());
    assert!(full.commands.token_file.take().is_some());
    assert_eq!(std::mem::take(&mut full.diagnosis.limits).len(), 1);
    let connection = &mut full.connections[0];

    // What has no default, or leaves it to the source.
    let policy = &mut connection.policy;
    assert_eq!(policy.client_id.take().as_deref(), Some("hangup-home"));
    assert_eq!(policy.keep_alive.take().map(|time| time.as_secs()), Some(30));
    assert_eq!(policy.renew_after.take().map(|time| time.as_secs()), Some(23 * 3600));
    assert_eq!(policy.clean_session.take(), Some(true));
    let Source::Navien(navien) = &mut connection.source else { panic!("another source") };
    assert!(navien.ca_file.take().is_some());
    assert!(navien.proxy.take().is_some());
    assert_eq!(navien.devices.remove("020000aabb01").as_deref(), Some("basement"));

    // The password's path is in a directory of its own each time.
    let Source::Navien(plain_navien) = &plain.connections[0].source else { panic!("another source") };
    navien.password.clone_from(&plain_navien.password);
    assert_eq!(full, plain);
}
