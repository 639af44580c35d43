//! When a session may be closed on purpose to tell two causes apart (drop-diagnosis.md section 5.3). Pure.
//! Never more often than once a day, and never where the session that lives will tell by itself.

use std::time::{Duration, SystemTime};

use super::Finding;
use super::claim::Pattern;
use super::pattern::apart;
use crate::clock::unix_seconds;
use crate::lifecycle::CloseCause;
use crate::lifecycle::history::{End, History};

/// At least this long between two probes.
const BETWEEN: Duration = Duration::from_secs(86_400);
/// A session that begins at least this share of the period away from the phase gives a vote when it drops.
const VOTES: f64 = 0.1;
/// A probe is made at least this share away from it: the reconnect may take its time.
const FAR: f64 = 0.25;

/// What the clock of a probe needs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Now.
    pub now: SystemTime,
    /// Offset of local time from UTC, in seconds.
    pub utc_offset: f64,
    /// The factor that times are multiplied by.
    pub scale: f64,
}

/// Whether the session that lives should be closed now and another begun: so that the next drop tells a limit on the
/// length of sessions from somebody's clock.
#[must_use]
pub fn is_due(history: &History, clock: Clock) -> bool {
    let Some(living) = history.living() else { return false };
    let probed = history.sessions().rev().find(|session| match session.ending {
        End::Closed(CloseCause::Probe) => true,
        End::Closed(
            CloseCause::Shutdown | CloseCause::Reload | CloseCause::Renewal | CloseCause::DeepReconnect,
        )
        | End::Dropped(_) => false,
    });
    let between = BETWEEN.div_f64(clock.scale);
    let rested =
        probed.is_none_or(|last| clock.now.duration_since(last.end.wall).is_ok_and(|since| since >= between));
    let off =
        |at, period, phase| apart(unix_seconds(at).mul_add(clock.scale, clock.utc_offset), phase, period);
    rested
        && history.findings().iter().filter_map(ambiguous).any(|(period, phase)| {
            off(living.start.wall, period, phase) < VOTES * period
                && off(clock.now, period, phase) >= FAR * period
        })
}

fn ambiguous(finding: &Finding) -> Option<(f64, f64)> {
    match finding.claim.pattern {
        Pattern::LifetimeOrCalendar { period, phase, .. } => Some((period, phase)),
        Pattern::Lifetime { .. }
        | Pattern::Calendar { .. }
        | Pattern::MessageLimit { .. }
        | Pattern::LifetimeOrCount { .. }
        | Pattern::AfterEvent { .. }
        | Pattern::Packet { .. }
        | Pattern::IdleTimeout { .. }
        | Pattern::Takeover { .. }
        | Pattern::ClockHint { .. }
        | Pattern::Burst { .. } => None,
    }
}

#[cfg(test)]
mod tests;
