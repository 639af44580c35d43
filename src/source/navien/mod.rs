//! Navien heat pump water heaters through the vendor's cloud.
//!
//! Never sends a command to a heater: it asks and reads.
//!
//! A sign-in by REST gives a token and temporary AWS keys; the keys sign a WebSocket to AWS IoT Core; there the
//! heaters answer questions. [`Navien`] is the asynchronous half (`rest`, `credentials`); `dialogue` asks,
//! `decode` understands, both pure. To add a field, add a row to a table in `decode` and a line in `quantities`.

pub mod credentials;
pub mod decode;
pub mod devices;
pub mod dialogue;
pub mod quantities;
pub mod requests;
pub mod rest;
pub mod sigv4;
pub mod tokens;
pub mod topics;
pub mod wire;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::{self, Instant};
use crate::config::{self, Secret};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::plan::{Plan, Proxy, Subscription, Transport};
use crate::connection::{Failure, Phase, Tier};
use crate::lifecycle::CredentialEvent;
use crate::source::{Answer, Inventory, Planned, Planner};
use credentials::Credentials;
use devices::Entry;
use dialogue::{Conversation, Manner, Memories, Start};
use rest::Rest;
use tokens::{Need, Tokens};

/// The vendor app's keep-alive. Other clients' 20 minutes do not survive a NAT gateway.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// AWS closes a WebSocket of this age.
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// AWS takes so many filters in one SUBSCRIBE …
const FILTERS_PER_SUBSCRIBE: usize = 8;
/// … and so many on one connection; one more closes it.
const SUBSCRIPTIONS: usize = 50;
/// AWS's largest payload, and with it the largest packet we send.
const LARGEST_OUTGOING: usize = 128 * 1024;
/// What AWS announces as its largest packet, rounded up.
const LARGEST_INCOMING: usize = 160 * 1024;

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

/// A device as `hangup devices` shows it. The MAC is in it because the owner needs it to name an alias: for the
/// terminal of the owner only.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// Twelve lower-case hexadecimal digits.
    pub mac: String,
    /// The label `device` of its series.
    pub label: String,
    /// The owner's name for it.
    pub name: String,
    /// The vendor's number of the family.
    pub device_type: i64,
    /// Whether this source speaks to that family.
    pub supported: bool,
    /// Whether the cloud sees it; `None` when it does not say.
    pub online: Option<bool>,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("label", &self.label)
            .field("device_type", &self.device_type)
            .field("online", &self.online)
            .finish_non_exhaustive()
    }
}

/// One account.
pub struct Navien {
    name: String,
    config: config::Navien,
    facts: Facts,
    client_id: String,
    proxy: Option<(reqwest::Proxy, Proxy)>,
    credentials: Credentials,
    /// Made at the first attempt: reading the system's certificates must not hold up the start.
    network: tokio::sync::OnceCell<Network>,
    /// The devices as last listed.
    listed: Mutex<Option<Listing>>,
    memories: Arc<Mutex<Memories>>,
    zone: jiff::tz::TimeZone,
}

struct Network {
    rest: Rest,
    tls: Arc<rustls::ClientConfig>,
}

#[derive(Clone)]
struct Listing {
    supported: Vec<Entry>,
    at: Instant,
}

impl std::fmt::Debug for Navien {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Navien").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Navien {
    /// An account that was not contacted yet.
    ///
    /// # Errors
    /// When something in the configuration cannot be meant so.
    pub fn new(name: &str, config: &config::Navien, facts: Facts) -> Result<Arc<Self>, Invalid> {
        let base = reqwest::Url::parse(&config.base_url).map_err(|_| Invalid::BaseUrl)?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(Invalid::BaseUrl);
        }
        check_devices(config)?;
        let client_id = match &facts.client_id {
            Some(id) if is_client_id(id) => id.clone(),
            Some(_) => return Err(Invalid::ClientId),
            None => topics::client_id(),
        };
        Ok(Arc::new(Self {
            name: name.to_owned(),
            client_id,
            proxy: config.proxy.as_ref().map(proxy).transpose()?,
            credentials: Credentials::new(config.email.clone(), config.password.clone()),
            network: tokio::sync::OnceCell::new(),
            listed: Mutex::new(None),
            memories: Arc::default(),
            zone: jiff::tz::TimeZone::system(),
            config: config.clone(),
            facts,
        }))
    }

    /// Signs in and lists every device of the account, supported or not.
    pub async fn devices(&self) -> Answer<Vec<Device>> {
        let mut credentials = Vec::new();
        let result = self.list(false, &mut credentials).await.map(|entries| {
            let device = |entry: Entry| Device {
                label: devices::label(&entry.mac, &self.config.devices),
                supported: entry.is_supported(),
                mac: entry.mac,
                name: entry.name,
                device_type: entry.device_type,
                online: entry.online,
            };
            entries.into_iter().map(device).collect()
        });
        Answer { result, credentials }
    }

    async fn network(&self) -> Result<&Network, Failure> {
        self.network
            .get_or_try_init(|| async {
                let ca_file = self.config.ca_file.clone();
                let loaded = tokio::task::spawn_blocking(move || rest::tls::load(ca_file.as_deref())).await;
                let tls = loaded.map_err(|_| {
                    let message = "reading the root certificates was interrupted";
                    Failure::new(Phase::Credentials, ErrorName::TlsNoRootCertificate, message)
                        .with_class(RetryClass::Network)
                })??;
                let proxy = self.proxy.as_ref().map(|(proxy, _)| proxy.clone());
                let rest = Rest::new(&self.config.base_url, tls.clone(), proxy)?;
                Ok(Network { rest, tls: Arc::new(tls) })
            })
            .await
    }

    /// Lists all devices and remembers the supported ones.
    async fn list(&self, patient: bool, events: &mut Vec<CredentialEvent>) -> Result<Vec<Entry>, Failure> {
        let rest = &self.network().await?.rest;
        let entries = credentials::list(&self.credentials, rest, patient, events).await?;
        let listing = Listing { supported: devices::supported(&entries), at: clock::now().at };
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(listing);
        Ok(entries)
    }

    fn listing(&self) -> Option<Listing> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.clone().filter(|listing| !listing.supported.is_empty())
    }

    /// A quick attempt with keys that last needs nothing of the REST service, so that its outage does not prolong
    /// ours. A deep one asks for everything anew, and makes do with the known devices if only the list fails.
    async fn prepare(&self, tier: Tier, events: &mut Vec<CredentialEvent>) -> Result<Planned, Failure> {
        let network = self.network().await?;
        let need = match tier {
            Tier::Quick => Need::Keys,
            Tier::Deep => Need::Anew,
        };
        self.credentials.obtain(&network.rest, need, false, events).await?;
        let known = self.listing();
        if known.is_none() || tier == Tier::Deep {
            match self.list(false, events).await {
                Err(failure) if known.is_none() => return Err(failure),
                Err(failure) => tracing::info!(
                    connection = self.name,
                    error = failure.error.as_str(),
                    "the device list could not be had; going on with the devices known"
                ),
                Ok(_) => {}
            }
        }
        // Listing may have brought newer keys.
        let tokens = self.credentials.obtain(&network.rest, Need::Keys, false, events).await?;
        let listing = self.listing().ok_or_else(|| {
            setup("the account has no heater of the family that is supported (device type 52)".to_owned())
        })?;
        let plan = self.plan_for(network, &tokens, &listing)?;
        Ok(Planned { plan, dialogue: Box::new(self.conversation(&tokens, listing)) })
    }

    fn plan_for(&self, network: &Network, tokens: &Tokens, listing: &Listing) -> Result<Plan, Failure> {
        let subscriptions = self.subscriptions(tokens, &listing.supported);
        if subscriptions.len() > SUBSCRIPTIONS {
            return Err(setup(format!(
                "the account has {} heaters; AWS allows {SUBSCRIPTIONS} subscriptions on one connection",
                listing.supported.len()
            )));
        }
        // Signed at every attempt: the date is part of the signature.
        let target = sigv4::Target {
            host: &self.config.mqtt_host,
            region: &self.config.region,
            at: network.rest.signing_time(clock::now().wall),
            expires: None,
        };
        Ok(Plan {
            host: self.config.mqtt_host.clone(),
            port: self.config.mqtt_port,
            transport: Transport::Wss,
            proxy: self.proxy.as_ref().map(|(_, proxy)| proxy.clone()),
            tls: Some(Arc::clone(&network.tls)),
            request_target: sigv4::presign(&tokens.keys, target),
            client_id: self.client_id.clone(),
            login: None,
            last_will: None,
            clean_session: self.facts.clean_session.unwrap_or(true),
            keep_alive: self.facts.keep_alive.unwrap_or(KEEP_ALIVE),
            subscriptions,
            filters_per_subscribe: FILTERS_PER_SUBSCRIBE,
            max_packet_size: LARGEST_INCOMING,
            max_outgoing_size: LARGEST_OUTGOING,
            lifetime: Some(LIFETIME),
            credentials_expire: Some(tokens.keys_expire.wall),
            min_connect_interval: Duration::from_secs(1),
            hangup_means_credentials: true,
        })
    }

    fn subscriptions(&self, tokens: &Tokens, heaters: &[Entry]) -> Vec<Subscription> {
        let mut filters: Vec<String> =
            heaters.iter().map(|heater| topics::device_filter(&heater.mac)).collect();
        filters.push(topics::answers_filter(&self.client_id));
        if let (true, Some(user)) = (self.config.diagnostic_readings, tokens.user) {
            let homes: BTreeSet<i64> = heaters.iter().filter_map(|heater| heater.home).collect();
            filters
                .extend(homes.iter().map(|home| topics::long_answers_filter(*home, user, &self.client_id)));
        }
        filters.into_iter().map(|filter| Subscription { filter, qos: 1, required: true }).collect()
    }

    fn conversation(&self, tokens: &Tokens, listing: Listing) -> Conversation {
        let labelled = |heater: Entry| {
            let label = devices::label(&heater.mac, &self.config.devices);
            (heater, label)
        };
        Conversation::new(Start {
            asker: requests::Asker {
                client_id: self.client_id.clone(),
                session_id: format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
                user: tokens.user,
            },
            manner: Manner {
                status_interval: self.config.status_interval,
                features_interval: self.config.features_interval,
                energy_interval: self.config.energy_interval,
                request_limit: self.config.request_limit,
                diagnostic: self.config.diagnostic_readings,
            },
            heaters: listing.supported.into_iter().map(labelled).collect(),
            listed: listing.at,
            zone: self.zone.clone(),
            memories: Arc::clone(&self.memories),
            seed: fastrand::u64(..),
        })
    }
}

impl Planner for Navien {
    fn plan(self: Arc<Self>, tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        Box::pin(async move {
            let mut credentials = Vec::new();
            let result = self.prepare(tier, &mut credentials).await;
            Answer { result, credentials }
        })
    }

    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        Box::pin(async move {
            let mut credentials = Vec::new();
            let listed = self.list(true, &mut credentials).await;
            let result = listed.map(|entries| devices::inventory(&devices::supported(&entries)));
            Answer { result, credentials }
        })
    }
}

fn setup(message: String) -> Failure {
    Failure::new(Phase::Credentials, ErrorName::CredentialsUnexpectedResponse, message)
        .with_class(RetryClass::Setup)
}

fn check_devices(config: &config::Navien) -> Result<(), Invalid> {
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

fn is_client_id(id: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(fine)
}

/// The proxy as the HTTP client and as our own dialer want it.
fn proxy(address: &Secret) -> Result<(reqwest::Proxy, Proxy), Invalid> {
    let url = reqwest::Url::parse(address.expose()).map_err(|_| Invalid::Proxy)?;
    let host = url.host_str().filter(|_| url.scheme() == "http").ok_or(Invalid::Proxy)?;
    let credentials = (!url.username().is_empty()).then(|| {
        let password = url.password().unwrap_or_default();
        Secret::new(format!("{}:{}", percent_decode(url.username()), percent_decode(password)))
    });
    let port = url.port_or_known_default().ok_or(Invalid::Proxy)?;
    let own = Proxy { host: host.trim_matches(['[', ']']).to_owned(), port, credentials };
    Ok((reqwest::Proxy::all(url).map_err(|_| Invalid::Proxy)?, own))
}

/// Undoes the percent-encoding that a password in a URL needs.
fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_taken_apart_with_its_password_decoded() {
        let (_, own) = proxy(&Secret::new("http://me:p%40ss%2Fw%zz@proxy.example:3128")).unwrap();
        assert_eq!((own.host.as_str(), own.port), ("proxy.example", 3128));
        assert_eq!(own.credentials.unwrap().expose(), "me:p@ss/w%zz");
        assert!(proxy(&Secret::new("socks5://proxy.example:1080")).is_err());
        assert!(proxy(&Secret::new("proxy.example")).is_err());
    }

    #[test]
    fn a_client_id_must_fit_into_a_topic() {
        assert!(is_client_id("navien-1a2b"));
        for bad in ["", "a/b", "a+", "#", "$aws", "ключ"] {
            assert!(!is_client_id(bad), "{bad}");
        }
    }
}
