//! Every REST fixture: what comes of it.

use super::support::{bytes, manifest};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::{Detail, Failure};
use hangup::source::navien::devices;
use hangup::source::navien::rest::envelope::{self, Reply};
use hangup::source::navien::tokens::Tokens;
use serde_json::Value;

fn reply(file: &str) -> Reply {
    let entry = manifest(|entry| entry["file"] == file).remove(0);
    let status = entry["http"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
    Reply::new(status, &bytes(file), None)
}

fn sign_in(file: &str) -> Result<Tokens, Failure> {
    let data = envelope::sign_in(reply(file))?;
    Ok(Tokens::from_sign_in(&data, hangup::clock::now()).expect(file))
}

fn call(file: &str) -> Result<Value, Failure> {
    envelope::call(reply(file), "device list")
}

#[test]
fn every_sign_in_that_has_all_it_needs_is_accepted() {
    for file in [
        "rest-sign-in-response.json",
        "rest-sign-in-response-string-userseq.json",
        "rest-sign-in-response-snake-case.json",
    ] {
        let tokens = sign_in(file).unwrap();
        assert_eq!(tokens.access.expose(), "fake.access.token-1", "{file}");
        assert_eq!(tokens.keys.key_id.expose(), "FAKEKEYID-0001", "{file}");
        assert_eq!(tokens.keys.secret.expose(), "fake/secret+key/0001", "{file}");
        assert_eq!(tokens.keys.session_token.expose(), "fake//session+token/0001==", "{file}");
        assert_eq!(tokens.user, Some(30_001), "{file}");
    }
    let useless = envelope::sign_in(reply("rest-sign-in-response-no-aws.json")).unwrap();
    assert!(Tokens::from_sign_in(&useless, hangup::clock::now()).is_none());
}

#[test]
fn a_refused_sign_in_is_setup_and_told_by_the_vendors_code() {
    for (file, detail) in [
        ("rest-sign-in-error-invalid-password.json", Detail::VendorCode(1_001)),
        ("rest-sign-in-error-user-not-found.json", Detail::VendorCode(1_000)),
        ("rest-sign-in-error-401.json", Detail::HttpStatus(401)),
        ("rest-sign-in-error-bad-request.json", Detail::HttpStatus(400)),
    ] {
        let failure = sign_in(file).unwrap_err();
        assert_eq!(failure.error, ErrorName::CredentialsHttpStatus, "{file}");
        assert_eq!((failure.class, failure.detail), (RetryClass::Setup, detail), "{file}");
    }
}

#[test]
fn every_other_refusal_is_named_and_classed() {
    use ErrorName::{CredentialsHttpStatus as Status, CredentialsUnexpectedResponse as Unexpected};
    for (file, error, class, detail) in [
        ("rest-error-401-token-expired.json", Status, RetryClass::Credential, Detail::HttpStatus(401)),
        ("rest-refresh-error.json", Status, RetryClass::Credential, Detail::HttpStatus(401)),
        ("rest-error-403.json", Status, RetryClass::Service, Detail::HttpStatus(403)),
        ("rest-error-404.json", Status, RetryClass::Setup, Detail::HttpStatus(404)),
        ("rest-error-500.json", Status, RetryClass::Service, Detail::HttpStatus(500)),
        ("rest-error-200-body-500.json", Status, RetryClass::Service, Detail::VendorCode(500)),
        ("rest-error-not-json.txt", Unexpected, RetryClass::Service, Detail::HttpStatus(502)),
    ] {
        let entry = manifest(|entry| entry["file"] == file).remove(0);
        let status = entry["http"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
        let failure = envelope::call(Reply::new(status, &bytes(file), None), "call").unwrap_err();
        assert_eq!((failure.error, failure.class, failure.detail), (error, class, detail), "{file}");
        assert_eq!(envelope::is_stale_token(&failure), class == RetryClass::Credential, "{file}");
    }
}

#[test]
fn a_refresh_keeps_what_it_does_not_bring_and_uses_keys_if_they_come() {
    let tokens = sign_in("rest-sign-in-response.json").unwrap();
    let now = hangup::clock::now();
    let refresh = |file: &str| tokens.refreshed(&call(file).unwrap(), now).unwrap();
    for file in ["rest-refresh-response.json", "rest-refresh-response-minimal.json"] {
        let refreshed = refresh(file);
        assert_eq!(refreshed.access.expose(), "fake.access.token-2");
        assert_eq!(refreshed.keys_expire, tokens.keys_expire, "{file}: the keys are as old as before");
    }
    let with_keys = refresh("rest-refresh-response-with-aws.json");
    assert!(with_keys.keys_expire.wall >= tokens.keys_expire.wall);
}

#[test]
fn every_device_list_is_read() {
    let list = |file: &str| {
        let page = devices::page(&call(file).unwrap()).unwrap();
        let supported = devices::supported(&page.entries);
        supported.into_iter().map(|e| (e.mac, e.additional_value, e.online)).collect::<Vec<_>>()
    };
    let heater = |mac: &str, value: &str, online| (mac.to_owned(), value.to_owned(), Some(online));
    let first = heater("020000aabb01", "0042", true);
    assert_eq!(list("rest-device-list-response.json"), [first.clone(), heater("020000aabb02", "", false)]);
    assert_eq!(list("rest-device-list-empty.json"), []);
    assert_eq!(list("rest-device-list-mixed-models.json"), std::slice::from_ref(&first));
    assert_eq!(list("rest-device-list-wrapped.json"), [first]);
}

/// Replies of calls that are not made, and bodies that the tests of the planner compare.
const ELSEWHERE: &[&str] = &[
    "rest-sign-in-request.json",
    "rest-refresh-request.json",
    "rest-device-list-request.json",
    "rest-device-info-request.json",
    "rest-device-info-response.json",
    "rest-firmware-info-response.json",
    "rest-tou-response.json",
];

#[test]
fn no_fixture_is_forgotten() {
    // Every name stands in a test above or in the list of those that are tested elsewhere.
    let source = include_str!("rest.rs");
    for entry in manifest(|entry| entry["transport"] == "rest") {
        let file = entry["file"].as_str().unwrap();
        assert!(source.contains(file) || ELSEWHERE.contains(&file), "{file}");
    }
}
