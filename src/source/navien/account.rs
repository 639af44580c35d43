//! One account as a [`Planner`]: signs in, lists the heaters, says how to connect now.
//!
//! Never connects to the broker itself, and needs nothing of REST while keys and devices are known.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::credentials::{self, Credentials};
use super::devices::{self, Entry};
use super::dialogue::{Conversation, Manner, Memories, Start};
use super::rest::Rest;
use super::tokens::{Need, Tokens};
use super::{Facts, Invalid};
use super::{requests, setup, topics};

use crate::clock::{self, Instant};
use crate::config;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::plan::{Plan, Proxy, Subscription, Transport};
use crate::connection::{Failure, Phase, Tier};
use crate::lifecycle::CredentialEvent;
use crate::source::{Answer, Inventory, Planned, Planner, sigv4, tls};

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
        setup::check_devices(config)?;
        let client_id = match &facts.client_id {
            Some(id) if setup::is_client_id(id) => id.clone(),
            Some(_) => return Err(Invalid::ClientId),
            None => topics::client_id(),
        };
        Ok(Arc::new(Self {
            name: name.to_owned(),
            client_id,
            proxy: config.proxy.as_ref().map(setup::proxy).transpose()?,
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
                let loaded = tokio::task::spawn_blocking(move || tls::load(ca_file.as_deref())).await;
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
            unusable("the account has no heater of the family that is supported (device type 52)".to_owned())
        })?;
        let plan = self.plan_for(network, &tokens, &listing)?;
        Ok(Planned { plan, dialogue: Box::new(self.conversation(&tokens, listing)) })
    }

    fn plan_for(&self, network: &Network, tokens: &Tokens, listing: &Listing) -> Result<Plan, Failure> {
        let subscriptions = self.subscriptions(tokens, &listing.supported);
        if subscriptions.len() > SUBSCRIPTIONS {
            return Err(unusable(format!(
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
            proxy: self.proxy.as_ref().map(|(_, proxy)| proxy.clone()),
            tls: Some(Arc::clone(&network.tls)),
            request_target: sigv4::presign(&tokens.keys, target),
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
            ..Plan::to(&self.config.mqtt_host, self.config.mqtt_port, Transport::Wss, &self.client_id)
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
        filters.into_iter().map(|filter| Subscription::new(filter, 1, true)).collect()
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
                keep_alive: self.facts.keep_alive.unwrap_or(KEEP_ALIVE),
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

fn unusable(message: String) -> Failure {
    Failure::new(Phase::Credentials, ErrorName::CredentialsUnexpectedResponse, message)
        .with_class(RetryClass::Setup)
}
