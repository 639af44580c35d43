//! Sessions for the tests of this folder.
//! Never used outside of tests.

use std::time::{Duration, SystemTime};

use crate::clock::{Instant, Now};
use crate::connection::ending::{EndedBy, LinkStats};
use crate::connection::error::ErrorName;
use crate::connection::{Detail, Failure, Phase, Tier};
use crate::lifecycle::CloseCause;
use crate::lifecycle::history::{End, Living, Session};

/// So many seconds after the start of 2026-01-01, UTC, an hour after this machine booted.
pub(super) fn at(seconds: f64) -> Now {
    let since = Duration::from_secs_f64(seconds);
    Now {
        at: Instant::from_boot(Duration::from_secs(3_600) + since),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600) + since,
    }
}

/// A session that the peer ended politely.
pub(super) fn dropped(number: u64, start: f64, age: f64) -> Session {
    let failure = Failure::new(Phase::Session, ErrorName::UnexpectedHangup, "the peer closed");
    session(number, start, age, End::Dropped(failure.with_detail(Detail::CloseNotify)))
}

/// A session that we ended.
pub(super) fn closed(number: u64, start: f64, age: f64, cause: CloseCause) -> Session {
    session(number, start, age, End::Closed(cause))
}

/// A session that lives.
pub(super) fn living(number: u64, start: f64) -> Living {
    Living {
        number,
        start: at(start),
        attempts: 1,
        tier: Tier::Quick,
        session_present: false,
        outage: None,
        keep_alive: Duration::from_secs(30),
    }
}

fn session(number: u64, start: f64, age: f64, ending: End) -> Session {
    let ended_by = if matches!(ending, End::Closed(_)) { EndedBy::Us } else { EndedBy::Peer };
    Session {
        number,
        start: at(start),
        end: at(start + age),
        alive: at(start + age).at,
        ended_by,
        ending,
        attempts: 1,
        phases: Vec::new(),
        session_present: false,
        subscriptions: 4,
        keep_alive: Duration::from_secs(30),
        peer: ([192, 0, 2, 1], 443).into(),
        local: ([192, 0, 2, 2], 40_000).into(),
        credentials_issued: None,
        credentials_expire: None,
        stats: LinkStats::default(),
        fatal_gaps: Vec::new(),
        tcp: None,
        tier: Tier::Quick,
        outage: None,
    }
}
