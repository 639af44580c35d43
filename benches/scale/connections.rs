//! Many connections of the real program to one Mosquitto: memory and processor at rest, its pages, and what happens when the
//! broker comes back.
//!
//! Never touches a broker that it did not start.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use hangup::clock::{self, Instant};
use tempfile::TempDir;

use super::Outcome;
use super::table::Figure;

/// All connections are there after so long, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is measured at rest.
const REST: Duration = Duration::from_secs(30);
/// What is waited for is looked for so often.
const LOOK: Duration = Duration::from_millis(250);

/// A process that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The figures of so many connections.
pub(crate) fn connections(number: usize) -> Outcome<Vec<Figure>> {
    let home = tempfile::tempdir()?;
    let (mqtt, http) = (free()?, free()?);
    let mut broker = mosquitto(&home, mqtt)?;
    let begin = clock::now().at;
    let exporter = exporter(&home, mqtt, http, number)?;
    connected(http, number)?;
    let start = since(begin);
    thread::sleep(Duration::from_secs(5));
    let memory = status(&exporter.0, "VmRSS")?;
    let (begin, before) = (clock::now().at, processor(&exporter.0)?);
    thread::sleep(REST);
    let used = processor(&exporter.0)?.saturating_sub(before).as_secs_f64() / since(begin) * 100.0;
    let mut pages = Vec::new();
    for (what, path, headers) in [
        ("page, plain", "/metrics", ""),
        ("page, gzip", "/metrics", "Accept-Encoding: gzip\r\n"),
        ("status page", "/", ""),
        ("one connection's page", "/connections/c0", ""),
        ("/api/v1/connections", "/api/v1/connections", ""),
        ("/-/ready", "/-/ready", ""),
    ] {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..5 {
            let begin = clock::now().at;
            bytes = get(http, path, headers)?.len();
            times.push(since(begin) * 1000.0);
        }
        pages.push(Figure { values: times, remark: format!("{bytes} bytes"), ..figure(what, "ms", None) });
    }
    let scraped = status(&exporter.0, "VmRSS")?;
    drop(broker);
    gone(http)?;
    thread::sleep(Duration::from_secs(3));
    let before = sum(&page(http)?, "mqtt_client_sessions_total");
    broker = mosquitto(&home, mqtt)?;
    let (back, fastest) = come_back(http, number, before)?;
    let after = status(&exporter.0, "VmRSS")?;
    drop(broker);
    let one =
        |what: &str, value: f64, unit, at_most| Figure { values: vec![value], ..figure(what, unit, at_most) };
    let mut figures = vec![
        one("start until all are connected", start, "s", None),
        one("resident memory at rest", memory, "MiB", None),
        one("resident memory after its pages", scraped, "MiB", None),
        one("processor at rest", used, "% of a core", None),
        one("broker back until all are connected", back, "s", None),
        one("most sessions that began, each second of five", fastest, "1/s", Some(105.0)),
        one("resident memory after that", after, "MiB", None),
    ];
    figures.extend(pages);
    for figure in &mut figures {
        figure.what = format!("{number} connections: {}", figure.what);
    }
    Ok(figures)
}

fn figure(what: &str, unit: &'static str, at_most: Option<f64>) -> Figure {
    Figure { what: what.to_owned(), values: Vec::new(), unit, at_most, remark: String::new() }
}

fn mosquitto(home: &TempDir, address: SocketAddr) -> Outcome<Running> {
    let file = home.path().join("mosquitto.conf");
    let text = format!("listener {} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n", address.port());
    fs::write(&file, text)?;
    let path = ["mosquitto", "/usr/sbin/mosquitto"];
    let program = path.iter().find(|path| Path::new(path).exists()).unwrap_or(&path[0]);
    let quiet = Stdio::null;
    let child = Command::new(program).arg("-c").arg(&file).stdout(quiet()).stderr(quiet()).spawn();
    let child =
        Running(child.map_err(|fault| format!("mosquitto is needed (package `mosquitto`): {fault}"))?);
    until(|| Ok(TcpStream::connect(address).is_ok()))?;
    Ok(child)
}

fn exporter(home: &TempDir, mqtt: SocketAddr, http: SocketAddr, number: usize) -> Outcome<Running> {
    let mut text = String::new();
    for connection in 0..number {
        write!(
            text,
            "[[connection]]\nname = \"c{connection}\"\n[connection.source.broker]\nurl = \"mqtt://{mqtt}\"\n\
             [[connection.subscribe]]\nfilter = \"bench/c{connection}/+\"\n\n"
        )?;
    }
    let file = home.path().join("hangup.toml");
    fs::write(&file, text)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_hangup"));
    command
        .args(["run", "--log-level", "error", "--config"])
        .arg(&file)
        .arg("--listen")
        .arg(http.to_string());
    Ok(Running(command.stdin(Stdio::null()).stderr(Stdio::inherit()).spawn()?))
}

fn connected(http: SocketAddr, number: usize) -> Outcome<()> {
    until(|| Ok(page(http).is_ok_and(|page| sum(&page, "mqtt_client_connected") >= count(number))))
}

fn gone(http: SocketAddr) -> Outcome<()> {
    until(|| Ok(sum(&page(http)?, "mqtt_client_connected") < 0.5))
}

/// Seconds until all are back, and the most sessions that began in each second of five: a page of 70 MB is no sharp clock.
fn come_back(http: SocketAddr, number: usize, before: f64) -> Outcome<(f64, f64)> {
    let begin = clock::now().at;
    let mut seen: Vec<(f64, f64)> = vec![(0.0, before)];
    let mut fastest = 0.0_f64;
    until(|| {
        let page = page(http)?;
        let (at, sessions) = (since(begin), sum(&page, "mqtt_client_sessions_total"));
        for (earlier, then) in seen.iter().rev().take_while(|(earlier, _)| at - earlier <= 8.0) {
            if at - earlier >= 5.0 {
                fastest = fastest.max((sessions - then) / (at - earlier));
            }
        }
        seen.push((at, sessions));
        Ok(sum(&page, "mqtt_client_connected") >= count(number))
    })?;
    Ok((since(begin), fastest))
}

fn until(mut done: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let latest = clock::now().at + PATIENCE;
    while !done()? {
        if clock::now().at > latest {
            return Err("what was waited for did not come".into());
        }
        // The resolution of what is measured.
        thread::sleep(LOOK);
    }
    Ok(())
}

fn since(begin: Instant) -> f64 {
    clock::now().at.saturating_since(begin).as_secs_f64()
}

fn page(http: SocketAddr) -> Outcome<String> {
    Ok(String::from_utf8_lossy(&get(http, "/metrics", "")?).into_owned())
}

fn sum(page: &str, metric: &str) -> f64 {
    let lines =
        page.lines().filter(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with('{')));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn get(address: SocketAddr, path: &str, headers: &str) -> Outcome<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // HTTP 1.0: the body ends with the connection, and is not cut into chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn status(child: &Child, line: &str) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kibibytes = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(kibibytes.ok_or_else(|| format!("/proc does not tell {line}"))? / 1024.0)
}

fn processor(child: &Child) -> Outcome<Duration> {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    let after_name = text.rsplit_once(") ").map(|(_, fields)| fields).ok_or("a process without a name")?;
    // User and system time, the 14th and 15th field of proc(5), in ticks of 10 ms.
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 10))
}

fn free() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[expect(clippy::cast_precision_loss, reason = "connections are few")]
fn count(number: usize) -> f64 {
    number as f64
}
