//! The real binary as a child process: its page, its signals, its output.
//!
//! Never leaves one behind: a child whose test fails is killed.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::page::Page;
use super::{eventually, scene};

/// Asks for OpenMetrics, as Prometheus does.
const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

/// The binary with arguments, and nothing in the environment that would configure it.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hangup"));
    command.args(arguments);
    for name in ["NAVIEN_EMAIL", "NAVIEN_PASSWORD", "NAVIEN_PASSWORD_FILE", "HANGUP_CONFIG", "HANGUP_LISTEN"]
    {
        command.env_remove(name);
    }
    command
}

/// A running child with what it has printed so far.
pub struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), &stdout),
            collect(child.stderr.take().unwrap(), &stderr),
        ];
        Self { child, stdout, stderr, readers }
    }

    /// Its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `HUP`, `TERM` or `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.unwrap().success(), "no such process");
    }

    /// Waits for its end: how it ended, its standard output and its standard error.
    pub async fn end(mut self) -> (ExitStatus, String, String) {
        let status = eventually("the process ends", async || self.child.try_wait().unwrap()).await;
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status, self.stdout(), self.stderr())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // What an operator would look at first.
            eprintln!("{}", self.stderr());
        }
    }
}

fn collect(from: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    })
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// `hangup run` or `hangup demo`, with its page open.
pub struct Exporter {
    /// The process.
    pub process: Process,
    /// Where its page is.
    pub address: SocketAddr,
}

impl Exporter {
    /// Starts it on a free port and waits until it listens.
    pub async fn start(arguments: &[&str]) -> Self {
        let free = ["--listen", "127.0.0.1:0", "--log-level", "trace"];
        let process = Process::start(&mut command(&[arguments, &free].concat()));
        let address = eventually("it listens", async || {
            let log = process.stderr();
            let (_, behind) = log.split_once("listening on http://")?;
            behind.split_once('/')?.0.parse().ok()
        })
        .await;
        Self { process, address }
    }

    /// Whatever is served under `path`. No secret may be in it.
    pub async fn get(&self, path: &str) -> Answer {
        let answer = get(self.address, path, OPENMETRICS).await.unwrap();
        scene::assert_no_secret(path, &answer.body);
        answer
    }

    /// The page.
    pub async fn page(&self) -> Page {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Page::read(&answer.body)
    }

    /// The first page on which `holds`.
    pub async fn until(&self, what: &str, holds: impl Fn(&Page) -> bool) -> Page {
        eventually(what, async || Some(self.page().await).filter(&holds)).await
    }

    /// Waits for a line of the log with all these words: the log may come a little later than the page.
    pub async fn logged(&self, words: &[&str]) {
        eventually(&format!("the log says {words:?}"), async || {
            let log = self.process.stderr();
            log.lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
        })
        .await;
    }

    /// The first answer under `path` that says `words`.
    pub async fn says(&self, path: &str, words: &str) -> Answer {
        eventually(&format!("{path} says {words}"), async || {
            Some(self.get(path).await).filter(|answer| answer.body.contains(words))
        })
        .await
    }

    /// Ends it as a service manager does, and looks for secrets in all that it printed and still shows.
    pub async fn stop(self) {
        for path in [
            "/",
            "/metrics",
            "/api/v1/connections",
            "/api/v1/diagnostics",
            "/api/v1/drops",
            "/-/ready",
            "/-/healthy",
        ] {
            self.get(path).await;
        }
        self.process.signal("TERM");
        let (status, stdout, stderr) = self.process.end().await;
        assert!(status.success(), "{status}\n{stderr}");
        scene::assert_no_secret("its output", &stdout);
        scene::assert_no_secret("its log", &stderr);
    }
}

/// One request of a client that does not keep the connection.
pub async fn get(address: SocketAddr, path: &str, accept: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0, to which nobody answers in chunks.
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let bad = || std::io::Error::new(std::io::ErrorKind::InvalidData, "not an HTTP answer");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(bad)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(bad)?;
    Ok(Answer { status, body: body.to_owned() })
}
