//! TCP connections: staggered over the addresses of a name, with the socket options that find dead paths.
//!
//! The first connection wins; the others are dropped. Never waits longer than its caller.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use crate::connection::error::ErrorName;
use crate::connection::{Detail, Failure, Phase, classify, path};

/// The connection attempt delay that RFC 8305 §5 recommends.
const STAGGER: Duration = Duration::from_millis(250);
/// For systems that count probes. Linux goes by the user timeout, when there is one, and does not count them.
#[cfg(target_os = "linux")]
const KEEPALIVE_PROBES: u32 = 3;

/// Connects to the first of `addresses` that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut waiting: VecDeque<_> = addresses.iter().copied().collect();
    let mut under_way = FuturesUnordered::new();
    let mut told: Option<Failure> = None;
    loop {
        if let Some(address) = waiting.pop_front() {
            under_way.push(connect_one(address));
        }
        let more = !waiting.is_empty();
        tokio::select! {
            outcome = under_way.next() => match outcome {
                Some(Ok(stream)) => return Ok(stream),
                // A failure makes the next address due at once.
                Some(Err(failure)) => told = Some(more_telling(told, failure)),
                None => return Err(told.unwrap_or_else(|| classify::lookup(Phase::Tcp, libc::EAI_NODATA, None))),
            },
            () = tokio::time::sleep(STAGGER), if more => {}
        }
    }
}

async fn connect_one(address: SocketAddr) -> Result<TcpStream, Failure> {
    let named = |error: io::Error| classify::io(Phase::Tcp, &error);
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.map_err(named)?;
    set_options(&socket).map_err(|error| {
        let message = "a socket option was refused";
        Failure::new(Phase::Tcp, ErrorName::InvalidSocketOptions, message)
            .with_detail(error.raw_os_error().map_or(Detail::None, Detail::Os))
    })?;
    socket.connect(address).await.map_err(named)
}

/// An idle path is probed often enough to find it dead within [`path::DEAD_AFTER`] of the last sign of life; with the
/// keepalive of 30 s, 10 s and three probes that is usual for MQTT it would take a minute. It costs six empty
/// packets a minute, and keeps gateways from forgetting the connection.
fn set_options(socket: &TcpSocket) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(path::PROBE_AFTER).with_interval(path::PROBE_EVERY);
    #[cfg(target_os = "linux")]
    let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(path::DEAD_AFTER))?;
    Ok(())
}

/// A host without IPv6 fails on every IPv6 address; that must not hide why the IPv4 address failed.
fn more_telling(told: Option<Failure>, new: Failure) -> Failure {
    const UNTELLING: &[ErrorName] =
        &[ErrorName::NoRouteToHost, ErrorName::UnsupportedAddressFamily, ErrorName::InvalidAddress];
    match told {
        Some(told) if UNTELLING.contains(&new.error) => told,
        Some(_) | None => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: ErrorName) -> Failure {
        Failure::new(Phase::Tcp, error, "")
    }

    #[test]
    fn a_refusal_tells_more_than_a_missing_family() {
        let told = more_telling(Some(failed(ErrorName::ConnectionRefused)), failed(ErrorName::NoRouteToHost));
        assert_eq!(told.error, ErrorName::ConnectionRefused);
        let told = more_telling(Some(failed(ErrorName::NoRouteToHost)), failed(ErrorName::ConnectionRefused));
        assert_eq!(told.error, ErrorName::ConnectionRefused);
        assert_eq!(more_telling(None, failed(ErrorName::NoRouteToHost)).error, ErrorName::NoRouteToHost);
    }
}
