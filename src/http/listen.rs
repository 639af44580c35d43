//! Sockets to listen on, and what to do when they cannot be had.
//! Never listens on more than it was told: an IPv6 address does not take the IPv4 ones with it.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::client::Client;
use crate::config::{Http, Listen};

/// Connections that the kernel holds while we are busy; it takes fewer if the system says so.
const BACKLOG: i32 = 1024;

/// The sockets of the server. Clients can connect from here on, and are answered once it serves.
#[derive(Debug, Default)]
pub struct Listeners {
    pub(super) sockets: Vec<Door>,
    places: Vec<Listen>,
}

impl Listeners {
    /// The IP addresses where it listens, with the ports that the system chose for port 0.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let address = |place: &Listen| match place {
            Listen::Tcp(address) => Some(*address),
            Listen::Unix(_) | Listen::Systemd => None,
        };
        self.places.iter().filter_map(address).collect()
    }

    /// Everywhere it listens. A socket that systemd opened is here with its address or path.
    #[must_use]
    pub fn places(&self) -> &[Listen] {
        &self.places
    }

    fn add(&mut self, (door, place): (Door, Listen)) {
        self.sockets.push(door);
        self.places.push(place);
    }
}

/// A place that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {place}: {}", remedy(place, source))]
pub struct BindError {
    /// As configured.
    pub place: Listen,
    /// What the system says.
    pub source: io::Error,
}

/// Listens everywhere that the configuration says, or nowhere. Must be called inside the runtime, and with sockets
/// of systemd's only once: they are taken.
///
/// # Errors
/// The first place that cannot be listened on.
pub fn bind(http: &Http) -> Result<Listeners, BindError> {
    let mut listeners = Listeners::default();
    for place in &http.listen {
        let failed = |source| BindError { place: place.clone(), source };
        match place {
            Listen::Tcp(address) => listeners.add(tcp(*address).map_err(failed)?),
            Listen::Unix(path) => listeners.add(unix(path, http.socket_mode).map_err(failed)?),
            Listen::Systemd => passed(&mut listeners).map_err(failed)?,
        }
    }
    Ok(listeners)
}

/// One listening socket.
#[derive(Debug)]
pub(super) enum Door {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "its end removes the file")] Option<SocketFile>),
}

impl Door {
    /// The next client, if there is one.
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Client>> {
        match self {
            Self::Tcp(socket) => socket.poll_accept(context).map_ok(|(stream, _)| Client::from(stream)),
            Self::Unix(socket, _) => socket.poll_accept(context).map_ok(|(stream, _)| Client::from(stream)),
        }
    }
}

/// The file of a Unix socket of ours: gone when we are.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Who removed it before us, or forbids it, gets a stale file that the next start takes away.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn tcp(address: SocketAddr) -> io::Result<(Door, Listen)> {
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
    Ok((Door::Tcp(listener), Listen::Tcp(real)))
}

fn unix(path: &Path, mode: u32) -> io::Result<(Door, Listen)> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile(path.to_owned());
    // Before it listens: until then nobody can connect, whatever the file's mode is.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    let listener = UnixListener::from_std(socket.into())?;
    Ok((Door::Unix(listener, Some(file)), Listen::Unix(path.to_owned())))
}

/// A socket that a process left behind is in the way and nobody answers there. What is no socket is not ours.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Ok(_) | Err(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// The sockets that systemd opened for us; their files are systemd's.
fn passed(listeners: &mut Listeners) -> io::Result<()> {
    let mut sockets = ListenFd::from_env();
    if sockets.len() == 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    for index in 0..sockets.len() {
        if let Ok(Some(socket)) = sockets.take_tcp_listener(index) {
            socket.set_nonblocking(true)?;
            let socket = TcpListener::from_std(socket)?;
            let address = socket.local_addr()?;
            listeners.add((Door::Tcp(socket), Listen::Tcp(address)));
        } else if let Some(socket) = sockets.take_unix_listener(index)? {
            socket.set_nonblocking(true)?;
            let path = socket.local_addr()?.as_pathname().map_or_else(PathBuf::new, Path::to_owned);
            let socket = UnixListener::from_std(socket)?;
            listeners.add((Door::Unix(socket, None), Listen::Unix(path)));
        }
    }
    Ok(())
}

/// What the system says, in words, and what to do about it.
fn remedy(place: &Listen, error: &io::Error) -> String {
    let elsewhere = "choose another address with `http.listen` or `--listen`";
    let directory = match place {
        Listen::Tcp(_) => None,
        Listen::Unix(path) => Some(path.parent().unwrap_or(path).display()),
        Listen::Systemd => {
            return format!(
                "no usable socket was passed ({error}); start hangup by its hangup.socket unit, or write an \
                 address in `http.listen`"
            );
        }
    };
    match (error.kind(), directory) {
        (io::ErrorKind::AddrInUse, None) => {
            format!("address already in use; is another hangup running? {elsewhere}")
        }
        (io::ErrorKind::AddrInUse, Some(_)) => {
            format!("something is there already; is another hangup running? {elsewhere}")
        }
        (io::ErrorKind::AddrNotAvailable, _) => {
            format!("this machine does not have the address (yet); {elsewhere}")
        }
        (io::ErrorKind::PermissionDenied, None) => {
            format!("not permitted; ports below 1024 need a privilege: {elsewhere}")
        }
        (io::ErrorKind::PermissionDenied, Some(directory)) => {
            format!("not permitted; hangup must be allowed to write in {directory}, or {elsewhere}")
        }
        (io::ErrorKind::NotFound, Some(directory)) => {
            format!("there is no directory {directory}; make it, or {elsewhere}")
        }
        _ => format!("{error}; {elsewhere}"),
    }
}
