//! A socket on which the kernel tells what happens to links, addresses and default routes. Needs no privilege.
//!
//! Never changes anything: its only questions are for lists. Where the system forbids it, it cannot be opened.

pub(super) mod message;

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use socket2::{SockFilter, SockRef};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::ready;

use message::Change;

/// `RTMGRP_…`: links, addresses and routes of both families.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// The kernel fits the parts of a list into what is offered, up to this.
const DATAGRAM: usize = 32 * 1024;

/// The socket.
#[derive(Debug)]
pub(super) struct Netlink(AsyncFd<OwnedFd>);

impl Netlink {
    /// Opens it and joins the groups.
    ///
    /// # Errors
    /// When the system forbids it: `RestrictAddressFamilies`, seccomp, a sandbox.
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        // Without it everything works, and each route of a busy router wakes us.
        let _ = SockRef::from(&socket).attach_filter(&default_routes_only());
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self(ready::to_read(socket)?))
    }

    /// Asks for a list. A full socket is reported as an error like any other.
    pub(super) fn ask(&self, (kind, sequence): (u16, u32)) -> io::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        let question = message::question(kind, sequence);
        rustix::net::sendto(self.0.get_ref(), &question, SendFlags::empty(), &kernel)?;
        Ok(())
    }

    /// What the kernel says next. Cancel safe.
    ///
    /// # Errors
    /// When the socket is of no use any more.
    pub(super) async fn next(&self) -> io::Result<Vec<Change>> {
        self.0.async_io(Interest::READABLE, receive).await
    }
}

fn receive(socket: &OwnedFd) -> io::Result<Vec<Change>> {
    // Not kept: it is seldom needed.
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match rustix::net::recvfrom(socket, &mut buffer[..], RecvFlags::TRUNC) {
            Ok((_, length, from)) => {
                let from = from.and_then(|address| SocketAddrNetlink::try_from(address).ok());
                // Only the kernel has this number.
                if from.is_none_or(|from| from.pid() != 0) {
                    continue;
                }
                return Ok(buffer.get(..length).map_or_else(|| vec![Change::Lost], message::parse));
            }
            Err(Errno::NOBUFS) => return Ok(vec![Change::Lost]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A filter in the kernel that lets through everything but routes to somewhere in particular.
fn default_routes_only() -> [SockFilter; 7] {
    const LOAD_SHORT: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    // The type of the message is in the order of this machine, and a filter loads in the order of networks.
    let kind = |kind: u16| u32::from(u16::from_be_bytes(kind.to_ne_bytes()));
    [
        SockFilter::new(LOAD_SHORT, 0, 0, 4),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, kind(message::NEW_ROUTE)),
        SockFilter::new(JUMP_IF_EQUAL, 0, 2, kind(message::DEL_ROUTE)),
        // Bits of the destination, behind the header and the family.
        SockFilter::new(LOAD_BYTE, 0, 0, 17),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::message::{GET_ADDRESSES, GET_LINKS};
    use super::*;

    #[tokio::test]
    async fn the_kernel_lists_links_and_addresses() {
        let netlink = match Netlink::open() {
            Ok(netlink) => netlink,
            Err(error) => {
                eprintln!("!! SKIPPED: no netlink here: {error}");
                return;
            }
        };
        for (sequence, kind) in [(1, GET_LINKS), (2, GET_ADDRESSES)] {
            netlink.ask((kind, sequence)).unwrap();
            let mut changes = Vec::new();
            while !changes.iter().any(|change| matches!(change, Change::Listed { .. })) {
                changes.extend(netlink.next().await.unwrap());
            }
            assert!(changes.contains(&Change::Listed { sequence, whole: true }), "{changes:?}");
        }
    }

    #[tokio::test]
    async fn a_question_that_the_kernel_does_not_know_is_refused() {
        let Ok(netlink) = Netlink::open() else { return eprintln!("!! SKIPPED: no netlink here") };
        netlink.ask((9_999, 5)).unwrap();
        assert_eq!(netlink.next().await.unwrap(), [Change::Refused(5)]);
    }
}
