//! `hangup health`: asks a running hangup whether it works, for health checks of containers without a shell.
//!
//! Never asks about brokers: an exporter that is restarted because a broker is away forgets what it counted.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use super::{PROBLEM, USAGE, output};
use crate::clock::{Instant, now};
use crate::config::Listen;

const EXAMPLES: &str = "\
Examples:
  hangup health
  hangup health --url http://127.0.0.1:9900/-/healthy

Asks over plain HTTP; a page that is served over TLS must be checked in another way. A page
with a password answers 401, and that counts as healthy.

Exit codes: 0 when it answers within 3 seconds, 1 when it does not, 2 when the address is
wrong.";

/// Longer than any healthy answer, shorter than the time that a container engine gives to a health check.
const LIMIT: Duration = Duration::from_secs(3);
/// The first line of an answer fits into so many bytes.
const FIRST_LINE: usize = 1024;
/// What may be the matter with a page that does not speak HTTP.
const TLS: &str = "; a page with TLS is asked with `hangup report https://…`";
/// Where hangup serves when nobody says otherwise.
const PORT: u16 = 9883;

/// Ask a running hangup whether it works; the exit code tells
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where it serves; the first address with a port is asked [default: port 9883 of this machine]
    #[arg(long, value_name = "PLACE", env = "HANGUP_LISTEN", value_delimiter = ',')]
    listen: Vec<Listen>,
    /// Ask here instead
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Option<Url>,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let (address, host, path) = match &arguments.url {
        None => {
            let listened = arguments.listen.iter().find_map(Listen::tcp);
            if listened.is_none() && !arguments.listen.is_empty() {
                output::note(
                    "hangup: health asks over TCP, and no place to listen on has a port: give `--url`",
                );
                return ExitCode::from(USAGE);
            }
            let address = reachable(listened);
            (Ok(address), address.to_string(), "/-/healthy")
        }
        Some(url) => (resolved(url), host(url), url.path()),
    };
    let address = match address {
        Ok(address) => address,
        Err(fault) => {
            output::note(format!("hangup: cannot look up {host}: {fault}"));
            return ExitCode::from(USAGE);
        }
    };
    match first_line(address, &host, path) {
        Ok(line) if matches!(status(&line), Some(200 | 401)) => {
            output::result("healthy");
            ExitCode::SUCCESS
        }
        Ok(line) => {
            let (told, hint) = match status(&line) {
                Some(code) => (code.to_string(), ""),
                None => ("something that is not HTTP".to_owned(), TLS),
            };
            output::note(format!("hangup: http://{host}{path} answered {told}{hint}"));
            ExitCode::from(PROBLEM)
        }
        Err(fault) => {
            let hint = if fault.kind() == io::ErrorKind::ConnectionReset { TLS } else { "" };
            output::note(format!("hangup: http://{host}{path} did not answer: {fault}{hint}"));
            ExitCode::from(PROBLEM)
        }
    }
}

/// An address to ask on this machine for an address that is listened on.
pub(super) fn reachable(listened: Option<SocketAddr>) -> SocketAddr {
    let mut address = listened.unwrap_or_else(|| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), PORT));
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host());
    url.ok_or_else(|| "write for example http://127.0.0.1:9883/-/healthy".to_owned())
}

fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

fn resolved(url: &Url) -> io::Result<SocketAddr> {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut addresses = (name, url.port_or_known_default().unwrap_or(PORT)).to_socket_addrs()?;
    addresses.next().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

/// What the server says first. The limit holds for the whole of it, however slowly it comes.
fn first_line(address: SocketAddr, host: &str, path: &str) -> io::Result<String> {
    let deadline = now().at + LIMIT;
    let mut stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut line = Vec::new();
    let mut part = [0; 256];
    while !line.contains(&b'\n') && line.len() < FIRST_LINE {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let count = match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => count,
            // What Linux says of a read that took too long.
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(fault) => return Err(fault),
        };
        line.extend(part.iter().take(count));
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_since(now().at);
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The status of an HTTP answer, from its first line.
fn status(answer: &str) -> Option<u16> {
    let mut words = answer.lines().next()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_for_everybody_is_asked_on_this_machine() {
        for (listened, asked) in [
            (None, "127.0.0.1:9883"),
            (Some("0.0.0.0:80"), "127.0.0.1:80"),
            (Some("[::]:80"), "[::1]:80"),
            (Some("192.0.2.7:80"), "192.0.2.7:80"),
        ] {
            assert_eq!(reachable(listened.map(|text| text.parse().unwrap())), asked.parse().unwrap());
        }
    }

    #[test]
    fn only_addresses_of_plain_http_are_taken() {
        assert_eq!(host(&url("http://[::1]:9883/-/healthy").unwrap()), "[::1]:9883");
        assert_eq!(resolved(&url("http://[::1]:9883/").unwrap()).unwrap(), "[::1]:9883".parse().unwrap());
        for bad in ["https://localhost:9883/", "localhost:9883", "file:///etc/passwd", ""] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_status_is_the_number_after_the_version() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\n", Some(200)),
            ("HTTP/1.0 503\r\n", Some(503)),
            ("SSH-2.0-OpenSSH 200\r\n", None),
            ("HTTP/1.1\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_server_that_never_ends_its_first_line_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut client = listener.accept().unwrap().0;
            // Ends when the client has gone, which is what this test waits for.
            while client.write_all(&[b'x'; 64]).is_ok() {}
        });
        let line = first_line(address, "localhost", "/").unwrap();
        assert!((FIRST_LINE..FIRST_LINE + 256).contains(&line.len()));
        server.join().unwrap();
    }
}
