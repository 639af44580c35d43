//! A session that is over as a line. Pure.
//! Never its addresses nor the topics of its last packets: what was sent is told by key and shape.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::{Began, Fault, timed, untimed};
use super::value::{Seconds, Wall, count};
use crate::clock::{Instant, Now};
use crate::connection::ending::{EndedBy, Gap, LastSent, LinkStats};
use crate::connection::{Phase, Tier};
use crate::diagnosis::Sends;
use crate::host::TcpInfo;
use crate::lifecycle::CloseCause;
use crate::lifecycle::history::{End, Session};

/// The address of a session whose address was not written down.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// What a session may have sent last. Names of a newer version come back as `other`.
const PACKETS: &[&str] = &[
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
];

/// A session that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Over {
    /// Its number.
    #[serde(deserialize_with = "count")]
    pub number: u64,
    start: Wall,
    end: Wall,
    lasted: Seconds,
    /// From the start to the last sign of life.
    alive: Seconds,
    ended_by: EndedBy,
    ending: Ended,
    attempts: u32,
    phases: Vec<(Phase, Seconds)>,
    session_present: bool,
    subscriptions: usize,
    keep_alive: Seconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credentials_issued: Option<Wall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credentials_expire: Option<Wall>,
    moved: Moved,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_ping: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_sent: Option<Sent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_publish: Option<Sent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_subscribe: Option<Sent>,
    /// Like the packets, as time before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_ping_sent: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silence_broken: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tcp_at: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    survived_gaps: Vec<Seconds>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fatal_gaps: Vec<Seconds>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sends: Vec<Sends>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tcp: Option<Kernel>,
    tier: Tier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outage: Option<Seconds>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ended {
    Dropped(Fault),
    Closed(CloseCause),
}

impl Over {
    /// As a line tells it. The history has taken the survived silences away from the session.
    #[must_use]
    pub fn of(session: &Session, survived_gaps: &[Duration]) -> Self {
        let stats = &session.stats;
        let sent = |sent: &Option<LastSent>| sent.as_ref().map(|sent| Sent::of(sent, session.end.at));
        let before_end = |at: Option<Instant>| at.map(|at| Seconds(session.end.at.saturating_since(at)));
        Self {
            number: session.number,
            start: Wall(session.start.wall),
            end: Wall(session.end.wall),
            lasted: Seconds(session.lasted()),
            alive: Seconds(session.alive.saturating_since(session.start.at)),
            ended_by: session.ended_by,
            ending: match &session.ending {
                End::Dropped(failure) => Ended::Dropped(Fault::of(failure)),
                End::Closed(cause) => Ended::Closed(*cause),
            },
            attempts: session.attempts,
            phases: timed(&session.phases),
            session_present: session.session_present,
            subscriptions: session.subscriptions,
            keep_alive: Seconds(session.keep_alive),
            credentials_issued: session.credentials_issued.map(Wall),
            credentials_expire: session.credentials_expire.map(Wall),
            moved: Moved::of(stats),
            last_ping: stats.last_ping.map(Seconds),
            last_sent: sent(&stats.last_sent),
            last_publish: sent(&stats.last_publish),
            last_subscribe: sent(&stats.last_subscribe),
            last_ping_sent: before_end(stats.last_ping_sent),
            silence_broken: before_end(stats.silence_broken),
            tcp_at: before_end(stats.tcp_at),
            survived_gaps: survived_gaps.iter().copied().map(Seconds).collect(),
            fatal_gaps: session.fatal_gaps.iter().copied().map(Seconds).collect(),
            sends: stats.sends.clone(),
            tcp: session.tcp.as_ref().map(Kernel::of),
            tier: session.tier,
            outage: session.outage.map(Seconds),
        }
    }

    /// As it was before the history took it, its clock counting from its start.
    #[must_use]
    pub fn back(&self) -> Session {
        let end = Instant::from_boot(self.lasted.0);
        let sent = |sent: &Option<Sent>| sent.as_ref().map(|sent| sent.back(end));
        let before_end = |before: Option<Seconds>| before.map(|before| end - before.0);
        let moved = &self.moved;
        let stats = LinkStats {
            packets_received: moved.packets_received,
            packets_sent: moved.packets_sent,
            bytes_received: moved.bytes_received,
            bytes_sent: moved.bytes_sent,
            messages_received: moved.messages_received,
            messages_sent: moved.messages_sent,
            pings_sent: moved.pings_sent,
            pings_answered: moved.pings_answered,
            queued_commands: moved.queued_commands,
            last_ping: self.last_ping.map(|took| took.0),
            last_received: None,
            still_arriving: false,
            last_ping_sent: before_end(self.last_ping_sent),
            gaps: self.survived_gaps.iter().map(|gap| Gap { length: gap.0, survived: true }).collect(),
            silence_broken: before_end(self.silence_broken),
            tcp_at: before_end(self.tcp_at),
            last_sent: sent(&self.last_sent),
            last_publish: sent(&self.last_publish),
            last_subscribe: sent(&self.last_subscribe),
            sends: self.sends.clone(),
        };
        Session {
            number: self.number,
            start: Now { at: Instant::default(), wall: self.start.0 },
            end: Now { at: end, wall: self.end.0 },
            alive: Instant::from_boot(self.alive.0),
            ended_by: self.ended_by,
            ending: match &self.ending {
                Ended::Dropped(fault) => End::Dropped(fault.back()),
                Ended::Closed(cause) => End::Closed(*cause),
            },
            attempts: self.attempts,
            phases: untimed(&self.phases),
            session_present: self.session_present,
            subscriptions: self.subscriptions,
            keep_alive: self.keep_alive.0,
            peer: NOWHERE,
            local: NOWHERE,
            credentials_issued: self.credentials_issued.map(|at| at.0),
            credentials_expire: self.credentials_expire.map(|at| at.0),
            stats,
            fatal_gaps: self.fatal_gaps.iter().map(|gap| gap.0).collect(),
            tcp: self.tcp.as_ref().map(Kernel::back),
            tier: self.tier,
            outage: self.outage.map(|outage| outage.0),
        }
    }
}

/// A session whose process died: it lived at least to this age, and it ended by us.
#[must_use]
pub fn cut_off(began: &Began, age: Duration) -> Session {
    let living = began.back();
    let end = living.start.plus(age);
    Session {
        number: living.number,
        start: living.start,
        end,
        alive: end.at,
        ended_by: EndedBy::Us,
        ending: End::Closed(CloseCause::Shutdown),
        attempts: living.attempts,
        phases: Vec::new(),
        session_present: living.session_present,
        subscriptions: 0,
        keep_alive: living.keep_alive,
        peer: NOWHERE,
        local: NOWHERE,
        credentials_issued: None,
        credentials_expire: None,
        stats: LinkStats::default(),
        fatal_gaps: Vec::new(),
        tcp: None,
        tier: living.tier,
        outage: living.outage,
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sent {
    packet: String,
    before_end: Seconds,
}

impl Sent {
    fn of(sent: &LastSent, end: Instant) -> Self {
        Self { packet: sent.packet.to_owned(), before_end: Seconds(end.saturating_since(sent.at)) }
    }

    fn back(&self, end: Instant) -> LastSent {
        let packet = PACKETS.iter().find(|known| **known == self.packet).copied().unwrap_or("other");
        LastSent { packet, topic: None, at: end - self.before_end.0 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Moved {
    packets_received: u64,
    packets_sent: u64,
    bytes_received: u64,
    bytes_sent: u64,
    messages_received: u64,
    messages_sent: u64,
    pings_sent: u64,
    pings_answered: u64,
    #[serde(default, skip_serializing_if = "is_none")]
    queued_commands: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Moved {
    fn of(stats: &LinkStats) -> Self {
        Self {
            packets_received: stats.packets_received,
            packets_sent: stats.packets_sent,
            bytes_received: stats.bytes_received,
            bytes_sent: stats.bytes_sent,
            messages_received: stats.messages_received,
            messages_sent: stats.messages_sent,
            pings_sent: stats.pings_sent,
            pings_answered: stats.pings_answered,
            queued_commands: stats.queued_commands,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kernel {
    state: u8,
    unacked: u32,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    rtt: Seconds,
    total_retransmits: u32,
    last_data_received: Seconds,
    last_ack_received: Seconds,
}

impl Kernel {
    fn of(info: &TcpInfo) -> Self {
        Self {
            state: info.state,
            unacked: info.unacked,
            retransmits: info.retransmits,
            probes: info.probes,
            backoff: info.backoff,
            rtt: Seconds(info.rtt),
            total_retransmits: info.total_retransmits,
            last_data_received: Seconds(info.last_data_received),
            last_ack_received: Seconds(info.last_ack_received),
        }
    }

    fn back(&self) -> TcpInfo {
        TcpInfo {
            state: self.state,
            unacked: self.unacked,
            retransmits: self.retransmits,
            probes: self.probes,
            backoff: self.backoff,
            rtt: self.rtt.0,
            total_retransmits: self.total_retransmits,
            last_data_received: self.last_data_received.0,
            last_ack_received: self.last_ack_received.0,
        }
    }
}
