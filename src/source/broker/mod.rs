//! Any MQTT broker.
//!
//! Never asks anything: it subscribes, and the listeners of the connection say what a message means. Passwords, tokens and
//! certificates are read at each attempt, so that a renewed one needs no restart.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::listen::{Listening, Shared};
use super::mqtt::Session;
use super::{Answer, Ears, Inventory, Planned, Planner, proxy, secrets, tls};
use crate::config;
use crate::connection::plan::{ByHand, Identity, Plan, Proxy, Subscription};
use crate::connection::{Failure, Tier};

/// The keep-alive when nothing else is configured. A subscriber sends nothing but its pings: so long after a broker was
/// replaced in silence, the end of the old connection is heard of, and messages arrive again within 15 s.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One broker.
pub struct Broker {
    config: config::Broker,
    session: Session,
    proxy: Option<Proxy>,
    tls: Arc<tls::Settings>,
    subscriptions: Vec<Subscription>,
    listeners: Vec<Shared>,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Broker {
    /// A broker that was not contacted yet.
    ///
    /// # Errors
    /// When the proxy is none.
    pub(crate) fn new(
        config: &config::Broker,
        policy: &config::Policy,
        ears: Ears,
    ) -> Result<Arc<Self>, String> {
        let proxy = config.proxy.as_ref().map(|address| {
            proxy::own(address)
                .ok_or("`proxy` is not an HTTP proxy (write for example `http://proxy.example:3128`)")
        });
        // A gateway of WebSockets is spoken to in HTTP; a broker beside other services of one port is asked for nothing.
        let alpn = config.address.transport.has_websocket().then_some(tls::HTTP);
        let Ears { subscriptions, listeners } = ears;
        Ok(Arc::new(Self {
            config: config.clone(),
            session: Session::new(policy, KEEP_ALIVE),
            proxy: proxy.transpose()?,
            tls: tls::Settings::new(&config.tls, alpn),
            subscriptions,
            listeners,
        }))
    }

    async fn prepare(&self, tier: Tier) -> Result<Planned, Failure> {
        let config::Broker { address, mqtt, .. } = &self.config;
        let tls = if address.transport.has_tls() { Some(self.tls.get(tier).await?) } else { None };
        let username = secrets::read_if(self.config.username.as_ref(), "username").await?;
        let password = secrets::read_if(self.config.password.as_ref(), "password").await?;
        let login = (username.is_some() || password.is_some()).then(|| {
            let username = username.map(|name| name.expose().to_owned());
            (username.unwrap_or_default(), password.unwrap_or_default())
        });
        let identity = match (&login, &self.config.tls.client) {
            (Some(_), _) => Identity::Login,
            (None, Some(_)) => Identity::Certificate,
            (None, None) => Identity::Anonymous,
        };
        let plan = Plan {
            proxy: self.proxy.clone(),
            tls,
            server_name: self.config.tls.server_name.clone(),
            request_target: address.target.clone(),
            upgrade_headers: secrets::read_all(&self.config.headers, "headers").await?,
            login,
            subscriptions: self.subscriptions.clone(),
            max_packet_size: self.config.max_packet_size,
            by_hand: Some(ByHand { identity, reached: false }),
            ..Plan::to(&address.host, address.port, address.transport.clone(), self.session.client_id())
        };
        let plan = self.session.fill(plan, mqtt).await?;
        Ok(Planned { plan, dialogue: Box::new(Listening::new(self.listeners.clone())) })
    }
}

impl Planner for Broker {
    fn plan(self: Arc<Self>, tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        Box::pin(async move { Answer { result: self.prepare(tier).await, credentials: Vec::new() } })
    }

    /// A broker lists no devices.
    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        Box::pin(async { Answer { result: Ok(Inventory::default()), credentials: Vec::new() } })
    }
}
