//! Tells a dead network path from a quiet one, by the kernel's view of the connection. Pure.
//!
//! Never asks the kernel and never waits. The numbers here are also the socket options with which the kernel probes.
//!
//! The kernel alone can take twice [`DEAD_AFTER`]: its probes stop when something is sent, and for what was sent its
//! time begins anew. A ping that leaves late into a dead path would hide it for another 20 s. What counts here is how
//! long ago anything arrived, whatever was tried meanwhile.

use std::time::Duration;

use crate::host::TcpInfo;

/// A path on which nothing has arrived for this long, although the peer's kernel was asked, is dead.
pub const DEAD_AFTER: Duration = Duration::from_secs(20);
/// A path that is silent for this long is probed. Twice that is the longest time without a sign of life on a
/// healthy path that lost one probe.
pub const PROBE_AFTER: Duration = Duration::from_secs(10);
/// The time between two probes that are not answered.
pub const PROBE_EVERY: Duration = Duration::from_secs(5);

/// Probes and retransmissions without an answer that make a silence more than bad luck.
const ASKED_IN_VAIN: u32 = 2;

/// Time since the peer's kernel last proved to be there.
#[must_use]
pub fn silence(info: &TcpInfo) -> Duration {
    info.last_ack_received.min(info.last_data_received)
}

/// Whether an answer of the peer's kernel is awaited.
#[must_use]
pub const fn is_in_doubt(info: &TcpInfo) -> bool {
    info.unacked > 0 || info.probes > 0
}

/// Whether the path is dead.
#[must_use]
pub fn is_dead(info: &TcpInfo) -> bool {
    let asked = u32::from(info.probes) + u32::from(info.retransmits);
    silence(info) >= DEAD_AFTER && asked >= ASKED_IN_VAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent_for(seconds: u64) -> TcpInfo {
        let silence = Duration::from_secs(seconds);
        TcpInfo {
            state: 1,
            unacked: 0,
            retransmits: 0,
            probes: 0,
            backoff: 0,
            rtt: Duration::from_millis(30),
            total_retransmits: 0,
            last_data_received: silence + Duration::from_secs(60),
            last_ack_received: silence,
        }
    }

    #[test]
    fn a_silence_that_nobody_broke_proves_nothing() {
        assert!(!is_dead(&silent_for(3_600)));
        assert!(!is_in_doubt(&silent_for(3_600)));
    }

    #[test]
    fn unanswered_probes_are_a_dead_path_after_their_time() {
        assert!(!is_dead(&TcpInfo { probes: 2, ..silent_for(19) }));
        assert!(is_dead(&TcpInfo { probes: 2, ..silent_for(20) }));
    }

    #[test]
    fn a_ping_that_was_sent_late_does_not_begin_the_time_anew() {
        assert!(is_dead(&TcpInfo { probes: 1, unacked: 1, retransmits: 3, ..silent_for(20) }));
    }

    #[test]
    fn one_lost_probe_is_bad_luck() {
        assert!(!is_dead(&TcpInfo { probes: 1, ..silent_for(20) }));
    }

    #[test]
    fn data_that_arrives_is_a_sign_of_life_like_an_acknowledgement() {
        let talking =
            TcpInfo { last_data_received: Duration::ZERO, unacked: 1, retransmits: 5, ..silent_for(30) };
        assert!(!is_dead(&talking));
        assert!(is_in_doubt(&talking));
    }
}
