//! The office with connections that keep what they are given.

use std::time::{Duration, SystemTime};

use super::*;
use crate::clock::Instant;

fn at(seconds: u64) -> Now {
    Now { at: Instant::from_boot(Duration::from_secs(seconds)), wall: SystemTime::UNIX_EPOCH }
}

fn office() -> Office {
    Office::new(config::Commands::default())
}

fn submit(
    office: &Office,
    device: &str,
    connection: Option<&str>,
    json: &str,
    id: Option<&str>,
) -> Result<Accepted, Fault> {
    let fields = read(json.as_bytes()).unwrap();
    office.submit(&Request { device, connection, fields: &fields, id }, at(0))
}

const ON: &str = r#"{"command": "power_on"}"#;

#[test]
fn a_command_goes_to_the_connection_of_its_device() {
    let office = office();
    let (mut home, mut cabin) = (office.enter("home", "navien"), office.enter("cabin", "navien"));
    office.devices("home", &["tank", "guest"]);
    assert_eq!(submit(&office, "attic", None, ON, None).unwrap_err(), Fault::DevicesUnknown);
    office.devices("cabin", &["tank"]);
    let missing = submit(&office, "attic", None, ON, None).unwrap_err();
    assert!(matches!(&missing, Fault::NoSuchDevice(said) if said.contains("guest, tank")), "{missing:?}");
    let both = Fault::Ambiguous(vec!["cabin".to_owned(), "home".to_owned()]);
    assert_eq!(submit(&office, "tank", None, ON, None).unwrap_err(), both);
    let ticket = submit(&office, "tank", Some("cabin"), ON, None).unwrap().ticket;
    assert_eq!(ticket.fate(), Fate::Received);
    assert!(home.try_recv().is_err());
    cabin.try_recv().unwrap().fate.send_replace(Fate::Acknowledged);
    assert_eq!(office.ticket(&ticket.id, at(1)).unwrap().fate(), Fate::Acknowledged);
    let nowhere = submit(&office, "tank", Some("boat"), ON, None).unwrap_err();
    assert!(matches!(&nowhere, Fault::NoSuchDevice(said) if said.contains("cabin, home")), "{nowhere:?}");
}

#[test]
fn the_same_id_is_one_command() {
    let office = office();
    let mut home = office.enter("home", "navien");
    office.devices("home", &["tank"]);
    let first = submit(&office, "tank", None, ON, Some("today:1")).unwrap();
    home.try_recv().unwrap().fate.send_replace(Fate::Expired);
    let second = submit(&office, "tank", None, ON, Some("today:1")).unwrap();
    assert_eq!((first.again, second.again, second.ticket.fate()), (false, true, Fate::Expired));
    assert!(home.try_recv().is_err(), "it was handed in once");
    let off = r#"{"command": "power_off"}"#;
    assert_eq!(submit(&office, "tank", None, off, Some("today:1")).unwrap_err(), Fault::IdTaken);
    for bad in ["", "a b", "é", &"x".repeat(65)] {
        assert!(matches!(submit(&office, "tank", None, ON, Some(bad)), Err(Fault::Wrong(_))), "{bad}");
    }
}

#[test]
fn a_command_that_was_refused_is_tried_again_under_its_id() {
    let office = office();
    let mut home = office.enter("home", "navien");
    office.devices("home", &["tank"]);
    let mut hand_in = || {
        let accepted = submit(&office, "tank", None, ON, Some("today:1")).unwrap();
        (accepted, home.try_recv())
    };
    let (_, first) = hand_in();
    first.unwrap().fate.send_replace(Fate::Refused(Refusal::NotConnected));
    let (again, second) = hand_in();
    assert_eq!((again.again, again.ticket.fate()), (false, Fate::Received));
    second.unwrap().fate.send_replace(Fate::Acknowledged);
    assert_eq!(office.ticket("today:1", at(1)).unwrap().fate(), Fate::Acknowledged);
    let (once_more, third) = hand_in();
    assert!(once_more.again && third.is_err(), "it was obeyed");
}

#[test]
fn a_connection_that_has_ended_refuses() {
    let office = office();
    let home = office.enter("home", "navien");
    office.devices("home", &["tank"]);
    drop(home);
    let ticket = submit(&office, "tank", None, ON, None).unwrap().ticket;
    assert_eq!(ticket.fate(), Fate::Refused(Refusal::Stopping));
    office.leave("home");
    assert!(matches!(submit(&office, "tank", None, ON, None), Err(Fault::NoSuchDevice(_))));
}
