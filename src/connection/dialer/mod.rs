//! From a plan to a stream of bytes: name lookup, TCP, proxy, TLS, WebSocket; each timed, limited and named.
//!
//! Never speaks MQTT and never tries again.

mod certificate;
mod dns;
mod head;
mod proxy;
mod tcp;
mod tls;
mod websocket;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
pub(super) use websocket::Websocket;
pub use websocket::is_further_header;
pub(super) use wire::Wire;

use super::ending::PhaseTime;
use super::error::ErrorName;
use super::limits::Limits;
use super::pipe::Pipe;
use super::plan::Plan;
use super::report::Report;
use super::{Failure, Phase};
use crate::clock;

/// A stream that is ready for MQTT.
pub(super) struct Dialled {
    pub(super) pipe: Pipe,
    pub(super) reached: Reached,
}

/// What was reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) certificate_expires: Option<SystemTime>,
}

/// Where the phases are told.
#[derive(Debug)]
pub(super) struct Progress(pub(super) mpsc::UnboundedSender<Report>);

/// Dials. The first error of a phase is the end; nothing stays open then.
pub(super) async fn dial(plan: &Plan, limits: &Limits, progress: &Progress) -> Result<Dialled, Failure> {
    let (host, port) = plan.proxy.as_ref().map_or((&plan.host, plan.port), |proxy| (&proxy.host, proxy.port));

    let addresses = progress.phase(Phase::Dns, limits.dns, dns::look_up(host, port)).await?;

    let tcp = progress.phase(Phase::Tcp, limits.tcp, tcp::connect(&addresses)).await?;
    let unknown = |error| super::classify::io(Phase::Tcp, &error);
    let (peer, local) = (tcp.peer_addr().map_err(unknown)?, tcp.local_addr().map_err(unknown)?);
    let mut wire = Wire::plain(tcp);

    if let Some(proxy) = &plan.proxy {
        let tunnel = proxy::connect(&mut wire, proxy, &plan.host, plan.port);
        progress.phase(Phase::Proxy, limits.proxy, tunnel).await?;
    }

    let mut certificate_expires = None;
    if plan.transport.has_tls() {
        let handshake = tls::connect(wire, plan);
        wire = progress.phase(Phase::Tls, limits.tls, handshake).await?;
        certificate_expires = wire.certificate().and_then(certificate::expiry);
    }

    let pipe = if plan.transport.has_websocket() {
        let upgrade = websocket::upgrade(wire, plan);
        Pipe::Websocket(Box::new(progress.phase(Phase::Websocket, limits.websocket, upgrade).await?))
    } else {
        Pipe::Raw(wire)
    };
    Ok(Dialled { pipe, reached: Reached { peer, local, certificate_expires } })
}

impl Progress {
    async fn phase<T>(
        &self,
        phase: Phase,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.tell(Report::Entered(phase));
        let began = clock::now().at;
        let done = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late(phase)))?;
        self.tell(Report::Finished(PhaseTime { phase, took: clock::now().at.saturating_since(began) }));
        Ok(done)
    }

    fn tell(&self, report: Report) {
        // The receiver goes with the link; then there is nobody to tell.
        let _ = self.0.send(report);
    }
}

/// What a phase that reached its limit is called.
fn late(phase: Phase) -> Failure {
    let (error, message) = match phase {
        Phase::Dns => (ErrorName::DnsTimeout, "the name lookup took too long"),
        Phase::Proxy => (ErrorName::ProxyTimeout, "the proxy did not answer in time"),
        Phase::Tls => (ErrorName::TlsTimeout, "the TLS handshake took too long"),
        Phase::Websocket => {
            (ErrorName::WebsocketTimeout, "the upgrade to WebSocket was not answered in time")
        }
        Phase::Credentials
        | Phase::Tcp
        | Phase::Connack
        | Phase::Subscribe
        | Phase::Session
        | Phase::Shutdown => (ErrorName::SocketTimeout, "no address answered in time"),
    };
    Failure::new(phase, error, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other phases reach their limits against real sockets; a resolver cannot be made slow without root.
    #[tokio::test]
    async fn a_lookup_that_takes_too_long() {
        let (teller, mut told) = mpsc::unbounded_channel();
        let never = std::future::pending::<Result<(), Failure>>();
        let failure = Progress(teller).phase(Phase::Dns, Duration::ZERO, never).await.unwrap_err();
        assert_eq!((failure.phase, failure.error), (Phase::Dns, ErrorName::DnsTimeout));
        assert!(matches!(told.try_recv(), Ok(Report::Entered(Phase::Dns))));
        assert!(told.try_recv().is_err());
    }
}
