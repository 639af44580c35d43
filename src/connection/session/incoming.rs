//! What comes in on an open connection: read, decoded, and watched while it is not whole.
//!
//! Never reads so much at once that the timers have to wait.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use super::super::ending::EndedBy;
use super::super::report::Report;
use super::super::{Phase, appetite, classify, gather};
use super::Session;
use crate::clock::Instant;
use crate::host;

/// Reads per turn: a burst costs one wake-up, and a flood cannot keep the timers waiting.
const READS: usize = 8;
/// Bytes per turn, for the same reason: what is decoded from them is heard before the next turn.
const TURN: usize = appetite::MOST;
/// How often it is told that a packet arrives which is not whole yet.
const ARRIVING: Duration = Duration::from_secs(1);

impl Session {
    /// Reads and decodes; whether there may be more to read at once.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut taken = 0;
        for _ in 0..READS {
            match self.pipe.poll_read(cx, &mut self.inbound, self.appetite.size()) {
                Poll::Pending => {
                    if taken > 0 {
                        self.emptied(now);
                    }
                    return false;
                }
                Poll::Ready(Ok(count)) => {
                    self.bytes_received += u64::try_from(count).unwrap_or(u64::MAX);
                    self.appetite.took(count);
                    self.decode(now);
                    taken += count;
                    if taken >= TURN {
                        break;
                    }
                }
                Poll::Ready(Err(broken)) => {
                    self.broke(&broken);
                    return false;
                }
            }
        }
        true
    }

    /// Bytes from the kernel and packets so far.
    pub(super) fn arrived(&self) -> (u64, u64) {
        (self.pipe.wire().given(), self.protocol.stats().packets_received)
    }

    /// A large packet on a slow path takes its time: who waits for it hears that it comes.
    pub(super) fn watch_arrival(&mut self, before: (u64, u64), now: Instant, reports: &mut VecDeque<Report>) {
        let after = self.arrived();
        if before.0 == after.0 || before.1 != after.1 {
            return;
        }
        self.protocol.arriving(now);
        if self.accepted && now >= self.arrival_told + ARRIVING {
            self.arrival_told = now;
            reports.push_back(Report::Arriving);
        }
    }

    /// The socket has no more for now.
    fn emptied(&mut self, now: Instant) {
        let packets = self.protocol.stats().packets_received;
        let gathers = self.gather.emptied(packets, self.bytes_sent, now);
        if gathers || self.gathers_until.is_some() {
            self.gathers_until = gathers.then(|| now + gather::MOMENT);
            host::set_low_water(self.pipe.wire().tcp(), if gathers { gather::ENOUGH } else { 1 });
        }
    }

    fn decode(&mut self, now: Instant) {
        loop {
            let phase = self.protocol.phase();
            if phase == Phase::Connack
                && let Some(failure) = classify::first_bytes(&self.inbound)
            {
                return self.protocol.end(failure, EndedBy::Peer);
            }
            if phase == Phase::Shutdown {
                return;
            }
            match self.codec.decode(&mut self.inbound) {
                Ok(Some(packet)) => self.protocol.handle(packet, now),
                Ok(None) => return,
                Err(error) => {
                    let failure = classify::fault(phase, self.version, error);
                    let by = classify::ended_by(&failure);
                    return self.protocol.end(failure, by);
                }
            }
        }
    }
}
