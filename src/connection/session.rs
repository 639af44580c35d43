//! One open connection: moves bytes between the pipe and the protocol, and keeps the kernel's view of it.
//!
//! Never waits for the peer to read: a full send buffer ends with a name of its own.

mod incoming;
mod kernel;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Sleep;

use super::appetite::{self, Appetite};
use super::carried::Carried;
use super::classify::{self, Broken};
use super::codec::Codec;
use super::dialer::{Dialled, Reached};
use super::ending::{EndedBy, Ending};
use super::error::{ErrorName, RetryClass};
use super::gather::Gather;
use super::limits::Limits;
use super::message::{Outgoing, Refused};
use super::pipe::Pipe;
use super::plan::{Plan, Version};
use super::protocol::{Notice, Protocol};
use super::report::Report;
use super::{Failure, Phase};
use crate::clock::{self, Instant};
use crate::host::{self, TcpInfo};
use kernel::SAMPLE;

/// Bytes that may wait for a peer that does not read.
const BACKLOG: usize = 1024 * 1024;
/// The connection.
pub(super) struct Session {
    pipe: Pipe,
    protocol: Protocol,
    version: Version,
    codec: Codec,
    inbound: BytesMut,
    appetite: Appetite,
    gather: Gather,
    /// Until when the kernel lets messages gather.
    gathers_until: Option<Instant>,
    outbound: BytesMut,
    reached: Reached,
    limits: Limits,
    hangup_means_credentials: bool,
    accepted: bool,
    over: bool,
    bytes_received: u64,
    bytes_sent: u64,
    /// Since when nothing leaves although something waits, and what the kernel had taken by then.
    stalled: Option<(Instant, u64)>,
    arrival_told: Instant,
    sample_at: Instant,
    sampled_pings: u64,
    /// The kernel's last view, and when it was taken.
    tcp: Option<(TcpInfo, Instant)>,
    timer: Pin<Box<Sleep>>,
    timer_for: Option<Instant>,
}

impl Session {
    /// Sends CONNECT at the first turn.
    pub(super) fn new(dialled: Dialled, plan: &Plan, limits: Limits, carried: Carried, now: Instant) -> Self {
        let mut protocol = Protocol::resuming(plan, &limits, carried, now);
        protocol.start(now);
        Self {
            pipe: dialled.pipe,
            protocol,
            version: plan.version,
            codec: Codec::new(plan.version, plan.max_packet_size),
            inbound: BytesMut::new(),
            appetite: Appetite::new(),
            gather: Gather::default(),
            gathers_until: None,
            outbound: BytesMut::new(),
            reached: dialled.reached,
            limits,
            hangup_means_credentials: plan.hangup_means_credentials,
            accepted: false,
            over: false,
            bytes_received: 0,
            bytes_sent: 0,
            stalled: None,
            arrival_told: now,
            sample_at: now + SAMPLE,
            sampled_pings: 0,
            tcp: None,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            timer_for: None,
        }
    }

    /// Whether the last report is out.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn in_flight(&self) -> usize {
        self.protocol.in_flight()
    }

    pub(super) fn publish(&mut self, message: Outgoing) -> Result<(), Refused> {
        if self.is_choked() {
            return Err(Refused::TooManyInFlight);
        }
        self.protocol.publish(message, clock::now().at)?;
        self.encode();
        Ok(())
    }

    /// Does everything that can be done without waiting; ready when there is something to report.
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>, reports: &mut VecDeque<Report>) -> Poll<()> {
        loop {
            let now = clock::boot();
            if self.gathers_until.is_some_and(|until| until <= now) {
                self.gathers_until = None;
                host::set_low_water(self.pipe.wire().tcp(), 1);
            }
            // Who does not read our answers is not read either: what asks for an answer could else pile them up
            // without end.
            let choked = self.is_choked();
            let before = self.arrived();
            let mut more = !choked && self.read(cx, now);
            self.watch_arrival(before, now, reports);
            self.protocol.tick(now);
            self.write(cx, now);
            more |= choked && !self.is_choked();
            self.sample(now, reports);
            self.report(now, reports);
            if self.over || !reports.is_empty() {
                return Poll::Ready(());
            }
            if !more && !self.timer_fired(cx, now) {
                self.rest();
                return Poll::Pending;
            }
        }
    }

    /// Sends the farewell, DISCONNECT and the closes of every layer. Returns the books of an accepted session.
    pub(super) async fn close(mut self, farewell: Vec<Outgoing>, now: Instant) -> Option<Box<Ending>> {
        for message in farewell {
            if let Err(refused) = self.protocol.publish(message, now) {
                tracing::debug!(%refused, "a farewell message was not sent");
            }
        }
        self.protocol.leave(now);
        self.encode();
        let failure = Failure::new(Phase::Shutdown, ErrorName::UserRequestedStop, "we closed the connection");
        let ending = self.accepted.then(|| self.ending(failure, EndedBy::Us, now));
        let Self { mut pipe, mut outbound, limits, .. } = self;
        let polite = async move {
            if std::future::poll_fn(|cx| pipe.poll_write(cx, &mut outbound)).await.is_ok() {
                pipe.close().await;
            }
        };
        if tokio::time::timeout(limits.close, polite).await.is_err() {
            tracing::debug!("the peer did not close in time");
        }
        ending.map(Box::new)
    }

    /// As much as is allowed waits to be sent. Writing goes on, and wakes the task when it can.
    fn is_choked(&self) -> bool {
        self.outbound.len() >= BACKLOG
    }

    /// Nothing is to be done for a while: what a flood needed is given back.
    fn rest(&mut self) {
        if self.appetite.is_raised() && self.inbound.is_empty() {
            self.inbound = BytesMut::new();
        }
        if self.outbound.is_empty() && self.outbound.capacity() > appetite::MOST {
            self.outbound = BytesMut::new();
        }
    }

    fn encode(&mut self) {
        while let Some(packet) = self.protocol.poll_packet() {
            let before = self.outbound.len();
            match self.codec.encode(&packet, &mut self.outbound) {
                Ok(()) => {
                    self.bytes_sent += u64::try_from(self.outbound.len() - before).unwrap_or(u64::MAX);
                }
                Err(error) => {
                    let failure = classify::fault(self.protocol.phase(), self.version, error);
                    self.protocol.end(failure, EndedBy::LocalError);
                }
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.encode();
        match self.pipe.poll_write(cx, &mut self.outbound) {
            Poll::Ready(Ok(())) => self.stalled = None,
            Poll::Ready(Err(broken)) => {
                // The peer's last words may lie unread: they tell more than a failed write. Not so where the kernel gave
                // the path up: it says that once, and a read would find an end that nobody sent.
                let verdict = classify::broken(self.protocol.phase(), &broken).error;
                let path_is_gone =
                    [ErrorName::SocketTimeout, ErrorName::NoRouteToHost, ErrorName::NetworkDown];
                if !path_is_gone.contains(&verdict) {
                    self.read(cx, now);
                }
                self.broke(&broken);
            }
            Poll::Pending => {
                let taken = self.pipe.wire().taken();
                match self.stalled {
                    Some((since, before)) if before == taken => {
                        if now >= since + self.limits.ping && self.accepted {
                            let message = "the peer takes no more bytes";
                            let error = classify::ping_timeout(self.version);
                            let failure = Failure::new(self.protocol.phase(), error, message);
                            self.protocol.end(failure, EndedBy::Timeout);
                        }
                    }
                    Some(_) | None => self.stalled = Some((now, taken)),
                }
            }
        }
    }

    fn broke(&mut self, broken: &Broken) {
        let phase = self.protocol.phase();
        let mut failure = classify::broken(phase, broken);
        let orderly = failure.error == ErrorName::UnexpectedHangup;
        if orderly && phase == Phase::Connack && self.hangup_means_credentials {
            failure.class = RetryClass::Credential;
        }
        let by = classify::ended_by(&failure);
        self.protocol.end(failure, by);
    }

    fn report(&mut self, now: Instant, reports: &mut VecDeque<Report>) {
        while let Some(notice) = self.protocol.poll_notice() {
            reports.push_back(match notice {
                Notice::Entered(phase) => Report::Entered(phase),
                Notice::Finished(time) => Report::Finished(time),
                Notice::Terms(terms) => Report::Terms(terms),
                Notice::Accepted { session_present } => {
                    self.accepted = true;
                    let Reached { peer, local, certificate_expires } = self.reached;
                    Report::Accepted { session_present, peer, local, certificate_expires }
                }
                Notice::Restored { active, refused } => Report::Restored { active, refused },
                Notice::Message(message) => Report::Message(message),
                Notice::Acknowledged(token) => Report::Acknowledged(token),
                Notice::Refused { token, code } => Report::Refused { token, code },
                Notice::Pinged(took) => Report::Pinged(took),
                Notice::Over(failure, by) => {
                    self.over = true;
                    if self.accepted {
                        Report::Ended(Box::new(self.ending(failure, by, now)))
                    } else {
                        Report::Failed(failure)
                    }
                }
            });
        }
    }

    /// Whether the next deadline has passed; if not, the task is woken then.
    fn timer_fired(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let stall = self.stalled.map(|(since, _)| since + self.limits.ping).filter(|_| self.accepted);
        let next = [self.protocol.deadline(), stall, self.gathers_until]
            .into_iter()
            .flatten()
            .fold(self.sample_at, Instant::min);
        if next <= now {
            return true;
        }
        // One that fires too early costs a look; setting it anew for every message would cost more.
        if self.timer_for.is_none_or(|armed| next < armed || armed <= now) {
            self.timer_for = Some(next);
            self.timer.set(tokio::time::sleep(next.saturating_since(now)));
        }
        let fired = self.timer.as_mut().poll(cx).is_ready();
        if fired {
            // The runtime's clock and ours may differ by a little: it is set anew if the deadline is still ahead.
            self.timer_for = None;
        }
        fired
    }
}
