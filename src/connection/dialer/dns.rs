//! Name lookup by the system's resolver, with the reason of a failure.
//!
//! Never blocks the runtime, not even at its shutdown.

use std::net::{IpAddr, SocketAddr};

use dns_lookup::{AddrInfoHints, LookupError, SockType, getaddrinfo};
use tokio::sync::oneshot;

use crate::connection::error::ErrorName;
use crate::connection::{Failure, Phase, classify};

/// The addresses of `host` in the order in which they should be tried.
pub(super) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (answer, answered) = oneshot::channel();
    let name = host.to_owned();
    // A thread of its own, because the resolver may sit there for half a minute after we gave up, and a runtime
    // that stops waits for its blocking pool.
    let resolver = std::thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        let _ = answer.send(resolve(&name, port));
    });
    if let Err(error) = resolver {
        let number = error.raw_os_error();
        return Err(classify::lookup(Phase::Dns, libc::EAI_SYSTEM, number));
    }
    let nothing = |_| classify::lookup(Phase::Dns, libc::EAI_FAIL, None);
    let addresses = answered.await.map_err(nothing)??;
    Ok(interleave(&addresses))
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(host), None, Some(hints)).map_err(|error| failure(&error))?;
    let addresses: Vec<_> =
        found.filter_map(Result::ok).map(|info| SocketAddr::new(info.sockaddr.ip(), port)).collect();
    if addresses.is_empty() {
        return Err(classify::lookup(Phase::Dns, libc::EAI_NODATA, None));
    }
    Ok(addresses)
}

fn failure(error: &LookupError) -> Failure {
    // A number of 0 means that the name never reached the resolver: it holds a NUL.
    if error.error_num() == 0 {
        return Failure::new(Phase::Dns, ErrorName::DnsInvalidName, "the host is not a possible name");
    }
    classify::lookup(Phase::Dns, error.error_num(), std::io::Error::last_os_error().raw_os_error())
}

/// Alternates the families, beginning with the one that the resolver prefers (RFC 8305 §4).
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(preferred) = addresses.first().map(SocketAddr::is_ipv6) else { return Vec::new() };
    let (first, second): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(|a| a.is_ipv6() == preferred);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(addresses.len());
    loop {
        let pair = (first.next(), second.next());
        order.extend(pair.0);
        order.extend(pair.1);
        if pair == (None, None) {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate_and_the_preferred_one_leads() {
        let addresses =
            ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(|a| a.parse().unwrap());
        let order: Vec<_> = interleave(&addresses).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert!(interleave(&[]).is_empty());
    }
}
