//! Tells from readings of the clocks that this machine slept, or that its wall clock was stepped. Pure.
//!
//! Never reads a clock: `clock.rs` does.

use std::time::{Duration, SystemTime};

use super::SignalKind;
use crate::clock::Readings;

/// Growth of boot time over monotonic time, and of wall time over boot time, that means something
/// (`drop-diagnosis.md` §1). Clocks that are slewed stay far below it: 5 ms in ten seconds.
const NOTICED: Duration = Duration::from_secs(2);

/// A step of the wall clock that people should hear of: certificates and signed URLs live by it.
pub(super) const REPORTED: Duration = Duration::from_secs(30);

/// What happened between two readings: nothing, a sleep, a step, or both.
pub(super) fn compare(before: &Readings, after: &Readings) -> Vec<SignalKind> {
    let slept = asleep(after).saturating_sub(asleep(before));
    let suspended = (slept >= NOTICED).then_some(SignalKind::Suspended(slept));
    suspended.into_iter().chain(step(before, after)).collect()
}

/// How long the machine has slept since it booted: the one clock counts that time, the other does not.
fn asleep(readings: &Readings) -> Duration {
    readings.now.at.since_boot().saturating_sub(readings.monotonic)
}

/// The wall clock against the boot clock, which never steps.
fn step(before: &Readings, after: &Readings) -> Option<SignalKind> {
    let passed = after.now.at.saturating_since(before.now.at);
    let expected: SystemTime = before.now.wall.checked_add(passed)?;
    match after.now.wall.duration_since(expected) {
        Ok(ahead) => (ahead >= NOTICED).then_some(SignalKind::ClockForward(ahead)),
        Err(behind) => (behind.duration() >= NOTICED).then(|| SignalKind::ClockBack(behind.duration())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::{Instant, Now};

    /// Milliseconds of the boot, the monotonic and the wall clock.
    fn read(boot: u64, monotonic: u64, wall: u64) -> Readings {
        let ms = Duration::from_millis;
        Readings {
            now: Now {
                at: Instant::from_boot(ms(boot)),
                wall: SystemTime::UNIX_EPOCH + ms(1_700_000_000_000 + wall),
            },
            monotonic: ms(monotonic),
        }
    }

    #[test]
    fn clocks_that_run_together_say_nothing() {
        assert_eq!(compare(&read(9_000, 4_000, 0), &read(14_000, 9_000, 5_000)), []);
    }

    #[test]
    fn a_sleep_is_as_long_as_boot_time_ran_ahead() {
        let told = compare(&read(9_000, 4_000, 0), &read(614_000, 9_000, 605_000));
        assert_eq!(told, [SignalKind::Suspended(Duration::from_secs(600))]);
    }

    #[test]
    fn less_than_two_seconds_are_neither_a_sleep_nor_a_step() {
        assert_eq!(compare(&read(0, 0, 0), &read(6_999, 5_000, 6_999)), []);
        assert_eq!(compare(&read(0, 0, 0), &read(5_000, 5_000, 6_999)), []);
        assert_eq!(compare(&read(0, 0, 10_000), &read(5_000, 5_000, 13_001)), []);
    }

    #[test]
    fn two_seconds_are() {
        let two = Duration::from_secs(2);
        assert_eq!(compare(&read(0, 0, 0), &read(7_000, 5_000, 7_000)), [SignalKind::Suspended(two)]);
        assert_eq!(compare(&read(0, 0, 0), &read(5_000, 5_000, 7_000)), [SignalKind::ClockForward(two)]);
        assert_eq!(compare(&read(0, 0, 10_000), &read(5_000, 5_000, 13_000)), [SignalKind::ClockBack(two)]);
    }

    #[test]
    fn a_sleep_from_which_the_wall_clock_wakes_wrong_is_both() {
        let told = compare(&read(0, 0, 0), &read(65_000, 5_000, 5_000));
        let minute = Duration::from_secs(60);
        assert_eq!(told, [SignalKind::Suspended(minute), SignalKind::ClockBack(minute)]);
    }

    #[test]
    fn a_clock_that_is_slewed_never_steps_however_long_it_takes() {
        // 500 ppm, the fastest that the kernel slews: after an hour it is 1.8 s off, after two it is 3.6 s off.
        let at = |tick: u64| read(tick * 5_000, tick * 5_000, tick * 5_000 + tick * 5 / 2);
        for tick in 0..2_000 {
            assert_eq!(compare(&at(tick), &at(tick + 1)), []);
        }
    }

    proptest! {
        #[test]
        fn any_readings_are_compared(
            a in any::<(u32, u32, u32)>(),
            b in any::<(u32, u32, u32)>(),
        ) {
            let (before, after) = (
                read(a.0.into(), a.1.into(), a.2.into()),
                read(b.0.into(), b.1.into(), b.2.into()),
            );
            for kind in compare(&before, &after) {
                let (SignalKind::Suspended(long) | SignalKind::ClockForward(long) | SignalKind::ClockBack(long)) =
                    kind
                else {
                    return Err(TestCaseError::fail(format!("{kind:?} is not about clocks")));
                };
                prop_assert!(long >= NOTICED);
            }
        }
    }
}
