//! The dependencies against `deny.toml` (licences, bans, sources), and the direct ones against our own sources.
//!
//! Never needs the network or a tool beside Cargo: advisories and yanked versions are left to `cargo deny check`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's helpers may panic"
)]

use std::process::Command;

use serde::Deserialize;
use spdx::{Expression, LicenseReq, ParseMode};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// Nothing for a crate of this repository.
    source: Option<String>,
}

/// The part of `deny.toml` that is read here.
#[derive(Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

fn rules() -> Rules {
    toml::from_str(include_str!("../deny.toml")).unwrap()
}

/// Everything that is compiled for this machine: what is shipped, what builds it, and what tests it.
fn packages() -> Vec<Package> {
    let target = format!(
        "{}-unknown-linux-{}",
        std::env::consts::ARCH,
        if cfg!(target_env = "musl") { "musl" } else { "gnu" }
    );
    assert!(rules().graph.targets.contains(&target), "{target} is not among the targets of deny.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let packages = serde_json::from_slice::<Metadata>(&output.stdout).unwrap().packages;
    assert!(
        packages.iter().any(|package| package.name == "rumqttc"),
        "the dependencies are not in the metadata"
    );
    packages
}

/// What is wrong with a licence expression, if anything.
fn fault(license: Option<&str>, allowed: &[String]) -> Option<String> {
    let Some(license) = license else { return Some("no licence".to_owned()) };
    // Old manifests write `MIT/Apache-2.0`.
    let mode = ParseMode { allow_slash_as_or_operator: true, ..ParseMode::STRICT };
    let expression = match Expression::parse_mode(license, mode) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("`{license}` is not an SPDX expression: {}", error.reason)),
    };
    // An exception (`WITH …`) gives more rights, but is a licence of its own to cargo-deny, and so it is here.
    let satisfied = expression.evaluate(|asked: &LicenseReq| allowed.contains(&asked.to_string()));
    (!satisfied).then(|| format!("`{license}` is not allowed"))
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let allowed = rules().licenses.allow;
    let faults: Vec<String> = packages()
        .iter()
        .filter_map(|package| {
            let fault = fault(package.license.as_deref(), &allowed)?;
            Some(format!("{} {}: {fault}", package.name, package.version))
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_allowed_licence_is_one_that_somebody_needs() {
    let allowed = rules().licenses.allow;
    let packages = packages();
    for license in &allowed {
        let others: Vec<String> = allowed.iter().filter(|other| *other != license).cloned().collect();
        let needed = packages.iter().any(|package| fault(package.license.as_deref(), &others).is_some());
        assert!(needed, "{license} is allowed in deny.toml, and no dependency needs it");
    }
}

#[test]
fn a_licence_is_judged_by_what_it_leaves_to_choose() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "ISC AND (MIT OR Apache-2.0)"] {
        assert_eq!(fault(Some(good), &allowed), None, "{good}");
    }
    for bad in ["GPL-3.0-only", "MIT AND Apache-2.0", "MIT WITH LLVM-exception", "free for all"] {
        assert!(fault(Some(bad), &allowed).is_some(), "{bad}");
    }
    assert!(fault(None, &allowed).is_some());
}

#[test]
fn nothing_that_is_banned_is_in_the_tree() {
    let packages = packages();
    for banned in rules().bans.deny {
        let found = packages.iter().find(|package| package.name == banned.name);
        assert!(found.is_none(), "{} is in the tree: {}", banned.name, banned.reason);
    }
}

#[test]
fn every_dependency_comes_from_the_registry() {
    let mut sources = std::collections::BTreeSet::new();
    for package in packages() {
        match package.source {
            Some(source) => {
                assert!(source.starts_with("registry+"), "{} comes from {source}", package.name);
                sources.insert(source);
            }
            None => assert_eq!(package.name, "hangup", "a path dependency"),
        }
    }
    assert_eq!(sources.len(), 1, "one registry: {sources:?}");
}

/// The names of the crates in a table of `Cargo.toml`, each with whether a comment stands above its group.
fn direct(table: &str) -> Vec<(String, bool)> {
    let lines = include_str!("../Cargo.toml").lines().skip_while(|line| *line != table).skip(1);
    let mut explained = false;
    let mut found = Vec::new();
    for line in lines.take_while(|line| !line.starts_with('[')) {
        match line.split_once(" = ") {
            Some((name, _)) if !line.starts_with('#') => found.push((name.to_owned(), explained)),
            _ => explained = line.starts_with('#'),
        }
    }
    assert!(!found.is_empty(), "{table} is not in Cargo.toml");
    found
}

/// Everything in the Rust files below a directory of this repository.
fn sources(directory: &str) -> String {
    let mut text = String::new();
    let mut open = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(place) = open.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn every_direct_dependency_has_a_reason_and_a_use() {
    let program = sources("src");
    let all = format!("{program}{}{}", sources("tests"), sources("benches"));
    for (table, text) in [("[dependencies]", &program), ("[dev-dependencies]", &all)] {
        for (name, explained) in direct(table) {
            assert!(explained, "{name}: no comment above it in Cargo.toml says what it is for");
            let path = name.replace('-', "_");
            let used = [format!("{path}::"), format!("use {path}")].iter().any(|way| text.contains(way));
            assert!(used, "{name} is in Cargo.toml and in no source");
        }
    }
}
