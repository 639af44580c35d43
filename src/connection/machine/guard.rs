//! Limits that the machine itself keeps, a little above those of planner and link.
//! Never the first to fire unless the other side hangs: then they save the connection from hanging with it.

use std::time::Duration;

use super::words::Facts;
use crate::config::Policy;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::limits::SUBACK_PATIENCE;
use crate::connection::{Failure, Phase};

/// What planner and link get on top of their own limits.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// How long a phase may last before its owner counts as hung.
pub(super) fn limit(policy: &Policy, phase: Phase, facts: Option<&Facts>) -> Duration {
    let limits = &policy.limits;
    let own = match phase {
        Phase::Credentials => policy.credentials_limit,
        Phase::Dns => limits.dns,
        Phase::Tcp => limits.tcp,
        Phase::Proxy => limits.proxy,
        Phase::Tls => limits.tls,
        Phase::Websocket => limits.websocket,
        Phase::Connack => limits.connack,
        // Packets may be sent one after the other, each with its own SUBACK.
        Phase::Subscribe => {
            limits.suback.saturating_mul(facts.map_or(1, |facts| facts.subscribe_packets).max(1))
        }
        Phase::Session => limits.ping,
        Phase::Shutdown => limits.close,
    };
    own.saturating_add(GRACE)
}

/// How long subscribing may take while messages arrive meanwhile.
pub(super) fn patience(policy: &Policy, facts: &Facts) -> Duration {
    let one = policy.limits.suback.saturating_mul(SUBACK_PATIENCE);
    one.saturating_mul(facts.subscribe_packets.max(1)).saturating_add(GRACE)
}

/// The failure of a phase that did not end within its guard.
pub(super) fn expired(phase: Phase, limit: Duration) -> Failure {
    let error = match phase {
        Phase::Credentials => ErrorName::CredentialsTimeout,
        Phase::Dns => ErrorName::DnsTimeout,
        Phase::Tcp => ErrorName::SocketTimeout,
        Phase::Proxy => ErrorName::ProxyTimeout,
        Phase::Tls => ErrorName::TlsTimeout,
        Phase::Websocket => ErrorName::WebsocketTimeout,
        Phase::Connack => ErrorName::ConnackTimeout,
        Phase::Subscribe => ErrorName::SubscribeFailure,
        Phase::Session | Phase::Shutdown => ErrorName::EngineStalled,
    };
    let message = format!("the phase {} did not end within {} s", phase.as_str(), limit.as_secs());
    // A refused subscription is a matter of set-up; a missing answer is not.
    Failure::new(phase, error, message).with_class(RetryClass::Network)
}

/// The longest a link of this session may say nothing at all; `None` without keep-alive, when it may do so for ever.
pub(super) fn silence(policy: &Policy, facts: &Facts) -> Option<Duration> {
    let keep_alive = Some(facts.keep_alive).filter(|keep_alive| !keep_alive.is_zero())?;
    Some(keep_alive.saturating_mul(2).saturating_add(limit(policy, Phase::Session, None)))
}

/// The failure of a link that said nothing for so long.
pub(super) fn stalled(silence: Duration) -> Failure {
    let message =
        format!("the link reported nothing for {} s, not even a ping: it was given up", silence.as_secs());
    Failure::new(Phase::Session, ErrorName::EngineStalled, message)
}
