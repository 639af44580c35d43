//! D5 to D9, D12 and what an error's own name says: the transport around the end. Pure.
//! Never tells a path from a broker without the kernel's view: without it these rules are silent.

use std::time::Duration;

use super::{Cause, DropFacts, Evidence, Failure, Rule, Verdict, counted, orderly, spoken, verdict, w5};
use crate::clock::Instant;
use crate::connection::ending::EndedBy;
use crate::connection::error::ErrorName;
use crate::connection::{Detail, path};
use crate::host::TcpInfo;

/// Shorter silences are not what idle limits are made for.
const IDLE: Duration = Duration::from_secs(30);
/// Retransmissions that make a missing acknowledgement more than one lost packet.
const IN_VAIN: u8 = 2;
/// The kernel tells the age of an acknowledgement in ticks of its own clock, of up to 10 ms.
const TICK: Duration = Duration::from_millis(20);

/// The first of them that matches.
pub(super) fn rules(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    after_silence(facts, failure)
        .or_else(|| not_acknowledged(facts, failure))
        .or_else(|| not_answered(facts, failure))
        .or_else(|| we_were_silent(facts))
        .or_else(|| after_packet(facts, failure))
        .or_else(|| not_mqtt(failure))
        .or_else(|| named(failure))
}

/// D5: the first packet after a long silence found nobody.
fn after_silence(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    let session = facts.session;
    if facts.no_idle_timeout {
        return None;
    }
    let silence = session.fatal_gap().filter(|length| *length >= IDLE)?;
    let waited = session.end.at.saturating_since(session.stats.silence_broken?);
    let what = if failure.detail == Detail::Rst && waited <= w5(session) {
        format!("a reset came {} after the first packet", spoken(waited))
    } else if awaited(facts, failure) {
        let tcp = session.tcp.filter(lost)?;
        format!("nothing came back to the first packet ({})", unanswered(&tcp))
    } else {
        return None;
    };
    let words = format!("{what} after {} of silence, as when a NAT or firewall forgets", spoken(silence));
    Some(verdict(Cause::NatIdleTimeout, Evidence::Suspected, Rule::AfterSilence, words))
}

/// D6: our packets did not arrive, or their acknowledgements did not.
fn not_acknowledged(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    let session = facts.session;
    let tcp = session.tcp.filter(|tcp| awaited(facts, failure) && (lost(tcp) || path::is_dead(tcp)))?;
    let since = match (session.stats.last_ping_sent, session.stats.pings_sent > session.stats.pings_answered)
    {
        (Some(at), true) => format!(" {} after the ping", spoken(session.end.at.saturating_since(at))),
        (Some(_) | None, _) => format!(" {} after the last sign of life", spoken(session.uncertainty())),
    };
    let words = format!("{}{since}: packets did not arrive any more", unanswered(&tcp));
    Some(verdict(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged, words))
}

/// D7: the broker's kernel took what we sent, and the broker did not answer.
fn not_answered(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    let session = facts.session;
    // Who is in the middle of a packet is slow, or the path is.
    let silent = awaited(facts, failure) && !session.stats.still_arriving;
    let tcp = session.tcp.filter(|tcp| silent && tcp.unacked == 0)?;
    // A kernel that gave up is believed, unless it had answers until then: a window that stays closed looks so.
    if failure.error == ErrorName::SocketTimeout && path::silence(&tcp) >= path::PROBE_AFTER {
        return None;
    }
    let asked = asked_at(facts)?;
    let acknowledged = session.stats.tcp_at? - tcp.last_ack_received;
    if acknowledged + TICK < asked {
        return None;
    }
    let words = format!(
        "the broker's machine acknowledged everything, last {} after we asked, and the broker did not answer within {}",
        spoken(acknowledged.saturating_since(asked)),
        spoken(session.end.at.saturating_since(asked))
    );
    Some(verdict(Cause::BrokerStalled, Evidence::Observed, Rule::NotAnswered, words))
}

/// D8: the broker closed after it can have heard nothing from us for 1.5 keep-alives.
fn we_were_silent(facts: &DropFacts<'_>) -> Option<Verdict> {
    let session = facts.session;
    // A broker counts in whole seconds, and below a quarter more than the keep-alive our own pings are merely late.
    let counted = session.keep_alive.mul_f64(1.5).saturating_sub(Duration::from_secs(1));
    let allowed = counted.max(session.keep_alive.mul_f64(1.25));
    let silence = session.end.at.saturating_since(session.stats.last_sent.as_ref()?.at);
    if session.ended_by != EndedBy::Peer || session.keep_alive.is_zero() || silence < allowed {
        return None;
    }
    let words = format!(
        "the broker closed after we had sent nothing for {}, and it allows 1.5 keep-alives of {}",
        spoken(silence),
        spoken(session.keep_alive)
    );
    Some(verdict(Cause::KeepaliveTimeoutServer, Evidence::Inferred, Rule::WeWereSilent, words))
}

/// D9: an orderly close as the answer to a packet of ours.
fn after_packet(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    let session = facts.session;
    let newest = [&session.stats.last_publish, &session.stats.last_subscribe]
        .into_iter()
        .flatten()
        .max_by_key(|sent| sent.at)
        .filter(|_| orderly(session, failure))?;
    let lag = session.end.at.saturating_since(newest.at);
    if lag > w5(session) {
        return None;
    }
    let words = format!("the broker closed in order {} after a {} of ours", spoken(lag), newest.packet);
    Some(verdict(Cause::PolicyViolation, Evidence::Suspected, Rule::AfterPacket, words))
}

/// D12: what answers is no MQTT broker.
fn not_mqtt(failure: &Failure) -> Option<Verdict> {
    let words = "what answered is no MQTT broker: a captive portal, a proxy or a wrong port";
    (failure.error == ErrorName::PeerNotMqtt)
        .then(|| verdict(Cause::ProxyOrPortal, Evidence::Observed, Rule::NotMqtt, words))
}

/// The error's own name is an observation that leaves one cause.
#[expect(clippy::wildcard_enum_match_arm, reason = "most names leave several causes")]
fn named(failure: &Failure) -> Option<Verdict> {
    let (cause, words) = match failure.error {
        ErrorName::ProtocolError
        | ErrorName::DecodeProtocolError
        | ErrorName::InvalidRemainingLength
        | ErrorName::InvalidTopicAlias
        | ErrorName::WebsocketProtocolError => {
            (Cause::ProtocolError, "the peer sent what the protocol does not allow")
        }
        ErrorName::InboundPacketTooLarge => {
            (Cause::PayloadTooLarge, "the broker sent a packet that is larger than we take")
        }
        ErrorName::EngineStalled => (Cause::ClientBug, "our own task made no progress"),
        ErrorName::NetworkDown => (Cause::LocalNetworkChange, "this machine says that its network is down"),
        ErrorName::NoRouteToHost => (Cause::TcpUnreachable, "there was no way to the broker any more"),
        _ => return None,
    };
    Some(verdict(cause, Evidence::Observed, Rule::Named, words))
}

/// The session ended because something that the peer owed did not come.
fn awaited(facts: &DropFacts<'_>, failure: &Failure) -> bool {
    let timeouts = [ErrorName::MqttTimeout, ErrorName::PingTimeout, ErrorName::SocketTimeout];
    let suback = failure.error == ErrorName::SubscribeFailure && facts.session.ended_by == EndedBy::Timeout;
    timeouts.contains(&failure.error) || suback
}

/// When the packet was sent to which the answer is missing.
fn asked_at(facts: &DropFacts<'_>) -> Option<Instant> {
    let stats = &facts.session.stats;
    let ping = stats.last_ping_sent.filter(|_| stats.pings_sent > stats.pings_answered);
    ping.or_else(|| stats.last_sent.as_ref().map(|sent| sent.at))
}

fn lost(tcp: &TcpInfo) -> bool {
    tcp.unacked > 0 && tcp.retransmits >= IN_VAIN
}

fn unanswered(tcp: &TcpInfo) -> String {
    if tcp.unacked > 0 {
        format!(
            "{} and {} without acknowledgement",
            counted(u64::from(tcp.retransmits), "retransmission"),
            counted(u64::from(tcp.unacked), "segment")
        )
    } else {
        format!("{} of the kernel without an answer", counted(u64::from(tcp.probes), "probe"))
    }
}
