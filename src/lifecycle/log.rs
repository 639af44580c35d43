//! The log lines of a connection's life: one for each change of state, with fields.
//! Never a URL, a topic, an address or a payload; called by the recorder only.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::narrate::Loudness;
use super::open::OpenSession;
use super::{CloseCause, CredentialEvent};
use crate::connection::ending::EndedBy;
use crate::connection::{Failure, Tier};
use crate::diagnosis::Verdict;
use crate::lifecycle::Why;

/// In a long outage each attempt is one more of the same; its failure says what is news.
pub(super) fn attempt_started(connection: &str, tier: Tier, attempt: u32) {
    let tier = tier.as_str();
    if attempt == 1 {
        info!(connection, tier, "connecting");
    } else {
        debug!(connection, tier, attempt, "connecting again");
    }
}

/// A refusal ends an attempt or a look-up, which says it loud and in words.
pub(super) fn credentials(connection: &str, event: &CredentialEvent) {
    let kind = event.kind.as_str();
    match event.outcome {
        Ok(expiry) => {
            let expires = expiry.map(|expiry| humantime::format_rfc3339_seconds(expiry).to_string());
            info!(connection, kind, expires, "credentials obtained");
        }
        Err(error) => debug!(connection, kind, %error, "credentials refused"),
    }
}

/// An early warning, and its end.
pub(super) fn path(connection: &str, suspect: bool) {
    if suspect {
        info!(connection, "the network path is suspect: the broker's machine acknowledges nothing");
    } else {
        info!(connection, "the network path is fine again");
    }
}

pub(super) fn attempt_interrupted(connection: &str) {
    info!(connection, "attempt interrupted");
}

/// `times`: how often it came since the last session.
pub(super) fn attempt_failed(connection: &str, failure: &Failure, times: u32, loudness: Loudness) {
    let (error, phase, code) = (failure.error.as_str(), failure.phase.as_str(), failure.error.code());
    let (detail, message) = (failure.detail, failure.message.as_str());
    match loudness {
        Loudness::Error => error!(
            connection,
            error,
            code,
            phase,
            %detail,
            times,
            "attempt failed, and only a person can help: {message}"
        ),
        Loudness::Warn => warn!(connection, error, code, phase, %detail, times, "attempt failed: {message}"),
        Loudness::Quiet => {
            debug!(connection, error, code, phase, %detail, times, "attempt failed again: {message}");
        }
    }
}

pub(super) fn established(connection: &str, session: &OpenSession, outage: Option<Duration>) {
    let (attempts, session_present) = (session.attempts, session.session_present);
    let outage_seconds = outage.map(seconds_of);
    info!(connection, attempts, session_present, outage_seconds, "session accepted by the broker");
}

pub(super) fn restored(connection: &str, subscriptions: usize, refused: usize) {
    if refused == 0 {
        info!(connection, subscriptions, "online");
    } else {
        warn!(connection, subscriptions, refused, "online, but the broker refused subscriptions");
    }
}

/// What came after it may explain it better: [`explained`] says that.
pub(super) fn dropped(
    connection: &str,
    failure: &Failure,
    who: EndedBy,
    lasted: Option<Duration>,
    verdict: &Verdict,
) {
    warn!(
        connection,
        error = failure.error.as_str(),
        code = failure.error.code(),
        phase = failure.phase.as_str(),
        detail = %failure.detail,
        ended_by = ended_by(who),
        session_seconds = lasted.map(seconds_of),
        cause = verdict.cause.as_str(),
        evidence = verdict.evidence.as_str(),
        seen = verdict.words,
        "connection dropped: {}",
        failure.message
    );
}

pub(super) fn explained(connection: &str, session: u64, verdict: &Verdict) {
    let (cause, evidence) = (verdict.cause.as_str(), verdict.evidence.as_str());
    info!(connection, session, cause, evidence, "the last drop is explained: {}", verdict.words);
}

pub(super) fn closed(connection: &str, cause: CloseCause, lasted: Option<Duration>) {
    let session_seconds = lasted.map(seconds_of);
    info!(connection, cause = cause.as_str(), session_seconds, "session closed");
}

/// As loud as what the wait is for.
pub(super) fn waiting(connection: &str, delay: Duration, next_attempt: u32, why: Why, after: Loudness) {
    let seconds = seconds_of(delay);
    let (loud, why) = (why.keeps_away(), why.as_str());
    if loud {
        warn!(connection, seconds, next_attempt, why, "staying away");
        return;
    }
    match after {
        Loudness::Error | Loudness::Warn => {
            info!(connection, seconds, next_attempt, why, "waiting before the next attempt");
        }
        Loudness::Quiet => debug!(connection, seconds, next_attempt, why, "waiting again"),
    }
}

pub(super) fn stopped(connection: &str) {
    info!(connection, "stopped");
}

const fn ended_by(who: EndedBy) -> &'static str {
    match who {
        EndedBy::Peer => "peer",
        EndedBy::Timeout => "timeout",
        EndedBy::LocalError => "local_error",
        EndedBy::Us => "us",
    }
}

/// Seconds with the milliseconds that a person may want, and no noise behind them.
fn seconds_of(duration: Duration) -> f64 {
    // Divided once: whole seconds plus a fraction make 1.8599999999999999 of 1.86.
    u32::try_from(duration.as_millis())
        .map_or_else(|_| duration.as_secs_f64(), |millis| f64::from(millis) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_three_decimals_at_most() {
        let said =
            [1_860, 718, 3_000, 32_675].map(|millis| seconds_of(Duration::from_millis(millis)).to_string());
        assert_eq!(said, ["1.86", "0.718", "3", "32.675"]);
    }
}
