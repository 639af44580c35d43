//! Where the page can be: an address with a port, a Unix socket, or what systemd opened.
//!
//! Never opens anything: it only says where.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// What to write instead of a wrong address.
const ADDRESS: &str = "write for example `0.0.0.0:9883`; IPv6 as `[::1]:9883`";
/// What to write instead of a wrong path.
const PATH: &str = "write for example `unix:/run/hangup/hangup.sock`";

/// One place to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and a port; port 0 is any free one. An IPv6 address does not take the IPv4 ones with it.
    Tcp(SocketAddr),
    /// A Unix socket at this absolute path.
    Unix(PathBuf),
    /// Every socket that systemd passed (socket activation).
    Systemd,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "systemd" {
            return Ok(Self::Systemd);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            // The kernel keeps 108 bytes for the path, the last of them zero.
            return match path.as_os_str().len() {
                1..=107 if path.is_absolute() => Ok(Self::Unix(path)),
                _ => Err(format!("`{}` is not an absolute path of up to 107 bytes ({PATH})", plain(text))),
            };
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            let port = text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok());
            let right = port.map_or_else(
                || ADDRESS.to_owned(),
                |port| format!("write `127.0.0.1:{port}`; IPv6 as `[::1]:{port}`"),
            );
            format!("`{}` is not an IP address with a port ({right})", plain(text))
        })
    }
}

impl Listen {
    /// The address, where it is one with a port.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) | Self::Systemd => None,
        }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd"),
        }
    }
}

/// Why these cannot all be listened on.
pub(super) fn overlap(places: &[Listen]) -> Option<String> {
    let mut seen: Vec<&Listen> = Vec::new();
    for place in places {
        for other in &seen {
            match (place, *other) {
                (Listen::Tcp(address), Listen::Tcp(other)) => {
                    // Port 0 is another port each time.
                    if address.port() == 0 || address.port() != other.port() {
                        continue;
                    }
                    if address == other {
                        return Some(format!("`{address}` is there twice"));
                    }
                    let any = address.ip().is_unspecified() || other.ip().is_unspecified();
                    if any && address.is_ipv4() == other.is_ipv4() {
                        return Some(format!("`{address}` and `{other}` overlap: keep the one you mean"));
                    }
                }
                (Listen::Unix(_), Listen::Unix(_)) | (Listen::Systemd, Listen::Systemd)
                    if place == *other =>
                {
                    return Some(format!("`{place}` is there twice"));
                }
                (Listen::Tcp(_) | Listen::Unix(_) | Listen::Systemd, _) => {}
            }
        }
        seen.push(place);
    }
    None
}

/// What may be repeated in a message: plain and short.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(48).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_written_as_it_is_read() {
        for text in ["127.0.0.1:9883", "[::1]:9883", "unix:/run/hangup/hangup.sock", "systemd"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        let long = format!("unix:/{}", "x".repeat(107));
        for text in ["localhost:9883", "unix:", "unix:hangup.sock", "Systemd", "9883", &long] {
            let right =
                if text.starts_with("unix:") { "`unix:/run/hangup/hangup.sock`" } else { "`[::1]:9883`" };
            assert!(text.parse::<Listen>().unwrap_err().contains(right), "{text}");
        }
    }

    #[test]
    fn places_overlap_when_one_covers_the_other() {
        let overlapping = |list: &[&str]| {
            overlap(&list.iter().map(|place| place.parse().unwrap()).collect::<Vec<_>>()).is_some()
        };
        assert!(overlapping(&["127.0.0.1:9883", "127.0.0.1:9883"]));
        assert!(overlapping(&["0.0.0.0:9883", "127.0.0.1:9883"]));
        assert!(overlapping(&["unix:/run/a", "systemd", "unix:/run/a"]));
        assert!(overlapping(&["systemd", "systemd"]));
        assert!(!overlapping(&["127.0.0.1:9883", "192.0.2.1:9883", "unix:/run/a", "unix:/run/b", "systemd"]));
        assert!(!overlapping(&["0.0.0.0:9883", "[::]:9883"]), "the families are apart");
        assert!(!overlapping(&["127.0.0.1:0", "127.0.0.1:0"]));
    }
}
