//! Starts and stops the demo cloud, and hands out what its users need.
//!
//! Never outlives [`Cloud::stop`]: every task is awaited there.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::certificate;
use super::faults::Fault;
use super::hub::Hub;
use super::settings::Settings;
use super::world::World;
use super::{server, wire};
use crate::clock;

/// A running demo cloud.
pub struct Cloud {
    hub: Arc<Hub>,
    host: String,
    rest: SocketAddr,
    mqtt: SocketAddr,
    ca_pem: String,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud").field("rest", &self.rest).field("mqtt", &self.mqtt).finish_non_exhaustive()
    }
}

impl Cloud {
    /// Listens and runs until [`Cloud::stop`].
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let now = clock::now();
        let certificates = certificate::make(&settings.host, now)?;
        let rest_listener = bind("REST", settings.rest).await?;
        let mqtt_listener = bind("MQTT", settings.mqtt).await?;
        let (rest, mqtt) = (rest_listener.local_addr()?, mqtt_listener.local_addr()?);
        let host = settings.host.clone();
        let hub = Arc::new(Hub::new(World::new(settings, jiff::tz::TimeZone::system(), now)));
        let acceptor = TlsAcceptor::from(certificates.server);
        let (stop, stopped) = watch::channel(false);

        let time = {
            let (hub, mut stopped) = (Arc::clone(&hub), stopped.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = hub.keep_time() => {}
                    _ = stopped.changed() => {}
                }
            })
        };
        let tasks = vec![
            time,
            tokio::spawn(server::serve(
                Arc::clone(&hub),
                acceptor.clone(),
                rest_listener,
                rest,
                stopped.clone(),
            )),
            tokio::spawn(wire::listen(Arc::clone(&hub), acceptor, mqtt_listener, mqtt, stopped)),
        ];
        tracing::info!("cloud: listens on {rest} (REST) and {mqtt} (MQTT)");
        Ok(Self { hub, host, rest, mqtt, ca_pem: certificates.ca_pem, stop, tasks })
    }

    /// The base of the REST interface, as a client's configuration wants it.
    #[must_use]
    pub fn rest_url(&self) -> String {
        format!("https://{}:{}/api/v2.1", self.host, self.rest.port())
    }

    /// The name under which both are reached.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of the broker.
    #[must_use]
    pub fn mqtt_port(&self) -> u16 {
        self.mqtt.port()
    }

    /// The address of the broker.
    #[must_use]
    pub fn mqtt_address(&self) -> SocketAddr {
        self.mqtt
    }

    /// The address of the REST interface.
    #[must_use]
    pub fn rest_address(&self) -> SocketAddr {
        self.rest
    }

    /// The certificate that clients must trust, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes [`Cloud::ca_pem`] to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_ca(&self, path: impl AsRef<Path>) -> io::Result<()> {
        std::fs::write(path, &self.ca_pem)
    }

    /// A handle that makes things go wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults { hub: Arc::clone(&self.hub) }
    }

    /// Closes every connection politely and waits for the end.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            // A task that panicked has ended too.
            let _ = task.await;
        }
    }
}

/// Makes things go wrong at run time.
#[derive(Clone)]
pub struct Faults {
    hub: Arc<Hub>,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Faults {
    /// Lets something go wrong now.
    pub fn inject(&self, fault: Fault) {
        self.hub.act(|world, now| world.inject(fault, now));
    }

    /// How many clients have a session at the moment.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.hub.ask(|world, _| world.clients().len())
    }
}

/// Listens, or says where it could not.
async fn bind(what: &str, address: SocketAddr) -> io::Result<TcpListener> {
    let explained = |fault: io::Error| {
        io::Error::new(fault.kind(), format!("the demo cloud cannot listen on {address} for {what}: {fault}"))
    };
    TcpListener::bind(address).await.map_err(explained)
}
