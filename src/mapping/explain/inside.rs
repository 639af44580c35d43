//! What there is in a payload, for who looks for something else.
//!
//! Pure. Never tells more than a line of it.

use super::super::path::{Path, Step};
use super::super::walk::{At, Leaf, Unreadable, Walk};
use super::super::{json, plain};

/// Paths that are told at most.
const SHOWN: usize = 12;

/// Where a payload ceases to be JSON, counted from 0.
pub(super) fn fault(payload: &[u8]) -> Option<usize> {
    match json::read(payload, &mut Places::default()) {
        Err(Unreadable::Malformed(at)) => Some(at),
        Err(Unreadable::TooDeep | Unreadable::NotText) | Ok(()) => None,
    }
}

/// A sentence with the paths of a payload.
pub(super) fn paths(payload: &[u8], reads_json: bool) -> String {
    let mut places = Places::default();
    let read = if reads_json { json::read(payload, &mut places) } else { plain::csv(payload, &mut places) };
    let mut found = places.found;
    found.dedup();
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    match (read, found.is_empty()) {
        (Err(_), true) => "the payload is not JSON".to_owned(),
        (Ok(()), true) if payload.trim_ascii_start().starts_with(b"[") => {
            "the payload is an empty list".to_owned()
        }
        (Ok(()), true) if payload.trim_ascii_start().starts_with(b"{") => {
            "the payload is an empty object".to_owned()
        }
        (Ok(()), true) => "the payload is a single value".to_owned(),
        (_, false) => format!("the payload has: {}{rest}", found.join(", ")),
    }
}

/// Writes down where every scalar stands.
#[derive(Default)]
struct Places {
    at: Vec<Step>,
    found: Vec<String>,
}

impl<'p> Walk<'p> for Places {
    fn enter(&mut self, at: At<'p>) -> bool {
        self.at.push(match at {
            At::Key(key, _) => Step::Key(key.plain().into_owned()),
            At::Index(_) => Step::Elements,
        });
        true
    }

    fn leaf(&mut self, leaf: Leaf<'p>) {
        let has_parts = matches!(leaf, Leaf::Object(1..) | Leaf::List(1..));
        // A payload of a megabyte has no more to tell than its first thousand values.
        if !self.at.is_empty() && !has_parts && self.found.len() < 1_000 {
            let path = Path(self.at.clone()).to_string();
            if !self.found.contains(&path) {
                self.found.push(path.chars().take(120).collect());
            }
        }
    }

    fn leave(&mut self) {
        self.at.pop();
    }
}
