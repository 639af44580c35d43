//! The reconnect policies that the field knows, as values: the one place where their defaults live.
//! Never decides anything: `connection::machine` does, from these values.

use std::time::Duration;

use super::{Jitter, Policy, Recovery};
use crate::connection::limits::{Limits, SILENCE};

impl Default for Policy {
    fn default() -> Self {
        Self::preset(Recovery::TwoTier)
    }
}

impl Policy {
    /// The values that reproduce a known way of recovery. Each can be changed afterwards.
    ///
    /// One rule is not a value: after [`Recovery::ResetAndRetry`] no attempt is ever deep, not even when the
    /// credentials were refused.
    #[must_use]
    pub fn preset(recovery: Recovery) -> Self {
        let two_tier = two_tier();
        match recovery {
            Recovery::TwoTier => two_tier,
            // Ten attempts take two to three minutes at a dead address, then comes the rest of five.
            Recovery::ResetAndRetry => {
                Self { recovery, deep_after: None, max_attempts: Some(10), ..two_tier }
            }
            Recovery::RecreateClient => Self { recovery, deep_after: None, ..two_tier },
            Recovery::RefreshCredentials => Self { recovery, deep_after: Some(1), ..two_tier },
            Recovery::Exponential => Self {
                recovery,
                deep_after: None,
                max_delay_network: two_tier.max_delay_setup,
                max_delay_service: two_tier.max_delay_setup,
                ..two_tier
            },
        }
    }
}

fn two_tier() -> Policy {
    Policy {
        recovery: Recovery::TwoTier,
        initial_delay: Duration::from_millis(500),
        factor: 2.0,
        jitter: Jitter::Full,
        // A router or a broker that restarts is missed by this much at most. With sign-in, connect and the first
        // answer of a device on top, messages arrive again within 15 s.
        max_delay_network: Duration::from_secs(12),
        max_delay_service: Duration::from_secs(60),
        // Twelve to twenty-four sign-ins an hour with a wrong password: vendors lock accounts above that.
        max_delay_setup: Duration::from_secs(5 * 60),
        deep_after: Some(5),
        max_attempts: None,
        stable_after: Duration::from_secs(30),
        keep_alive: None,
        clean_session: None,
        client_id: None,
        renew_after: None,
        takeover_count: 3,
        takeover_window: Duration::from_secs(10 * 60),
        takeover_rest: Duration::from_secs(5 * 60),
        limits: Limits {
            dns: Duration::from_secs(10),
            tcp: Duration::from_secs(10),
            proxy: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            websocket: Duration::from_secs(10),
            connack: Duration::from_secs(10),
            suback: Duration::from_secs(10),
            ping: Duration::from_secs(10),
            close: Duration::from_secs(3),
            silence: SILENCE,
        },
        credentials_limit: Duration::from_secs(30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_remembers_its_name() {
        for recovery in [
            Recovery::TwoTier,
            Recovery::ResetAndRetry,
            Recovery::RecreateClient,
            Recovery::RefreshCredentials,
            Recovery::Exponential,
        ] {
            assert_eq!(Policy::preset(recovery).recovery, recovery);
        }
    }

    #[test]
    fn plain_doubling_has_one_cap_for_every_class() {
        let policy = Policy::preset(Recovery::Exponential);
        assert_eq!(policy.max_delay_network, policy.max_delay_setup);
        assert_eq!(policy.max_delay_service, policy.max_delay_setup);
    }
}
