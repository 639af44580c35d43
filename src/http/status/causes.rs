//! Causes and evidence in a few words for a person.
//! Never more certain than the evidence: the words name what it would be, the evidence says how well that is known.

use maud::{Markup, html};

use crate::diagnosis::{Cause, Evidence};

/// The cause with its evidence, and both in words.
pub(super) fn badge(cause: Cause, evidence: Evidence) -> Markup {
    html! {
        span.cause title=(meaning(evidence)) {
            (words(cause)) " " span.evidence.(evidence.as_str()) { (known(evidence)) } " " code { (cause) }
        }
    }
}

/// Words in which a name of a setting stands between backticks, as in the log.
pub(super) fn marked(words: &str) -> Markup {
    html! {
        @for (index, part) in words.split('`').enumerate() {
            @if index.is_multiple_of(2) { (part) } @else { code { (part) } }
        }
    }
}

/// The word for how well a cause is known.
pub(super) const fn known(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Stated => "stated",
        Evidence::Observed => "observed",
        Evidence::Inferred => "inferred",
        Evidence::Suspected => "suspected",
        Evidence::None => "no evidence",
    }
}

/// What the word means.
pub(super) const fn meaning(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Stated => "stated: the server or the kernel said so",
        Evidence::Observed => "observed: seen directly on the transport or on this machine",
        Evidence::Inferred => "inferred: a test over many drops passed; it fits",
        Evidence::Suspected => "suspected: it looks like it, and other causes look the same",
        Evidence::None => "nothing that was seen points to a cause",
    }
}

/// What happened, if that is the cause.
pub(super) const fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::NatIdleTimeout => "a NAT or firewall forgot a silent connection",
        Cause::PathDead => "the network path went dead",
        Cause::BrokerStalled => "the broker stalled",
        Cause::KeepaliveTimeoutServer => "the broker heard nothing from us for too long",
        Cause::SessionTakenOver => "another client took our client id",
        Cause::PolicyViolation => "the broker closed over what we sent",
        Cause::CredentialExpired => "credentials lapsed",
        Cause::CredentialRejected => "credentials were refused",
        Cause::ConnectionLifetimeLimit => "a limit on the age of sessions",
        Cause::CalendarEvent => "something at this time of the clock",
        Cause::MessageLimit => "a limit on messages or bytes",
        Cause::PayloadTooLarge => "a message was too large",
        Cause::Throttled => "we asked for too much",
        Cause::ProvokedByEvent => "it follows an event",
        Cause::DnsFailure => "the name was not resolved",
        Cause::TcpRefused => "nobody listened there",
        Cause::TcpUnreachable => "there was no way there",
        Cause::TlsTrust => "the broker's certificate is not trusted",
        Cause::TlsClientCert => "our certificate was not accepted",
        Cause::ClockSkew => "our clock is wrong",
        Cause::HostSuspended => "this machine slept",
        Cause::LocalNetworkChange => "the network of this machine changed",
        Cause::BrokerRestart => "the broker started anew",
        Cause::BrokerOverloaded => "the broker had too much to do",
        Cause::ServerMaintenance => "the broker's operator moved its clients",
        Cause::ServerError => "a fault inside the broker",
        Cause::Administrative => "somebody disconnected us on purpose",
        Cause::ProxyOrPortal => "something in between answered",
        Cause::ProtocolError => "the broker broke the protocol",
        Cause::ClientBug => "we broke the protocol",
        Cause::ClientShutdown => "we stopped",
        Cause::PlannedRotation => "we closed on purpose",
        Cause::Config => "a setting is wrong",
        Cause::Unknown => "not known",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_settings_are_set_apart_and_still_escaped() {
        assert_eq!(marked("set `a<b` to 5").into_string(), "set <code>a&lt;b</code> to 5");
        assert_eq!(marked("none").into_string(), "none");
    }
}
