//! The only place that reads a clock.
//!
//! Everything else takes [`Now`] as an argument, so that a decision can be replayed.

use std::ops::{Add, Sub};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A point on the boot clock (`CLOCK_BOOTTIME`): never steps, and counts time spent suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(Duration);

impl Instant {
    /// The instant `since_boot` after the machine booted.
    #[must_use]
    pub const fn from_boot(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// Time since the machine booted.
    #[must_use]
    pub const fn since_boot(self) -> Duration {
        self.0
    }

    /// Time from `earlier` to `self`, or zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs))
    }
}

/// One reading of both clocks: `at` for ages and deadlines, `wall` for people and calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The boot clock.
    pub at: Instant,
    /// The wall clock, which may step.
    pub wall: SystemTime,
}

impl Now {
    /// Both clocks moved on by `by`.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self { at: self.at + by, wall: self.wall + by }
    }

    /// Seconds since the Unix epoch, as Prometheus wants timestamps.
    #[must_use]
    pub fn unix_seconds(self) -> f64 {
        unix_seconds(self.wall)
    }
}

/// Seconds since the Unix epoch; zero for times before it.
#[must_use]
pub fn unix_seconds(wall: SystemTime) -> f64 {
    wall.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Reads the boot clock alone.
#[must_use]
pub fn boot() -> Instant {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Instant(Duration::new(u64::try_from(boot.tv_sec).unwrap_or(0), u32::try_from(boot.tv_nsec).unwrap_or(0)))
}

/// Reads both clocks.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads a clock")]
pub fn now() -> Now {
    Now { at: boot(), wall: SystemTime::now() }
}

/// One reading of the clocks that tell a sleep of the machine and a step of its wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readings {
    /// The boot clock, which counts time asleep, and the wall clock.
    pub now: Now,
    /// The monotonic clock, which does not count time asleep.
    pub monotonic: Duration,
}

/// A reading that takes longer says nothing of the difference between two clocks: the process was stopped in between.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Reads the three clocks as if at once; `None` if the process was interrupted each time.
#[must_use]
pub fn readings() -> Option<Readings> {
    (0..3).find_map(|_| {
        let before = now();
        let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let monotonic = Duration::new(
            u64::try_from(monotonic.tv_sec).unwrap_or(0),
            u32::try_from(monotonic.tv_nsec).unwrap_or(0),
        );
        let took = now().at.saturating_since(before.at);
        (took < AT_ONCE).then_some(Readings { now: before, monotonic })
    })
}

/// Wakes at a time that is put off again and again, without setting a timer for each: it may ring too early.
///
/// The runtime's timers stand still while the machine is suspended, so a sleeper may wake late: ask [`now`] again.
#[derive(Debug, Default)]
pub struct Alarm {
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    armed: Option<Instant>,
}

impl Alarm {
    /// Rings at `at` or before.
    pub fn set(&mut self, at: Instant, now: Instant) {
        if self.armed.is_some_and(|armed| armed <= at && armed > now) {
            return;
        }
        let sleep = tokio::time::sleep(at.saturating_since(now));
        match &mut self.sleep {
            Some(old) => old.set(sleep),
            None => self.sleep = Some(Box::pin(sleep)),
        }
        self.armed = Some(at);
    }

    /// Waits for it; for ever when it is not set. Cancel safe.
    pub async fn rings(&mut self) {
        match self.sleep.as_mut().filter(|_| self.armed.is_some()) {
            Some(sleep) => sleep.as_mut().await,
            None => std::future::pending().await,
        }
        self.armed = None;
    }
}

/// Sleeps until `at`; returns at once when it has passed.
///
/// The runtime's timers stand still while the machine is suspended, so a sleeper may wake late: ask [`now`] again.
pub async fn sleep_until(at: Instant) {
    tokio::time::sleep(at.saturating_since(now().at)).await;
}
