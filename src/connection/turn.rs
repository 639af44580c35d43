//! Whose turn it is to connect: a process with many connections does not meet its broker with all of them at once. Pure.
//!
//! Never refuses a turn and never forgets one: they are given in the order in which they were asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Instant;

/// The turns of all connections of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    distance: Duration,
    /// The first moment that is not given away.
    free: Instant,
}

impl Turns {
    /// So many a second, in even distances.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let state = State { distance: distance(per_second), free: Instant::from_boot(Duration::ZERO) };
        Self(Arc::new(Mutex::new(state)))
    }

    /// From now on so many a second. Turns that are given stay.
    pub fn set_rate(&self, per_second: u32) {
        self.lock().distance = distance(per_second);
    }

    /// The next turn that is free: now, or behind those that were given before.
    #[must_use]
    pub fn take(&self, now: Instant) -> Instant {
        let mut state = self.lock();
        let turn = state.free.max(now);
        state.free = turn + state.distance;
        turn
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn distance(per_second: u32) -> Duration {
    Duration::from_secs(1) / per_second.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_boot(Duration::from_millis(1_000_000 + milliseconds))
    }

    #[test]
    fn one_connection_never_waits() {
        let turns = Turns::new(100);
        for moment in [0, 500, 510] {
            assert_eq!(turns.take(at(moment)), at(moment));
        }
    }

    #[test]
    fn no_second_sees_more_of_a_storm_than_its_rate() {
        let turns = Turns::new(100);
        let given: Vec<Instant> = (0..2_000_u64).map(|n| turns.take(at(n / 100))).collect();
        assert!(given.is_sorted(), "who asks first goes first");
        for (index, first) in given.iter().enumerate() {
            let within = given[index..]
                .iter()
                .take_while(|turn| turn.saturating_since(*first) < Duration::from_secs(1));
            assert!(within.count() <= 100);
        }
        assert_eq!(given[1_999].saturating_since(at(0)), Duration::from_millis(19_990));
    }

    #[test]
    fn a_new_rate_holds_for_the_turns_to_come() {
        let turns = Turns::new(1);
        assert_eq!([turns.take(at(0)), turns.take(at(0))], [at(0), at(1_000)]);
        turns.set_rate(1_000);
        assert_eq!([turns.take(at(0)), turns.take(at(0))], [at(2_000), at(2_001)]);
    }
}
