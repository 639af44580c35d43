//! The exporter's pages as a scraper gets them: one request a connection, values by metric name.
//!
//! Never keeps a connection: what it costs the exporter is rather too much than too little.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Outcome;

/// A page that takes longer is not served.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a Prometheus server of today asks with.
const AS_PROMETHEUS: &str = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n\
                             Accept-Encoding: gzip\r\n";

/// The text of `/metrics`.
pub(crate) struct Page(String);

impl Page {
    /// Fetches it in plain text.
    pub(crate) fn fetch(address: SocketAddr) -> Outcome<Self> {
        let answer = get(address, "Accept: text/plain\r\n")?;
        if !is_success(&answer) {
            return Err("/metrics did not answer 200".into());
        }
        Ok(Self(String::from_utf8(answer)?))
    }

    /// The sum over all series of a metric.
    pub(crate) fn sum(&self, metric: &str) -> f64 {
        self.series(metric).map(|(_, value)| value).sum()
    }

    /// The value of a label in the first series of a metric that is not zero.
    pub(crate) fn label_of_first(&self, metric: &str, label: &str) -> Option<&str> {
        let (labels, _) = self.series(metric).find(|(_, value)| *value > 0.0)?;
        let (_, rest) = labels.split_once(&format!("{label}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    }

    fn series<'page>(&'page self, metric: &str) -> impl Iterator<Item = (&'page str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(metric)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let whole_name = labels.is_empty() || labels.starts_with('{');
            whole_name.then_some((labels, value.parse().ok()?))
        })
    }
}

/// Whether `/metrics` answers 200 now.
pub(crate) fn answers(address: SocketAddr) -> bool {
    get(address, "").is_ok_and(|answer| is_success(&answer))
}

/// Asks as Prometheus does: OpenMetrics, compressed.
pub(crate) fn scrape(address: SocketAddr) -> Outcome<()> {
    let answer = get(address, AS_PROMETHEUS)?;
    if is_success(&answer) { Ok(()) } else { Err("a scrape was not answered by 200".into()) }
}

fn is_success(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200 ")
}

fn get(address: SocketAddr, headers: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
