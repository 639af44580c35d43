//! What of the configuration this source must check itself, and the shapes it takes it in.
//!
//! Never contacts anybody.

use std::collections::BTreeSet;
use std::time::Duration;

use super::devices;
use crate::config::{self, Secret};
use crate::connection::plan::Proxy;
use crate::source::proxy;

/// What the connection's policy says about MQTT; `None` leaves it to this source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// MQTT keep-alive; 30 s by default.
    pub keep_alive: Option<Duration>,
    /// MQTT clean session; yes by default.
    pub clean_session: Option<bool>,
    /// MQTT client id; made up for this process by default.
    pub client_id: Option<String>,
}

impl From<&config::Policy> for Facts {
    fn from(policy: &config::Policy) -> Self {
        Self {
            keep_alive: policy.keep_alive,
            clean_session: policy.clean_session,
            client_id: policy.client_id.clone(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The REST address.
    #[error(
        "`base_url` is not an address (write for example `https://nlus.naviensmartcontrol.com/api/v2.1`)"
    )]
    BaseUrl,
    /// The proxy.
    #[error("`proxy` is not an HTTP proxy (write for example `http://user:password@proxy.example:3128`)")]
    Proxy,
    /// The client id, which becomes part of topics.
    #[error("`client_id` must be 1 to 128 letters, digits, `-`, `_`, `.` or `:`")]
    ClientId,
    /// A key of the device table.
    #[error("a device is named by its MAC: 12 lower-case hexadecimal digits")]
    Mac,
    /// Two devices with one alias would share their series.
    #[error("two devices have the alias `{0}`")]
    Alias(String),
}

pub(super) fn check_devices(config: &config::Navien) -> Result<(), Invalid> {
    let mut aliases = BTreeSet::new();
    for (mac, alias) in &config.devices {
        if devices::mac(mac).as_ref() != Some(mac) {
            return Err(Invalid::Mac);
        }
        if !aliases.insert(alias) {
            return Err(Invalid::Alias(alias.clone()));
        }
    }
    Ok(())
}

pub(super) fn is_client_id(id: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(fine)
}

/// The proxy as the HTTP client and as our own dialer want it.
pub(super) fn proxy(address: &Secret) -> Result<(reqwest::Proxy, Proxy), Invalid> {
    proxy::both(address).ok_or(Invalid::Proxy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_must_fit_into_a_topic() {
        assert!(is_client_id("navien-1a2b"));
        for bad in ["", "a/b", "a+", "#", "$aws", "ключ"] {
            assert!(!is_client_id(bad), "{bad}");
        }
    }
}
