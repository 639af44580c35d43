//! Sockets to listen on, and what to do when they can not be had.
//! Never listens on more than it was told: an IPv6 address does not take the IPv4 ones with it.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Http;

/// Connections that the kernel holds while we are busy; it takes fewer if the system says so.
const BACKLOG: i32 = 1024;

/// The sockets of the server. Clients can connect from here on, and are answered once it serves.
#[derive(Debug)]
pub struct Listeners {
    pub(super) sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

impl Listeners {
    /// Where it listens, with the ports that the system chose for port 0.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }
}

/// An address that can not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", remedy(source))]
pub struct BindError {
    /// As configured.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// Listens on every address of the configuration, or on none. Must be called inside the runtime.
///
/// # Errors
/// The first address that can not be listened on.
pub fn bind(http: &Http) -> Result<Listeners, BindError> {
    let mut listeners = Listeners { sockets: Vec::new(), addresses: Vec::new() };
    for &address in &http.listen {
        let (socket, real) = listen(address).map_err(|source| BindError { address, source })?;
        listeners.sockets.push(socket);
        listeners.addresses.push(real);
    }
    Ok(listeners)
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait until connections of the last process are forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let real = listener.local_addr()?;
    Ok((listener, real))
}

/// What the system says, in words, and what to do about it.
fn remedy(error: &io::Error) -> String {
    let elsewhere = "choose another address with `http.listen` or `--listen`";
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "not our enum: the rest is told as the system tells it"
    )]
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("address already in use; is another hangup running? {elsewhere}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine does not have the address (yet); {elsewhere}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not permitted; ports below 1024 need a privilege: {elsewhere}")
        }
        _ => format!("{error}; {elsewhere}"),
    }
}
