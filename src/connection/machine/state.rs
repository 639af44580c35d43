//! The states of a connection, and what is known in each.
//! Only data: the transitions are next door.

use super::retry::Rest;
use super::words::Facts;
use crate::clock::Instant;
use crate::connection::{Failure, Phase, Tier};
use crate::lifecycle::CloseCause;

/// What a connection is doing. `Stop` and `Reload` lead from every state to Stopped, if a link is open by way of
/// Closing; that is not repeated below.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Not started. Next: Planning.
    Idle,
    /// The source prepares a plan. Next: Connecting (planned), Waiting (failed, or not in time).
    Planning { attempt: Attempt, guard: Instant },
    /// A link dials. Next: Subscribing (accepted), Waiting (failed), Closing (the link hangs).
    Connecting { attempt: Attempt, facts: Facts, phase: Phase, guard: Instant },
    /// A session is up. Next: Online (all SUBACKs), Waiting (dropped), Closing (the link hangs).
    Subscribing { session: Session, guard: Instant },
    /// Working. Next: Waiting (dropped), Closing (renewal, rebuild, the link hangs).
    Online { session: Session, heard: Instant },
    /// A link of ours closes; no other is opened meanwhile. Next: Waiting, Planning or Stopped, as `then` says.
    Closing { parting: Parting, then: Then, alive: Instant, guard: Instant },
    /// Between attempts. Next: Planning (the time has come, or the network came back).
    Waiting { rest: Rest, number: u32 },
    /// Finished. Next: none.
    Stopped,
}

/// One attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Attempt {
    pub(super) tier: Tier,
    /// 1 for the first of an outage.
    pub(super) number: u32,
}

/// One accepted session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Session {
    pub(super) tier: Tier,
    pub(super) facts: Facts,
    pub(super) since: Instant,
    pub(super) renew: Option<Instant>,
}

/// What is recorded when a link that we closed is closed at last.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parting {
    /// Nothing: the attempt's end is on record.
    Silent,
    /// We ended a session.
    Closed(CloseCause),
    /// We gave up a session that hung: not what we asked for.
    Dropped(Failure),
}

/// What comes after a close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Then {
    Rest { rest: Rest, number: u32 },
    Stop,
}
