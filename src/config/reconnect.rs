//! `[reconnect]` and `[connection.reconnect]`: the fields of a [`Policy`].
//!
//! Knows ranges, not reasons: what the values do is told in `connection`, where they began in `policy.rs`.

use std::time::Duration;

use toml::de::DeValue;

use super::file::Fields;
use super::{Jitter, Policy, Recovery, value};

const PRESETS: &[(&str, Recovery)] = &[
    (Recovery::TwoTier.as_str(), Recovery::TwoTier),
    (Recovery::ResetAndRetry.as_str(), Recovery::ResetAndRetry),
    (Recovery::RecreateClient.as_str(), Recovery::RecreateClient),
    (Recovery::RefreshCredentials.as_str(), Recovery::RefreshCredentials),
    (Recovery::Exponential.as_str(), Recovery::Exponential),
];

const DAY: Duration = Duration::from_secs(86_400);

impl Recovery {
    /// The name of the preset in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwoTier => "two_tier",
            Self::ResetAndRetry => "reset_and_retry",
            Self::RecreateClient => "recreate_client",
            Self::RefreshCredentials => "refresh_credentials",
            Self::Exponential => "exponential",
        }
    }
}

/// `[reconnect]`: what every connection begins from.
pub(super) fn shared(fields: Option<Fields<'_, '_>>) -> Policy {
    let Some(mut fields) = fields else { return Policy::default() };
    let mut policy = Policy::default();
    begin(&mut fields, &mut policy);
    if fields.read("client_id", |_| Ok(())).is_some() {
        fields.problem(
            "client_id",
            "belongs to one connection: two with one client id evict each other (write it in `[connection.reconnect]`)",
        );
    }
    rest(fields, &mut policy);
    policy
}

/// `[connection.reconnect]`: overrides for one connection. A preset of its own begins afresh from that preset.
pub(super) fn own(fields: Option<Fields<'_, '_>>, shared: &Policy) -> Policy {
    let mut policy = shared.clone();
    let Some(mut fields) = fields else { return policy };
    begin(&mut fields, &mut policy);
    if let Some(id) = fields.read("client_id", client_id) {
        policy.client_id = Some(id);
    }
    rest(fields, &mut policy);
    policy
}

fn begin(fields: &mut Fields<'_, '_>, policy: &mut Policy) {
    if let Some(preset) = fields.read("preset", value::word(PRESETS)) {
        *policy = Policy::preset(preset);
    }
}

fn rest(mut fields: Fields<'_, '_>, policy: &mut Policy) {
    waits(&mut fields, policy);
    session(&mut fields, policy);
    limits(&mut fields, policy);
    fields.finish();
}

fn waits(fields: &mut Fields<'_, '_>, policy: &mut Policy) {
    let delay = || value::duration(Duration::from_secs(1)..=DAY);
    let first = value::duration(Duration::from_millis(10)..=Duration::from_secs(300));
    fields.set("initial_delay", &mut policy.initial_delay, first);
    fields.set("factor", &mut policy.factor, value::number(1.0..=10.0));
    fields.set("jitter", &mut policy.jitter, jitter);
    fields.set("max_delay_network", &mut policy.max_delay_network, delay());
    fields.set("max_delay_service", &mut policy.max_delay_service, delay());
    fields.set("max_delay_setup", &mut policy.max_delay_setup, delay());
    for (key, longest) in [
        ("max_delay_network", policy.max_delay_network),
        ("max_delay_service", policy.max_delay_service),
        ("max_delay_setup", policy.max_delay_setup),
    ] {
        if longest < policy.initial_delay {
            fields.problem(key, "is shorter than `initial_delay`: the waits could not grow to it");
        }
    }
    fields.set("deep_after", &mut policy.deep_after, value::integer_or("never"));
    fields.set("max_attempts", &mut policy.max_attempts, value::integer_or("unlimited"));
    fields.set("stable_after", &mut policy.stable_after, value::duration(Duration::ZERO..=DAY));
    let count = value::integer(2..=1000);
    if let Some(count) = fields.read("takeover_count", count).and_then(|count| u32::try_from(count).ok()) {
        policy.takeover_count = count;
    }
    let window = value::duration(Duration::from_secs(1)..=DAY);
    fields.set("takeover_window", &mut policy.takeover_window, window);
    fields.set("takeover_rest", &mut policy.takeover_rest, value::duration(Duration::ZERO..=DAY));
}

fn session(fields: &mut Fields<'_, '_>, policy: &mut Policy) {
    // MQTT counts in whole seconds, up to 18 hours. What a source takes of that is checked with the source.
    let range = Duration::from_secs(5)..=Duration::from_secs(18 * 3600);
    let keep_alive = fields.read("keep_alive", |field| {
        let keep_alive = value::duration(range)(field)?;
        let whole = keep_alive.subsec_nanos() == 0;
        if whole { Ok(keep_alive) } else { Err("must be whole seconds (write for example `30s`)".to_owned()) }
    });
    policy.keep_alive = keep_alive.or(policy.keep_alive);
    policy.clean_session = fields.read("clean_session", value::boolean).or(policy.clean_session);
    let renew_after = fields.read("renew_after", value::duration(Duration::from_secs(60)..=7 * DAY));
    policy.renew_after = renew_after.or(policy.renew_after);
}

fn limits(fields: &mut Fields<'_, '_>, policy: &mut Policy) {
    let range = Duration::from_millis(100)..=Duration::from_secs(600);
    let limits = &mut policy.limits;
    for (key, limit) in [
        ("dns_limit", &mut limits.dns),
        ("tcp_limit", &mut limits.tcp),
        ("proxy_limit", &mut limits.proxy),
        ("tls_limit", &mut limits.tls),
        ("websocket_limit", &mut limits.websocket),
        ("connack_limit", &mut limits.connack),
        ("suback_limit", &mut limits.suback),
        ("ping_limit", &mut limits.ping),
        ("close_limit", &mut limits.close),
        ("credentials_limit", &mut policy.credentials_limit),
    ] {
        fields.set(key, limit, value::duration(range.clone()));
    }
}

fn jitter(field: &DeValue<'_>) -> Result<Jitter, String> {
    match field.as_str() {
        Some("full") => Ok(Jitter::Full),
        Some("none") => Ok(Jitter::None),
        Some(_) | None => value::number(0.0..=1.0)(field).map(Jitter::Share).map_err(|_| {
            format!("{} is not `\"full\"`, `\"none\"` or a share from 0.0 to 1.0", value::shown(field))
        }),
    }
}

/// A client id goes into topics and must survive every broker.
fn client_id(field: &DeValue<'_>) -> Result<String, String> {
    let id = value::text(field)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if id.len() <= 128 && id.chars().all(fits) {
        return Ok(id);
    }
    Err("is not a client id: up to 128 of a-z, A-Z, 0-9, `_`, `-`, `.`, `:`".to_owned())
}
