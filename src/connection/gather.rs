//! When to let messages gather in the socket for a moment, so that one wake-up takes many of them.
//!
//! Pure. Never for messages that wait for an answer, and never while they come slowly: those are heard at once.

use std::time::Duration;

use crate::clock::Instant;

/// How long they may gather.
pub(super) const MOMENT: Duration = Duration::from_millis(4);
/// So much ends the wait at once.
pub(super) const ENOUGH: u32 = 32 * 1024;
/// Packets that come more often than this cost more in wake-ups than in themselves.
const OFTEN: Duration = Duration::from_micros(500);
/// Judged over so many wake-ups.
const WAKES: u32 = 16;
/// A moment that brings fewer packets is not worth its wait.
const WORTH: u64 = 4;

/// How the socket was emptied of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gather {
    /// Since when packets are counted, and how many there were before.
    since: Instant,
    before: u64,
    wakes: u32,
    sent: u64,
    gathers: bool,
}

impl Gather {
    /// The socket is empty: so many packets came and so many bytes were sent since the connection began. Whether the next
    /// packets shall gather.
    pub(super) fn emptied(&mut self, packets: u64, sent: u64, now: Instant) -> bool {
        let answered = std::mem::replace(&mut self.sent, sent) != sent;
        let came = packets.saturating_sub(self.before);
        self.wakes += 1;
        if answered {
            self.judge(false, packets, now);
        } else if self.gathers {
            // Earlier than that it was told of what came before, or of enough.
            if now.saturating_since(self.since) >= MOMENT / 2 {
                self.judge(came >= WORTH, packets, now);
            }
        } else if self.wakes >= WAKES {
            let often = OFTEN.saturating_mul(u32::try_from(came).unwrap_or(u32::MAX));
            self.judge(now.saturating_since(self.since) < often, packets, now);
        }
        self.gathers
    }

    const fn judge(&mut self, gathers: bool, packets: u64, now: Instant) {
        *self = Self { since: now, before: packets, wakes: 0, sent: self.sent, gathers };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Empties the socket every `micros`, of `each` packets and with `answers` bytes sent; the answers.
    fn run(gather: &mut Gather, times: u64, micros: u64, each: u64, answers: u64) -> Vec<bool> {
        let base = *gather;
        let begin = Instant::from_boot(Duration::from_secs(1)).max(base.since);
        (1..=times)
            .map(|n| {
                let now = begin + Duration::from_micros(n * micros);
                gather.emptied(base.before + n * each, base.sent + n * answers, now)
            })
            .collect()
    }

    #[test]
    fn what_comes_fast_and_one_by_one_gathers_until_it_is_slow_again() {
        let mut gather = Gather::default();
        let fast = run(&mut gather, 40, 20, 1, 0);
        assert!(!fast[0] && fast[39], "{fast:?}");
        assert!(run(&mut gather, 50, 4000, 50, 0).iter().all(|gathers| *gathers));
        assert_eq!(run(&mut gather, 2, 4000, 1, 0), [false, false]);
    }

    #[test]
    fn what_comes_slowly_or_waits_for_an_answer_never_does() {
        assert!(!run(&mut Gather::default(), 1000, 1000, 1, 0).contains(&true));
        assert!(!run(&mut Gather::default(), 1000, 20, 1, 4).contains(&true));
        let mut gather = Gather::default();
        let _ = run(&mut gather, 40, 20, 1, 0);
        assert!(!run(&mut gather, 100, 4000, 20, 80).contains(&true));
    }
}
