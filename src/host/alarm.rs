//! Wakes at once when the wall clock is set, which also happens when the machine wakes from a sleep.
//!
//! Never needed: without it the next regular look at the clocks finds the same, a few seconds later.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::ready;

/// A timer that never fires: all that is wanted is that it is cancelled.
const NEVER: i64 = 1 << 40;

/// The alarm.
#[derive(Debug)]
pub(super) struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    /// Sets it.
    ///
    /// # Errors
    /// When the system has no such timers or forbids them.
    pub(super) fn set() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Realtime, flags)?;
        arm(&timer)?;
        Ok(Self(ready::to_read(timer)?))
    }

    /// Returns when the wall clock was set. Cancel safe.
    ///
    /// # Errors
    /// When it is of no use any more.
    pub(super) async fn rings(&self) -> io::Result<()> {
        self.0
            .async_io(Interest::READABLE, |timer| {
                let mut fired = [0; 8];
                match rustix::io::read(timer, &mut fired[..]) {
                    // The timer itself does not stop: it is only to be asked for the next time.
                    Ok(_) | Err(Errno::CANCELED) => Ok(arm(timer)?),
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }
}

fn arm(timer: &OwnedFd) -> io::Result<()> {
    let never = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec { tv_sec: NEVER, tv_nsec: 0 },
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    rustix::time::timerfd_settime(timer, flags, &never)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn nothing_rings_while_nobody_sets_the_clock() {
        let alarm = Alarm::set().unwrap();
        let rang = tokio::time::timeout(Duration::from_millis(50), alarm.rings()).await;
        assert!(rang.is_err(), "{rang:?}");
    }
}
