//! A claim in words: what was seen, how often, what it usually is; what would disprove it, and which test found it. Pure.
//! Never "the cause is", and never a probability without what it counts.

use super::claim::{Claim, Counter, Pattern};
use super::lengths::{clock, length, limit};
use super::{Cause, EventKind, Evidence, catalogue};

/// Larger payloads are refused by AWS IoT, and by many brokers in their default settings.
pub(super) const LARGEST_PAYLOAD: u64 = 128 * 1024;

/// Sessions that end younger than this, in seconds, did not meet a limit on their length: nobody sets one so short, and
/// the configuration takes none. What a session does first, or that it is there at all, ends them.
const YOUNG: f64 = 10.0;

/// How old sessions were that all ended right after they began: the middle, the least and the most.
pub(super) fn stillborn(pattern: &Pattern) -> Option<(f64, f64, f64)> {
    match pattern {
        Pattern::Lifetime { age, from, to, limit: None } if *age < YOUNG => Some((*age, *from, *to)),
        Pattern::LifetimeOrCount { age, .. } if *age < YOUNG => Some((*age, *age, *age)),
        Pattern::Lifetime { .. }
        | Pattern::Calendar { .. }
        | Pattern::LifetimeOrCalendar { .. }
        | Pattern::MessageLimit { .. }
        | Pattern::LifetimeOrCount { .. }
        | Pattern::AfterEvent { .. }
        | Pattern::Packet { .. }
        | Pattern::IdleTimeout { .. }
        | Pattern::Takeover { .. }
        | Pattern::ClockHint { .. }
        | Pattern::Burst { .. } => None,
    }
}

/// What fits, and what fits as well.
pub(super) fn causes(pattern: &Pattern) -> (Cause, Option<Cause>) {
    if stillborn(pattern).is_some() {
        return (Cause::PolicyViolation, Some(Cause::SessionTakenOver));
    }
    match pattern {
        Pattern::Lifetime { .. } => (Cause::ConnectionLifetimeLimit, None),
        Pattern::Calendar { .. } | Pattern::ClockHint { .. } => (Cause::CalendarEvent, None),
        Pattern::LifetimeOrCalendar { .. } => (Cause::ConnectionLifetimeLimit, Some(Cause::CalendarEvent)),
        Pattern::MessageLimit { .. } => (Cause::MessageLimit, None),
        Pattern::LifetimeOrCount { .. } => (Cause::ConnectionLifetimeLimit, Some(Cause::MessageLimit)),
        Pattern::AfterEvent { .. } => (Cause::ProvokedByEvent, None),
        Pattern::Packet { largest, .. } if *largest > LARGEST_PAYLOAD => (Cause::PayloadTooLarge, None),
        Pattern::Packet { .. } => (Cause::PolicyViolation, None),
        Pattern::IdleTimeout { .. } => (Cause::NatIdleTimeout, None),
        Pattern::Takeover { .. } => (Cause::SessionTakenOver, None),
        Pattern::Burst { connects_failed: true, .. } => (Cause::BrokerRestart, None),
        Pattern::Burst { connects_failed: false, .. } => (Cause::ServerMaintenance, Some(Cause::PathDead)),
    }
}

/// How well the test of a pattern lets it be known (drop-diagnosis.md sections 4.7 and 5.4: only suspected).
pub(super) fn evidence(pattern: &Pattern) -> Evidence {
    // That they end at one age is certain; what does it is not.
    if stillborn(pattern).is_some() {
        return Evidence::Suspected;
    }
    match pattern {
        Pattern::Takeover { .. } | Pattern::ClockHint { .. } => Evidence::Suspected,
        Pattern::Lifetime { .. }
        | Pattern::Calendar { .. }
        | Pattern::LifetimeOrCalendar { .. }
        | Pattern::MessageLimit { .. }
        | Pattern::LifetimeOrCount { .. }
        | Pattern::AfterEvent { .. }
        | Pattern::Packet { .. }
        | Pattern::IdleTimeout { .. }
        | Pattern::Burst { .. } => Evidence::Inferred,
    }
}

/// One line: what was seen, how often, what it usually is. `drops` says how many of how many drops belong to it now:
/// that is what a person wants to know where a test counted something else, or some drops ago.
pub(super) fn seen(claim: &Claim, drops: (u32, u32)) -> String {
    let of = format!("{} of {}", drops.0, drops.1);
    if let Some((age, from, to)) = stillborn(&claim.pattern) {
        return format!(
            "{of} drops came right after connecting, at {}; something that ends every session as soon as it begins fits: \
             a policy that forbids what a session does first, another client with our client id, a broker in trouble.",
            range(age, from, to)
        );
    }
    match &claim.pattern {
        Pattern::Lifetime { age, from, to, limit } => {
            let usual = match limit {
                Some(limit) => owner(*limit),
                None => "a session length limit fits, of a kind that is not in our list".to_owned(),
            };
            format!("{of} drops came {} after connecting; {usual}.", range(*age, *from, *to))
        }
        Pattern::Calendar { period, phase } => format!(
            "{of} drops came {}, local time, whatever the age of the session; a timer on somebody's clock fits: a \
             router that restarts, a provider's forced disconnect, a scheduled job.",
            clock(*period, *phase)
        ),
        Pattern::LifetimeOrCalendar { age, period, phase } => format!(
            "{of} drops came {} after connecting, and so {}, local time; a session length limit and a timer on \
             somebody's clock both fit, and cannot be told apart yet.",
            length(*age),
            clock(*period, *phase)
        ),
        Pattern::MessageLimit { counter, count, from, to } => format!(
            "{of} drops came after {} {}, which varies less than their ages; a limit on what one session may move fits.",
            number_range(*count, *from, *to),
            noun(*counter)
        ),
        Pattern::LifetimeOrCount { age, counter, count } => format!(
            "{of} drops came {} after connecting, and after {count:.0} {}; a session length limit and a limit on what \
             one session may move both fit, and cannot be told apart while the rate is constant.",
            length(*age),
            noun(*counter)
        ),
        Pattern::AfterEvent { event, window, lag, lift } => format!(
            "{of} drops came within {} after {}, usually {} after it, {} times as often as chance would have it; \
             that the one provokes the other fits.",
            limit(*window),
            happening(*event),
            length(*lag),
            times(*lift)
        ),
        Pattern::Packet { packet, shape, sent, closed, largest, .. } => {
            let usual = if *largest > LARGEST_PAYLOAD {
                format!("a payload larger than the broker takes fits (the largest had {largest} bytes)")
            } else {
                "a packet that the broker's policy forbids fits".to_owned()
            };
            format!(
                "{closed} of {sent} times the broker closed right after a {packet} to `{shape}`; {usual}."
            )
        }
        Pattern::IdleTimeout { survived, fatal, reset } => format!(
            "{} of {} silences of {} and more ended the session{}, and none of {} or less did; a NAT or firewall that \
             forgets silent connections fits.",
            claim.support,
            claim.of,
            length(*fatal),
            if *reset { " by a reset" } else { ", and nothing came back" },
            length(*survived)
        ),
        Pattern::Takeover { sessions, mean } if *mean <= 0.0 => format!(
            "The last {sessions} sessions ended politely within 2 min and came back at once; another client with our \
             client id fits."
        ),
        Pattern::Takeover { sessions, mean } => format!(
            "The last {sessions} sessions ended politely within 2 min and came back at once, where sessions had lasted \
             {} before; another client with our client id fits.",
            length(*mean)
        ),
        Pattern::ClockHint { period, phase } => format!(
            "{of} drops cluster around one time of the clock: {}, local time. Something that happens then may be behind \
             it.",
            clock(*period, *phase)
        ),
        Pattern::Burst { clients, window, connects_failed, .. } => format!(
            "{clients} connections dropped within {}{}.",
            limit(*window),
            if *connects_failed {
                ", and connecting failed afterwards; a restart of what they have in common fits"
            } else {
                "; something that they have in common fits: the service's maintenance, or the path from here"
            }
        ),
    }
}

/// Why a drop belongs to the pattern, in a sentence that stays true as the pattern grows.
pub(super) fn of_drop(pattern: &Pattern, age: f64) -> String {
    match pattern {
        _ if stillborn(pattern).is_some() => {
            format!("it came right after connecting, at {}, as other drops did", length(age))
        }
        Pattern::Lifetime { .. } => format!("it came {} after connecting, as other drops did", length(age)),
        Pattern::Calendar { period, phase } | Pattern::ClockHint { period, phase } => {
            format!("it came at a time of the clock at which other drops came: {}", clock(*period, *phase))
        }
        Pattern::LifetimeOrCalendar { period, phase, .. } => format!(
            "it came {} after connecting and at a time of the clock, as other drops did: {}",
            length(age),
            clock(*period, *phase)
        ),
        Pattern::MessageLimit { counter, .. } | Pattern::LifetimeOrCount { counter, .. } => {
            format!("it came after as many {} as other drops did", noun(*counter))
        }
        Pattern::AfterEvent { event, .. } => {
            format!("it came right after {}, as other drops did", happening(*event))
        }
        Pattern::Packet { packet, shape, .. } => {
            format!("the broker closed right after a {packet} to `{shape}`, as it did before")
        }
        Pattern::IdleTimeout { fatal, .. } => {
            format!("it came at the end of a silence, as other drops after {} and more did", length(*fatal))
        }
        Pattern::Takeover { .. } => {
            "the session ended politely when it was young, as others did in a row".to_owned()
        }
        Pattern::Burst { clients, window, .. } => {
            format!("{clients} connections dropped within {}", limit(*window))
        }
    }
}

/// What would disprove it.
pub(super) fn disproof(pattern: &Pattern) -> String {
    let young = stillborn(pattern).map(|(_, _, to)| format!("sessions that live longer than {}", length(to)));
    let seen = match pattern {
        _ if young.is_some() => young.unwrap_or_default(),
        Pattern::Lifetime { to, .. } => format!("sessions that live longer than {}", length(*to)),
        Pattern::Calendar { period, phase } => {
            format!("sessions that live on where they used to drop, {}", clock(*period, *phase))
        }
        Pattern::LifetimeOrCalendar { age, .. } => format!(
            "sessions that live longer than {}. One that begins at another time of day tells the two apart",
            length(*age)
        ),
        Pattern::MessageLimit { counter, to, .. } => {
            format!("sessions that outlive {to:.0} {}", noun(*counter))
        }
        Pattern::LifetimeOrCount { age, counter, count } => format!(
            "sessions that live longer than {} or outlive {count:.0} {}. Another message rate tells the two apart",
            length(*age),
            noun(*counter)
        ),
        Pattern::AfterEvent { event, .. } => format!("drops that do not follow {}", happening(*event)),
        Pattern::Packet { packet, shape, .. } => format!("a {packet} to `{shape}` that no close follows"),
        Pattern::IdleTimeout { fatal, .. } => {
            format!("a silence longer than {} that is survived", length(*fatal))
        }
        Pattern::Takeover { .. } => {
            "the same drops while no other client can have our client id: with a client id of our own"
                .to_owned()
        }
        Pattern::ClockHint { period, phase } => format!("drops that do not come {}", clock(*period, *phase)),
        Pattern::Burst { .. } => "drops of these connections that do not come together".to_owned(),
    };
    format!("It would be disproved by {seen}. It is withdrawn when 10 later sessions contradict it.")
}

/// The test's name and how rarely it is wrong.
pub(super) fn test(pattern: &Pattern) -> String {
    let (name, wrong) = match pattern {
        _ if stillborn(pattern).is_some() => ("regular session ages, right after connecting", RARE),
        Pattern::Lifetime { limit: Some(_), .. } => ("drops at a known session length", RARE),
        Pattern::Lifetime { limit: None, .. } => ("regular session ages", RARE),
        Pattern::Calendar { .. } => ("regular session ages, told from a clock", RARE),
        Pattern::LifetimeOrCalendar { .. } => ("regular session ages, not told from a clock", RARE),
        Pattern::MessageLimit { .. } => ("regular counts", RARE),
        Pattern::LifetimeOrCount { .. } => ("regular counts, not told from regular ages", RARE),
        Pattern::AfterEvent { .. } => ("drops that follow an event", RARE),
        Pattern::Packet { .. } => {
            ("closes that follow a packet", "chance alone passes it at most 1 time in 1000")
        }
        Pattern::IdleTimeout { .. } => (
            "silences that end a session",
            "wrong in at most 1 of 40 histories of drops that have nothing to do with silence",
        ),
        Pattern::Takeover { .. } => (
            "quick polite closes",
            "chance alone passes it at most 1 time in 500; a server that throws us out at random looks alike",
        ),
        Pattern::ClockHint { .. } => ("drops around one time of the clock", RARE),
        Pattern::Burst { .. } => {
            ("drops of many connections at once", "chance alone does it at most once in 1000 days")
        }
    };
    format!("{name}: {wrong}")
}

/// Simulated over whole histories, with all their looks (drop-diagnosis.md section 7).
const RARE: &str = "wrong in about 1 of 100 histories of 50 drops that come at random";

/// What it cannot tell, where a pattern has something of the kind.
pub(super) fn unknowable(pattern: &Pattern) -> Option<&'static str> {
    if stillborn(pattern).is_some() {
        return Some(
            "Why sessions end right after they begin cannot be known from here: MQTT 3.1.1 gives no reason for a close.",
        );
    }
    match pattern {
        Pattern::LifetimeOrCount { .. } => Some(
            "Whether the length of a session or what it moves is limited cannot be known while the message rate never \
             changes.",
        ),
        Pattern::LifetimeOrCalendar { .. } => Some(
            "Whether sessions are limited in length or end by somebody's clock cannot be known while we always \
             reconnect at the same time of it.",
        ),
        Pattern::Takeover { .. } => Some(
            "A second client that nobody sees and a server that throws us out at random look alike without lifecycle \
             events of the broker.",
        ),
        Pattern::Packet { .. } => {
            Some("MQTT 3.1.1 gives no reason for a close: only its moment, right after a packet, speaks.")
        }
        Pattern::AfterEvent { event: EventKind::CredentialExpiry, .. } => Some(
            "AWS IoT does not end a session whose credentials lapse: there, a drop at the expiry has another cause that \
             keeps the same time.",
        ),
        Pattern::Lifetime { .. }
        | Pattern::Calendar { .. }
        | Pattern::MessageLimit { .. }
        | Pattern::AfterEvent { .. }
        | Pattern::IdleTimeout { .. }
        | Pattern::ClockHint { .. }
        | Pattern::Burst { .. } => None,
    }
}

/// Two drops at a known limit are worth a remark.
pub(super) fn two_at(seconds: f64) -> String {
    format!(
        "Both drops came at an age of {}; {}. A third one would make it a pattern.",
        limit(seconds),
        owner(seconds)
    )
}

/// Who is known for a limit.
fn owner(seconds: f64) -> String {
    match catalogue::find(seconds) {
        Some(known) => format!("{} at {}", known.habit, limit(seconds)),
        None => format!(
            "the configuration or the lifetime of the credentials names this limit: {}",
            limit(seconds)
        ),
    }
}

/// The middle, and both ends where they read otherwise.
fn range(middle: f64, from: f64, to: f64) -> String {
    let (from, to, middle) = (length(from), length(to), length(middle));
    if from == to || from == middle && to == middle { middle } else { format!("{middle} ({from} to {to})") }
}

fn number_range(middle: f64, from: f64, to: f64) -> String {
    if (to - from).abs() < 0.5 {
        format!("{middle:.0}")
    } else {
        format!("{middle:.0} ({from:.0} to {to:.0})")
    }
}

fn times(lift: f64) -> String {
    if lift >= 1000.0 { "more than 1000".to_owned() } else { format!("{lift:.0}") }
}

const fn noun(counter: Counter) -> &'static str {
    match counter {
        Counter::MessagesReceived => "messages received",
        Counter::MessagesSent => "messages sent",
        Counter::Bytes => "bytes",
    }
}

/// An event with its article.
pub(super) const fn happening(event: EventKind) -> &'static str {
    match event {
        EventKind::Command => "a command to a device",
        EventKind::CredentialRefresh => "a renewal of the credentials",
        EventKind::CredentialExpiry => "the expiry of the credentials",
        EventKind::Reload => "a reload of the configuration",
        EventKind::Scrape => "a scrape",
        EventKind::Link => "a change of a link of this machine",
        EventKind::Address => "a change of an address of this machine",
        EventKind::Route => "a change of a route of this machine",
        EventKind::Resolver => "a change of this machine's resolver",
        EventKind::ClockStep => "a step of this machine's clock",
        EventKind::OtherDrop => "a drop of another connection",
    }
}

#[cfg(test)]
mod tests;
