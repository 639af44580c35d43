//! A broker of somebody else as a process of the test: its ports, its certificate, its end.
//!
//! Never outlives its test, and never listens beyond loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hangup::connection::plan::Transport;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::eventually;
use crate::support::exporter::Process;

/// Who may connect.
pub(crate) const USER: &str = "hangup";
/// With what.
pub(crate) const PASSWORD: &str = "interop-Q8";

/// Every transport.
pub(crate) const ALL: [Transport; 4] = [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

/// A broker that can be ended and started again on the same ports.
pub(crate) struct Broker {
    /// Its files: `ca.pem`, `server.pem` and `key.pem` lie there from the start.
    pub(crate) directory: TempDir,
    ports: [u16; 4],
    path: &'static str,
    transports: Vec<Transport>,
    command: Option<Command>,
    process: Option<Process>,
}

impl Broker {
    /// Not started yet. `path` is where it takes WebSockets.
    pub(crate) fn new(path: &'static str) -> Self {
        let directory = TempDir::new().unwrap();
        write_certificates(directory.path());
        Self { directory, ports: free(), path, transports: ALL.to_vec(), command: None, process: None }
    }

    /// Where something of it lies.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file of it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The port of a transport.
    pub(crate) fn port(&self, transport: &Transport) -> u16 {
        let [tcp, tls, ws, wss] = self.ports;
        match transport {
            Transport::Tcp => tcp,
            Transport::Tls => tls,
            Transport::Ws => ws,
            Transport::Wss => wss,
        }
    }

    /// The URL of a transport.
    pub(crate) fn url(&self, transport: &Transport) -> String {
        let port = self.port(transport);
        match transport {
            Transport::Tcp => format!("mqtt://127.0.0.1:{port}"),
            Transport::Tls => format!("mqtts://127.0.0.1:{port}"),
            Transport::Ws => format!("ws://127.0.0.1:{port}{}", self.path),
            Transport::Wss => format!("wss://127.0.0.1:{port}{}", self.path),
        }
    }

    /// Starts it by this command, and waits until it listens on all of its ports.
    pub(crate) async fn start(&mut self, command: Command) {
        self.command = Some(command);
        self.restart().await;
    }

    /// How it is to be started again, and on which transports it listens then.
    pub(crate) fn returns(&mut self, command: Command, transports: &[Transport]) {
        (self.command, self.transports) = (Some(command), transports.to_vec());
    }

    /// Whether it listens there once it runs.
    pub(crate) fn serves(&self, transport: &Transport) -> bool {
        self.transports.contains(transport)
    }

    /// Starts it again.
    pub(crate) async fn restart(&mut self) {
        let command = self.command.as_mut().expect("it was started before");
        self.process = Some(Process::start(command));
        for transport in &self.transports {
            let port = self.port(transport);
            eventually("the broker listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok())
                .await;
        }
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Ends it as a service manager does.
    pub(crate) async fn stop(&mut self) {
        let process = self.process.take().expect("it runs");
        process.signal("TERM");
        process.end().await;
    }
}

/// Ports that nobody listens on.
fn free() -> [u16; 4] {
    let listeners = [(); 4].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let [port, ..] = free();
    port
}

/// `ca.pem`, and below it `server.pem` with `key.pem` for 127.0.0.1.
fn write_certificates(directory: &Path) {
    static AUTHORITY: OnceLock<CertifiedIssuer<'static, KeyPair>> = OnceLock::new();
    let authority = AUTHORITY.get_or_init(|| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    });
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let server = params.signed_by(&key, authority).unwrap();
    for (name, text) in
        [("ca.pem", authority.pem()), ("server.pem", server.pem()), ("key.pem", key.serialize_pem())]
    {
        std::fs::write(directory.join(name), text).unwrap();
    }
}
