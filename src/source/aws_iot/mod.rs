//! AWS IoT Core: signed WebSockets, client certificates and custom authorizers, within the limits of the service.
//!
//! Never asks anything: it subscribes, and the listeners of the connection say what a message means. A refused policy shows
//! as a closed connection here, not as an answer: AWS closes on what it does not allow.

mod authorizer;
mod keys;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::listen::{Listening, Shared};
use super::mqtt::Session;
use super::skew::ServiceClock;
use super::{Answer, Ears, Inventory, Planned, Planner, proxy, secrets, sigv4, tls};
use crate::clock;
use crate::config::{self, AWS_FILTERS, Authentication, Credentials, Secret};
use crate::connection::plan::{Plan, Proxy, Subscription, Transport};
use crate::connection::{Failure, Tier};
use crate::lifecycle::CredentialEvent;
use authorizer::Told;
use keys::Keeper;

/// The keep-alive when nothing else is configured: AWS's own of 20 minutes does not survive a NAT gateway.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// AWS closes a WebSocket of this age, and a custom authorizer gives no connection a longer life.
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// AWS takes so many filters in one SUBSCRIBE.
const FILTERS_PER_SUBSCRIBE: usize = 8;
/// AWS's largest payload, and with it the largest packet we send.
const LARGEST_OUTGOING: usize = 128 * 1024;
/// What AWS announces as its largest packet, rounded up.
const LARGEST_INCOMING: usize = 160 * 1024;
/// AWS closes a client id that connects more often.
const CONNECT_INTERVAL: Duration = Duration::from_secs(1);
/// ALPN of MQTT with a client certificate on any port but its own (AWS IoT Core Developer Guide, "Device communication
/// protocols").
const CERTIFICATE_ALPN: &[u8] = b"x-amzn-mqtt-ca";
/// The port where MQTT with a client certificate needs no ALPN.
const MQTT_PORT: u16 = 8883;
/// The service's time is asked for this long at most.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// One endpoint.
pub struct AwsIot {
    config: config::AwsIot,
    session: Session,
    proxy: Option<(reqwest::Proxy, Proxy)>,
    tls: Arc<tls::Settings>,
    keeper: Option<Keeper>,
    clock: ServiceClock,
    subscriptions: Vec<Subscription>,
    listeners: Vec<Shared>,
}

impl std::fmt::Debug for AwsIot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsIot").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What lies under MQTT with this authentication.
pub(super) fn transport(authentication: &Authentication) -> Transport {
    let websocket = match authentication {
        Authentication::SigV4 { .. } => true,
        Authentication::Certificate => false,
        Authentication::Authorizer(authorizer) => authorizer.websocket,
    };
    if websocket { Transport::Wss } else { Transport::Tls }
}

/// Whether somebody is asked for the keys.
pub(super) const fn signs_in(authentication: &Authentication) -> bool {
    match authentication {
        Authentication::SigV4 { credentials, .. } => match credentials {
            Credentials::Container { .. } => true,
            Credentials::Static { .. } | Credentials::Profile { .. } => false,
        },
        Authentication::Certificate | Authentication::Authorizer(_) => false,
    }
}

/// How the gateway is told what is spoken, for it has one port for all of it.
fn alpn(authentication: &Authentication, port: u16) -> Option<&'static [u8]> {
    match (transport(authentication), authentication) {
        (Transport::Ws | Transport::Wss, _) => Some(tls::HTTP),
        (Transport::Tcp | Transport::Tls, Authentication::Authorizer(_)) => Some(authorizer::ALPN),
        (Transport::Tcp | Transport::Tls, Authentication::Certificate | Authentication::SigV4 { .. }) => {
            (port != MQTT_PORT).then_some(CERTIFICATE_ALPN)
        }
    }
}

impl AwsIot {
    /// An endpoint that was not contacted yet.
    ///
    /// # Errors
    /// When the proxy is none, or there are more subscriptions than AWS takes.
    pub(crate) fn new(
        config: &config::AwsIot,
        policy: &config::Policy,
        ears: Ears,
    ) -> Result<Arc<Self>, String> {
        let Ears { subscriptions, listeners } = ears;
        if subscriptions.len() > AWS_FILTERS {
            return Err(format!(
                "has {} subscriptions with those of its fleet and its devices, and AWS IoT Core takes {AWS_FILTERS} on \
                 one connection",
                subscriptions.len()
            ));
        }
        let proxy = config.proxy.as_ref().map(|address| {
            proxy::both(address)
                .ok_or("`proxy` is not an HTTP proxy (write for example `http://proxy.example:3128`)")
        });
        let keeper = match &config.authentication {
            Authentication::SigV4 { credentials, .. } => Some(Keeper::new(credentials.clone())),
            Authentication::Certificate | Authentication::Authorizer(_) => None,
        };
        Ok(Arc::new(Self {
            session: Session::new(policy, KEEP_ALIVE),
            proxy: proxy.transpose()?,
            tls: tls::Settings::new(&config.tls, alpn(&config.authentication, config.port)),
            keeper,
            clock: ServiceClock::default(),
            subscriptions,
            listeners,
            config: config.clone(),
        }))
    }

    async fn prepare(&self, tier: Tier, events: &mut Vec<CredentialEvent>) -> Result<Planned, Failure> {
        let config::AwsIot { endpoint, port, authentication, mqtt, .. } = &self.config;
        let tls = self.tls.get(tier).await?;
        let plan = Plan {
            proxy: self.proxy.as_ref().map(|(_, own)| own.clone()),
            server_name: self.config.tls.server_name.clone(),
            subscriptions: self.subscriptions.clone(),
            filters_per_subscribe: FILTERS_PER_SUBSCRIBE,
            max_packet_size: LARGEST_INCOMING,
            max_outgoing_size: LARGEST_OUTGOING,
            min_connect_interval: CONNECT_INTERVAL,
            hangup_means_credentials: true,
            ..Plan::to(endpoint, *port, transport(authentication), self.session.client_id())
        };
        let plan = match authentication {
            Authentication::SigV4 { region, .. } => self.signed(plan, region, &tls, tier, events).await?,
            Authentication::Certificate => plan,
            Authentication::Authorizer(authorizer) => authorized(plan, authorizer).await?,
        };
        let plan = self.session.fill(Plan { tls: Some(tls), ..plan }, mqtt).await?;
        Ok(Planned { plan, dialogue: Box::new(Listening::new(self.listeners.clone())) })
    }

    /// Signed at every attempt: the date is part of the signature.
    async fn signed(
        &self,
        plan: Plan,
        region: &str,
        tls: &rustls::ClientConfig,
        tier: Tier,
        events: &mut Vec<CredentialEvent>,
    ) -> Result<Plan, Failure> {
        let Some(keeper) = &self.keeper else { return Ok(plan) };
        let held = keeper.obtain(tier, events).await?;
        if tier == Tier::Deep {
            self.ask_for_the_time(tls).await;
        }
        let target = sigv4::Target {
            host: &self.config.endpoint,
            region,
            at: self.clock.signing_time(clock::now().wall),
            expires: None,
        };
        Ok(Plan {
            request_target: sigv4::presign(&held.keys, target),
            lifetime: Some(LIFETIME),
            credentials_expire: held.expires,
            ..plan
        })
    }

    /// A refused signature may be the fault of our clock, and every answer of the endpoint tells its own. Without an answer
    /// what was known stays.
    async fn ask_for_the_time(&self, tls: &rustls::ClientConfig) {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIME_LIMIT)
            .user_agent(concat!("hangup/", env!("CARGO_PKG_VERSION")));
        let builder = match &self.proxy {
            Some((proxy, _)) => builder.proxy(proxy.clone()),
            None => builder.no_proxy(),
        };
        let Ok(client) = builder.build() else { return };
        let config::AwsIot { endpoint, port, .. } = &self.config;
        if let Ok(answer) = client.get(format!("https://{endpoint}:{port}/")).send().await {
            self.clock.note(answer.headers(), clock::now().wall);
        }
    }
}

/// With what the authorizer is told.
async fn authorized(plan: Plan, authorizer: &config::Authorizer) -> Result<Plan, Failure> {
    let token = match &authorizer.token {
        Some((key, token)) => Some((key.clone(), secrets::read(token, "token").await?)),
        None => None,
    };
    let told = Told {
        name: authorizer.name.clone(),
        token,
        signature: secrets::read_if(authorizer.signature.as_ref(), "signature").await?,
    };
    let username = secrets::read_if(authorizer.username.as_ref(), "username").await?;
    let password = secrets::read_if(authorizer.password.as_ref(), "password").await?;
    let plan = Plan { lifetime: Some(LIFETIME), ..plan };
    Ok(if authorizer.websocket {
        let login = username.map(|name| (name.expose().to_owned(), password.unwrap_or_default()));
        Plan { upgrade_headers: told.headers(), login, ..plan }
    } else {
        let username = told.username(username.as_ref().map_or("", Secret::expose));
        Plan { login: Some((username, password.unwrap_or_default())), ..plan }
    })
}

impl Planner for AwsIot {
    fn plan(self: Arc<Self>, tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        Box::pin(async move {
            let mut credentials = Vec::new();
            let result = self.prepare(tier, &mut credentials).await;
            Answer { result, credentials }
        })
    }

    /// The gateway lists no devices.
    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        Box::pin(async { Answer { result: Ok(Inventory::default()), credentials: Vec::new() } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_all_protocols_is_told_which_one() {
        let authorizer = |websocket| {
            let (name, token, signature, username, password) = (None, None, None, None, None);
            Authentication::Authorizer(config::Authorizer {
                websocket,
                name,
                token,
                signature,
                username,
                password,
            })
        };
        assert_eq!(alpn(&Authentication::Certificate, 8883), None);
        assert_eq!(alpn(&Authentication::Certificate, 443), Some(&b"x-amzn-mqtt-ca"[..]));
        assert_eq!(alpn(&authorizer(false), 443), Some(&b"mqtt"[..]));
        assert_eq!(alpn(&authorizer(true), 443), Some(&b"http/1.1"[..]));
    }
}
