//! A Mosquitto of the test's own, and its tools to publish and to subscribe with.
//!
//! Never touches one that runs on this machine: each listens on a port that was free, in a directory of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::authority::private;
use crate::support::eventually;
use crate::support::exporter::{Exporter, Process, command};

/// Waits without chance and short, as in the other tests of the whole exporter.
pub(crate) use crate::support::scene::FAST;

/// Whether Mosquitto is here. Says so where it is not: a test that did not run must be seen.
pub(crate) fn is_here() -> bool {
    let here =
        Command::new("mosquitto").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !here {
        eprintln!("SKIPPED: mosquitto is not installed (apt-get install mosquitto mosquitto-clients)");
    }
    here
}

/// A broker and a directory for it and for the exporter.
pub(crate) struct Mosquitto {
    process: Child,
    lines: String,
    pub(crate) port: u16,
    /// A second listener without TLS and without WebSockets, for the tools. Version 2.0.11 does not start at all when it has
    /// WebSockets only.
    plain: u16,
    pub(crate) directory: TempDir,
}

impl Mosquitto {
    /// With these lines in its configuration, behind its listener; `prepare` writes the files that they name.
    pub(crate) async fn start(lines: &str, prepare: impl Fn(&Path)) -> Self {
        let directory = TempDir::new().unwrap();
        prepare(directory.path());
        loop {
            let [port, plain] = free_ports();
            if let Some(process) = run(directory.path(), [port, plain], lines).await {
                return Self { process, lines: lines.to_owned(), port, plain, directory };
            }
            // Somebody else was given a port meanwhile.
        }
    }

    /// Ends it as a service manager does, and starts it again on its port.
    pub(crate) async fn restart(&mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        eventually("mosquitto ends", async || self.process.try_wait().unwrap()).await;
        self.process = eventually("mosquitto starts again", async || {
            run(self.directory.path(), [self.port, self.plain], &self.lines).await
        })
        .await;
    }

    /// Without any condition.
    pub(crate) async fn open() -> Self {
        Self::start("allow_anonymous true", |_| ()).await
    }

    /// One connection of a configuration: `source` are the fields of its broker, `reconnect` those of its policy.
    pub(crate) fn connection(&self, name: &str, source: &str, reconnect: &str, filter: &str) -> String {
        let url = if source.contains("url = ") { String::new() } else { self.url("mqtt") };
        connection(name, &format!("{url}\n{source}"), reconnect, filter)
    }

    /// The field `url`.
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("url = \"{scheme}://localhost:{}\"", self.port)
    }

    /// Writes a file beside the configuration that nobody else may read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        private(&self.directory.path().join(name), text);
    }

    /// The exporter with this configuration.
    pub(crate) async fn run(&self, config: &str) -> Exporter {
        self.write("hangup.toml", config);
        let path = self.directory.path().join("hangup.toml");
        Exporter::start(&["run", "--config", path.to_str().unwrap()]).await
    }

    /// Another client publishes.
    pub(crate) fn publish(&self, topic: &str, payload: &str, more: &[&str]) {
        let port = self.plain.to_string();
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-t", topic, "-m", payload];
        let status = Command::new("mosquitto_pub").args(arguments).args(more).status().unwrap();
        assert!(status.success(), "mosquitto_pub: {status}");
    }

    /// Another client that prints the first message that it hears, and ends. It is subscribed when this returns.
    pub(crate) async fn listener(&self, topic: &str) -> Process {
        let port = self.plain.to_string();
        let mut listener = Command::new("mosquitto_sub");
        listener.args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-v", "-C", "1"]);
        let listener = Process::start(&mut listener);
        let subscribed = format!("{topic} (QoS 0)");
        eventually("the listener is subscribed", async || self.log().contains(&subscribed).then_some(()))
            .await;
        listener
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("mosquitto.log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// Two ports that nobody listens on at the moment.
fn free_ports() -> [u16; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Starts it and waits until it listens; `None` when it ended instead.
async fn run(directory: &Path, [port, plain]: [u16; 2], lines: &str) -> Option<Child> {
    let config = directory.join("mosquitto.conf");
    let log = directory.join("mosquitto.log");
    let mut text = String::new();
    // As root it would become another user, who may not read this directory.
    writeln!(
        text,
        "user root\nlog_dest file {}\nlog_type all\nlistener {plain} 127.0.0.1\nlistener {port} 127.0.0.1",
        log.display()
    )
    .unwrap();
    text.push_str(&lines.replace("DIR", directory.to_str().unwrap()));
    text.push('\n');
    fs::write(&config, text).unwrap();
    let mut process = Command::new("mosquitto")
        .arg("-c")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let listens = eventually("mosquitto listens or ends", async || {
        if process.try_wait().unwrap().is_some() {
            return Some(false);
        }
        TcpStream::connect(("127.0.0.1", port)).await.is_ok().then_some(true)
    })
    .await;
    let taken = || fs::read_to_string(&log).unwrap_or_default().contains("Address already in use");
    assert!(listens || taken(), "mosquitto: {}", fs::read_to_string(&log).unwrap_or_default());
    listens.then_some(process)
}

/// What becomes of a message. A key of the subscription, so that more of them may follow.
pub(crate) const RULE: &str = "metric = [{ name = \"test_temperature_celsius\" }]";

/// One connection to any broker.
pub(crate) fn connection(name: &str, source: &str, reconnect: &str, filter: &str) -> String {
    format!(
        "[[connection]]\nname = \"{name}\"\n[connection.source.broker]\n{source}\n[[connection.subscribe]]\nfilter = \
         \"{filter}\"\nqos = 1\n{RULE}\n[connection.reconnect]\n{FAST}{reconnect}\n"
    )
}

/// The exporter with variables of its own in its environment.
pub(crate) async fn run_with(config: &Path, variables: &[(&str, String)]) -> Exporter {
    let arguments =
        ["run", "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0", "--log-level", "trace"];
    let process =
        Process::start(command(&arguments).envs(variables.iter().map(|(key, value)| (*key, value.as_str()))));
    let address = eventually("it listens", async || {
        let log = process.stderr();
        let (_, behind) = log.split_once("listening on http://")?;
        behind.split_once('/')?.0.parse().ok()
    })
    .await;
    Exporter { process, address }
}
