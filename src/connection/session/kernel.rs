//! What the kernel knows of an open connection: looked at now and then, and once more when it ends.
//!
//! Never takes a socket that was given up for its last word: the sample before it knows more.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::super::ending::{EndedBy, Ending, LinkStats};
use super::super::report::Report;
use super::super::{Detail, Failure, classify, path};
use super::Session;
use crate::clock::Instant;
use crate::diagnosis::evidence;
use crate::host;

/// How often the kernel is asked (`drop-diagnosis.md` §1).
pub(super) const SAMPLE: Duration = Duration::from_secs(10);
/// How soon after a ping: a healthy path has acknowledged it by then.
const SAMPLE_AFTER_PING: Duration = Duration::from_secs(1);
/// How often while something is unacknowledged or the kernel probes, so that the last view before an end is a recent one.
const SAMPLE_IN_DOUBT: Duration = Duration::from_secs(2);
/// `TCP_CLOSE`.
const CLOSED: u8 = 7;

impl Session {
    /// Asks the kernel when it is time.
    pub(super) fn sample(&mut self, now: Instant, reports: &mut VecDeque<Report>) {
        let pings = self.protocol.stats().pings_sent;
        if pings != self.sampled_pings {
            self.sampled_pings = pings;
            self.sample_at = self.sample_at.min(now + SAMPLE_AFTER_PING);
        }
        if now < self.sample_at {
            return;
        }
        self.sample_at = now + SAMPLE;
        if let Some(info) = host::tcp_info(self.pipe.wire().tcp()) {
            if path::is_dead(&info) {
                // The kernel would say the same, later.
                let failure = classify::io(self.protocol.phase(), &io::ErrorKind::TimedOut.into());
                self.protocol.end(failure, EndedBy::Timeout);
            }
            self.sample_at = now + path::look_again(&info, SAMPLE, SAMPLE_IN_DOUBT);
            self.protocol.acknowledged_by_kernel(now - info.last_ack_received);
            self.tcp = Some((info, now));
            if self.accepted {
                reports.push_back(Report::Tcp(info));
            }
        }
    }

    /// The books of a session that is over.
    pub(super) fn ending(&mut self, failure: Failure, ended_by: EndedBy, now: Instant) -> Ending {
        let last = host::tcp_info(self.pipe.wire().tcp());
        let acknowledged = last.map(|info| now - info.last_ack_received.min(info.last_data_received));
        if let Some(at) = acknowledged {
            self.protocol.acknowledged_by_kernel(at);
        }
        // A close by the peer is a proof of life; a reset may come from the middle of the path, and still it is
        // the moment at which the connection ended.
        let alive = match ended_by {
            EndedBy::Peer => now,
            EndedBy::Timeout | EndedBy::LocalError | EndedBy::Us => {
                acknowledged.map_or(self.protocol.last_received(), |at| at.max(self.protocol.last_received()))
            }
        };
        // A socket that the kernel has given up has forgotten what was unacknowledged; the last sample has not.
        let last = last.map(|info| (info, now));
        let tcp = last.filter(|(info, _)| info.state != CLOSED).or(self.tcp).or(last);
        let round_trip = tcp.map(|(info, _)| info.rtt).or(self.protocol.stats().last_ping);
        let closed_by_peer = ended_by == EndedBy::Peer
            && (evidence::is_orderly(failure.detail) || failure.detail == Detail::Rst);
        let stats = LinkStats {
            bytes_received: self.bytes_received,
            bytes_sent: self.bytes_sent,
            tcp_at: tcp.map(|(_, at)| at),
            last_received: Some(self.protocol.last_received()),
            sends: self.protocol.sends(closed_by_peer, evidence::answer_time(round_trip), now),
            ..self.protocol.stats().clone()
        };
        let tcp = tcp.map(|(info, _)| info);
        Ending { failure, ended_by, alive, stats, tcp }
    }
}
