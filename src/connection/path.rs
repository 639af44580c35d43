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

/// A probe is answered by then, unless the round trip is a long one or something was lost.
const PROBE_ANSWERED: Duration = Duration::from_secs(1);

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

/// Whether the path may be dying: an early warning. One retransmission is a lost segment, and a first probe is out for
/// a round trip on every quiet path; a second of either means that the first was in vain, of the probes for
/// [`PROBE_EVERY`].
#[must_use]
pub fn is_suspect(info: &TcpInfo) -> bool {
    let resent = info.unacked > 0 && u32::from(info.retransmits) >= ASKED_IN_VAIN;
    resent || u32::from(info.probes) >= ASKED_IN_VAIN
}

/// How soon to ask the kernel again, when it is asked every `calm` at least and every `doubtful` while it waits for an
/// answer: a silence is looked at once more when its first probe should have been answered, so that the suspicion of a
/// dead path comes before its end.
#[must_use]
pub fn look_again(info: &TcpInfo, calm: Duration, doubtful: Duration) -> Duration {
    let until = |limit: Duration| limit.checked_sub(silence(info)).filter(|left| !left.is_zero());
    if is_in_doubt(info) {
        until(DEAD_AFTER).map_or(doubtful, |verdict| verdict.min(doubtful))
    } else {
        until(PROBE_AFTER + PROBE_ANSWERED).map_or(calm, |probed| probed.min(calm))
    }
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
    fn a_second_retransmission_and_a_second_probe_are_suspect_and_first_ones_are_not() {
        let calm = silent_for(5);
        assert!(!is_suspect(&calm));
        assert!(!is_suspect(&TcpInfo { unacked: 3, retransmits: 1, ..calm }));
        assert!(is_suspect(&TcpInfo { unacked: 3, retransmits: 2, ..calm }));
        assert!(!is_suspect(&TcpInfo { unacked: 0, retransmits: 2, ..calm }), "all was acknowledged");
        assert!(!is_suspect(&TcpInfo { probes: 1, ..calm }));
        assert!(is_suspect(&TcpInfo { probes: 2, ..calm }));
    }

    #[test]
    fn a_path_whose_probes_are_lost_is_suspect_before_it_is_dead() {
        let seconds = Duration::from_secs;
        // Looks begin at any moment of a silence; the kernel probes after 10 s and then every 5 s.
        for begin in 0..100 {
            let mut silence = Duration::from_millis(begin * 100);
            let mut suspected = None;
            loop {
                let probes = silence
                    .checked_sub(PROBE_AFTER)
                    .map_or(0, |late| 1 + late.as_secs() / PROBE_EVERY.as_secs());
                let info = TcpInfo {
                    probes: u8::try_from(probes).unwrap(),
                    last_ack_received: silence,
                    last_data_received: silence,
                    ..silent_for(0)
                };
                if is_suspect(&info) {
                    suspected.get_or_insert(silence);
                }
                if is_dead(&info) {
                    break;
                }
                silence += look_again(&info, seconds(10), seconds(2));
            }
            assert_eq!(silence, DEAD_AFTER, "it is not noticed late");
            assert!(suspected.unwrap() <= seconds(17), "{suspected:?}");
        }
    }

    #[test]
    fn a_healthy_path_is_looked_at_no_more_often_than_it_must() {
        let seconds = Duration::from_secs;
        for silence in [0, 1, 11, 60, 3_600] {
            let calm = TcpInfo { last_data_received: seconds(silence), ..silent_for(silence) };
            assert_eq!(look_again(&calm, seconds(10), seconds(2)), seconds(10), "{silence}");
        }
        assert_eq!(look_again(&silent_for(7), seconds(10), seconds(2)), seconds(4));
    }

    #[test]
    fn data_that_arrives_is_a_sign_of_life_like_an_acknowledgement() {
        let talking =
            TcpInfo { last_data_received: Duration::ZERO, unacked: 1, retransmits: 5, ..silent_for(30) };
        assert!(!is_dead(&talking));
        assert!(is_in_doubt(&talking));
    }
}
