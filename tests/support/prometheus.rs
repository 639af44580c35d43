//! A real Prometheus, and whether programs that Debian may lack are here.
//!
//! Never passes in silence when a program is missing: what is skipped is said on stderr.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::eventually;
use super::exporter::Process;

/// Whether a program can be started; says so loudly when not.
pub fn is_here(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let here = found.is_ok_and(|status| status.success());
    if !here {
        skipped(&format!("`{program}` is not here"));
    }
    here
}

/// Says what is skipped.
pub fn skipped(what: &str) {
    say(&format!("!! SKIPPED: {what}"));
}

/// Says something past the capture of the test runner, which keeps to itself what a passing test prints.
pub fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The first address that a program names in its log when it was told to listen on `127.0.0.1:0`.
pub async fn listens(process: &Process, what: &str) -> SocketAddr {
    eventually(&format!("{what} listens"), async || {
        let log = process.stderr();
        log.lines().find_map(|line| {
            let address = line.split_once("127.0.0.1:")?.1;
            let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
            let port: u16 = digits.parse().ok().filter(|port| *port != 0)?;
            Some(SocketAddr::from(([127, 0, 0, 1], port)))
        })
    })
    .await
}

/// Labels of a series and its points: seconds since 1970, value.
pub type Series = (Value, Vec<(f64, f64)>);

/// A running Prometheus.
pub struct Prometheus {
    process: Process,
    _directory: TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// With this configuration. What is in `data` of the directory is its past.
    pub async fn start(directory: TempDir, config: &str) -> Self {
        let file = directory.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let process = Process::start(
            Command::new("prometheus")
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
                .arg("--web.listen-address=127.0.0.1:0"),
        );
        let address = listens(&process, "Prometheus").await;
        Self { process, _directory: directory, address }
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// The result of an instant query, by value.
    pub async fn query(&self, query: &str) -> Vec<(Value, f64)> {
        instant(&self.ask(&format!("/api/v1/query?query={}", encoded(query))).await)
    }

    /// The result of a query at a moment, in seconds since 1970.
    pub async fn query_at(&self, query: &str, at: u64) -> Vec<(Value, f64)> {
        instant(&self.ask(&format!("/api/v1/query?time={at}&query={}", encoded(query))).await)
    }

    /// The result of a query as a graph asks it: at `start`, at `end`, and every `step` seconds between.
    pub async fn query_range(&self, query: &str, start: u64, end: u64, step: u64) -> Vec<Series> {
        let path =
            format!("/api/v1/query_range?start={start}&end={end}&step={step}&query={}", encoded(query));
        let point = |point: &Value| (point[0].as_f64().unwrap(), number(&point[1]));
        self.ask(&path)
            .await
            .iter()
            .map(|series| {
                let points = series["values"].as_array().unwrap();
                (series["metric"].clone(), points.iter().map(point).collect())
            })
            .collect()
    }

    /// The first result of an instant query that is not empty.
    pub async fn until(&self, query: &str) -> Vec<(Value, f64)> {
        eventually(query, async || Some(self.query(query).await).filter(|found| !found.is_empty())).await
    }

    /// The result of a request. A query that Prometheus does not understand fails the test.
    async fn ask(&self, path: &str) -> Vec<Value> {
        let answered = async {
            let mut stream = TcpStream::connect(self.address).await?;
            // HTTP/1.0, to which nobody answers in chunks.
            stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = answered.await.unwrap_or_default();
        let json = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let parsed: Value = serde_json::from_str(json).unwrap_or_default();
        assert_ne!(parsed["errorType"], "bad_data", "{path}: {parsed}");
        parsed["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

fn instant(result: &[Value]) -> Vec<(Value, f64)> {
    result.iter().map(|sample| (sample["metric"].clone(), number(&sample["value"][1]))).collect()
}

fn number(text: &Value) -> f64 {
    text.as_str().unwrap().parse().unwrap()
}

fn encoded(query: &str) -> String {
    query.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}
