//! Whether a session belongs to a pattern, and whether it could have. Pure.
//! Never decides whether a pattern is there: that is the matter of the tests.

use super::claim::{Counter, Pattern};
use super::{Case, Counts, EventKind, Lived};
use crate::connection::ending::EndedBy;

/// A close of a taken-over session comes sooner than this.
const YOUNG: f64 = 120.0;
/// Half of the window of the scan: a message more that was on its way when the broker closed speaks against nothing.
const AROUND: f64 = 0.05;

/// Whether this session ended as the pattern says that sessions end.
#[must_use]
pub(super) fn belongs(pattern: &Pattern, session: &Lived, case: &Case) -> bool {
    if session.ended_by == EndedBy::Us {
        return false;
    }
    let end = session.start + session.age;
    match pattern {
        // As far around as a known limit is sought (drop-diagnosis.md section 4.2).
        Pattern::Lifetime { age, from, to, .. } => {
            let around = (0.01 * age).max(5.0);
            (from - around..=to + around).contains(&session.age)
        }
        Pattern::Calendar { period, phase } => off_phase(end, *period, *phase, case) <= tolerance(*period),
        Pattern::LifetimeOrCalendar { age, period, phase } => {
            (session.age - age).abs() <= tolerance(*period)
                && off_phase(end, *period, *phase, case) <= tolerance(*period)
        }
        Pattern::MessageLimit { counter, from, to, .. } => {
            let around = AROUND * to;
            (from - around..=to + around).contains(&value(&session.counts, *counter))
        }
        Pattern::LifetimeOrCount { age, counter, count } => {
            near(session.age, *age) && near(value(&session.counts, *counter), *count)
        }
        Pattern::AfterEvent { event, window, .. } => case
            .events
            .iter()
            .filter(|events| events.kind == *event)
            .flat_map(|events| &events.times)
            .any(|at| (earliest(*event, *window)..=*window).contains(&(end - at))),
        Pattern::Packet { packet, topic, .. } => session
            .sends
            .iter()
            .any(|sends| sends.packet == *packet && sends.topic == *topic && sends.closed > 0),
        Pattern::IdleTimeout { fatal, .. } => session.fatal_gaps.iter().any(|gap| gap >= fatal),
        Pattern::Takeover { .. } => {
            session.taken_over || (session.orderly && session.age < YOUNG && session.reconnected_at_once)
        }
        Pattern::ClockHint { period, phase } => off_phase(end, *period, *phase, case) <= period / 20.0,
        Pattern::Burst { at, window, .. } => (0.0..=*window).contains(&(end - at)),
    }
}

/// Whether a session that does not belong speaks against the pattern. One that we closed before it could show anything
/// does not, and a burst concerns no session but those that it ended.
#[must_use]
pub(super) fn speaks(pattern: &Pattern, session: &Lived) -> bool {
    if session.ended_by != EndedBy::Us {
        return true;
    }
    match pattern {
        Pattern::Lifetime { age, .. }
        | Pattern::LifetimeOrCalendar { age, .. }
        | Pattern::LifetimeOrCount { age, .. } => session.age > *age,
        Pattern::Calendar { period, .. } | Pattern::ClockHint { period, .. } => session.age > *period,
        Pattern::MessageLimit { counter, to, .. } => value(&session.counts, *counter) > (1.0 + AROUND) * to,
        Pattern::Packet { packet, topic, .. } => session
            .sends
            .iter()
            .any(|sends| sends.packet == *packet && sends.topic == *topic && sends.sent > 0),
        Pattern::Takeover { .. } => session.age >= YOUNG,
        // What it would have taken is not kept of a session that we closed.
        Pattern::AfterEvent { .. } | Pattern::IdleTimeout { .. } | Pattern::Burst { .. } => false,
    }
}

/// A drop may come a little before an expiry: the clocks of two machines differ.
fn earliest(event: EventKind, window: f64) -> f64 {
    if event == EventKind::CredentialExpiry { -window } else { 0.0 }
}

/// How far a time lies from a phase of local time.
fn off_phase(time: f64, period: f64, phase: f64, case: &Case) -> f64 {
    let off = (time + case.utc_offset - phase).rem_euclid(period);
    off.min(period - off)
}

/// How far a drop may lie from its phase (drop-diagnosis.md section 5.1).
fn tolerance(period: f64) -> f64 {
    (0.02 * period).max(60.0)
}

/// As wide as the window of the scan.
fn near(value: f64, of: f64) -> bool {
    (value - of).abs() <= 0.1 * of
}

#[expect(clippy::cast_precision_loss, reason = "a session moves far less than 2^52 of anything")]
fn value(counts: &Counts, counter: Counter) -> f64 {
    match counter {
        Counter::MessagesReceived => counts.messages_received as f64,
        Counter::MessagesSent => counts.messages_sent as f64,
        Counter::Bytes => counts.bytes as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::examples::aged;
    use super::*;

    #[test]
    fn a_few_messages_more_than_the_others_still_belong_to_a_message_limit() {
        let limit =
            Pattern::MessageLimit { counter: Counter::MessagesSent, count: 151.0, from: 151.0, to: 151.0 };
        let mut case = aged(&[100.0]);
        let mut after = |messages, ended_by| {
            case.sessions[0].counts.messages_sent = messages;
            case.sessions[0].ended_by = ended_by;
            let session = &case.sessions[0];
            (belongs(&limit, session, &case), speaks(&limit, session))
        };
        assert!(after(152, EndedBy::Peer).0 && after(150, EndedBy::Peer).0);
        assert!(!after(170, EndedBy::Peer).0 && !after(130, EndedBy::Peer).0);
        assert!(!after(152, EndedBy::Us).1 && after(170, EndedBy::Us).1);
    }
}
