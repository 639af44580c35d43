//! `deploy/example.toml` loads as it stands and with every field in it switched on, and tells the true defaults.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::fs;

use hangup::config::{Config, Loaded, Origin, Policy, Problems, Source, load_with};

fn example() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/example.toml")).unwrap()
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
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    fs::write(path("ca.pem"), certificate).unwrap();
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
    // An unknown field in each table whose keys are ours, and the message lists the known ones.
    let ours = |line: &str| line.starts_with('[') && !line.ends_with(".devices]");
    let asking: Vec<_> = example()
        .lines()
        .map(|line| if ours(line) { format!("{line}\nzzzzzzzz = 1") } else { line.to_owned() })
        .collect();
    let problems = problems(&format!("zzzzzzzz = 1\n{}", asking.join("\n")));
    let full = switched_on(&example());
    let known: Vec<_> = problems.split('`').skip(1).step_by(2).collect();
    assert!(known.len() > 40 && known.contains(&"listen") && known.contains(&"mqtt_host"), "{problems}");
    for field in known {
        let written = full.lines().any(|line| {
            line.starts_with(&format!("{field} = "))
                || line.trim_matches(['[', ']']).split('.').any(|part| part == field)
        });
        assert!(written, "`{field}` is not in deploy/example.toml");
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
