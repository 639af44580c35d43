//! HTTP in the wild: the real program and real sockets, against clients that mean no good or know no better.
//! Waits for answers, never for a time to pass; memory is held against a bound, not measured against a clock.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions of the test world are tests too"
)]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// No answer takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections of a crowd; the process may hold 128 of them.
const CROWD: usize = 10_000;
/// Crowds may cost so much memory: a few hundred times less than they would without limits.
const GROWTH_MIB: u64 = 48;

/// The program, until it is dropped.
struct Hangup {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Hangup {
    /// Serves on a free port; `http` is what stands in `[http]`, `web` the web configuration file.
    fn start(http: &str, web: Option<&str>, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let http = http.replace("DIR", directory.path().to_str().unwrap());
        let mut file = format!("[http]\n{http}\n");
        if let Some(web) = web {
            std::fs::write(directory.path().join("web.yml"), web).unwrap();
            file.push_str("web_config_file = \"web.yml\"\n");
        }
        // Nobody answers at port 9 of this machine: what the connection does is of no matter here.
        file.push_str(
            "[[connection]]\nname = \"home\"\n[connection.source.navien]\nemail = \"owner@example.com\"\n\
             password = { file = \"password\" }\nbase_url = \"https://127.0.0.1:9/api/v2.1\"\n",
        );
        std::fs::write(directory.path().join("password"), "secret").unwrap();
        let config = directory.path().join("hangup.toml");
        std::fs::write(&config, file).unwrap();
        let mut command = if http.contains("systemd") {
            // As systemd does it: the socket is descriptor 3 of the process whose id it names.
            let mut command = Command::new("sh");
            let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"";
            command.args(["-c", script, env!("CARGO_BIN_EXE_hangup")]);
            command.stdin(Stdio::from(std::os::fd::OwnedFd::from(socket)));
            command
        } else {
            Command::new(env!("CARGO_BIN_EXE_hangup"))
        };
        let mut child = command
            .args(["run", "--config"])
            .arg(&config)
            .env_remove("HANGUP_LISTEN")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it did not start: {said}");
            said.push_str(&line);
            if let Some((_, place)) = line.split_once("://127.0.0.1:") {
                let port = place.split('/').next().unwrap();
                break SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
            }
        };
        // It must never wait for a reader of its log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address, directory }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn scrape(&self) -> String {
        ask(self.connect(), "")
    }

    fn resident_mib(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096 / (1 << 20)
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Hangup {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer to a scrape with these headers.
fn ask(mut stream: impl Read + Write, headers: &str) -> String {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn assert_scraped(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:.300}");
    assert!(answer.contains("hangup_build_info"), "{answer:.300}");
}

#[test]
fn ten_thousand_idle_clients_cost_neither_memory_nor_a_scrape() {
    let hangup = Hangup::start("listen = [\"127.0.0.1:0\"]", None, |_| ());
    assert_scraped(&hangup.scrape());
    let before = hangup.resident_mib();
    let mut crowd = std::collections::VecDeque::new();
    for number in 0..CROWD {
        let mut client = hangup.connect();
        // Every other one begins a header and never ends it.
        if number % 2 == 0 {
            let _ = client.write_all(b"GET /metrics HTTP/1.1\r\nX-Slow: ");
        }
        crowd.push_back(client);
        // Our own descriptors are limited too: of the crowd, 400 are there at once.
        if crowd.len() > 400 {
            crowd.pop_front();
        }
        if number % 1000 == 999 {
            assert_scraped(&hangup.scrape());
            assert!(hangup.descriptors() < 400, "{} descriptors", hangup.descriptors());
        }
    }
    assert!(hangup.resident_mib() < before + GROWTH_MIB, "{before} MiB, then {}", hangup.resident_mib());
}

#[test]
fn clients_that_never_read_cost_neither_memory_nor_a_scrape() {
    let hangup = Hangup::start("listen = [\"127.0.0.1:0\"]", None, |_| ());
    assert_scraped(&hangup.scrape());
    let before = hangup.resident_mib();
    let pipeline = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n".repeat(200);
    let mut deaf = Vec::new();
    for _ in 0..300 {
        let mut client = hangup.connect();
        client.set_nonblocking(true).unwrap();
        // As much as the socket takes; what it does not take is no matter.
        let _ = client.write(pipeline.as_bytes());
        deaf.push(client);
    }
    assert_scraped(&hangup.scrape());
    assert!(hangup.resident_mib() < before + GROWTH_MIB, "{before} MiB, then {}", hangup.resident_mib());
}

#[test]
fn nonsense_is_refused_and_the_next_scrape_answered() {
    let hangup = Hangup::start("listen = [\"127.0.0.1:0\"]", None, |_| ());
    let large = format!("GET / HTTP/1.1\r\nX-Large: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut many = "GET / HTTP/1.1\r\n".to_owned();
    for number in 0..500 {
        let _ = write!(many, "X-{number}: y\r\n");
    }
    many.push_str("\r\n");
    let body = "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\nxxxx";
    let cases: [(&[u8], &[&str]); 6] = [
        (large.as_bytes(), &["HTTP/1.1 431", ""]),
        (many.as_bytes(), &["HTTP/1.1 431"]),
        (b"BREW /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &["HTTP/1.1 405"]),
        (body.as_bytes(), &["HTTP/1.1 405"]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &["HTTP/1.1 4", "HTTP/1.1 505", ""]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", &["HTTP/1.1 400"]),
    ];
    for (request, expected) in cases {
        let mut client = hangup.connect();
        // A server that has heard enough may close before all is written, and the answer is lost then.
        let _ = client.write_all(request);
        let _ = client.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(expected.iter().any(|start| answer.starts_with(start)), "{expected:?}: {answer:.200}");
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer:.200}");
        assert_scraped(&hangup.scrape());
    }
}

#[test]
fn a_unix_socket_has_its_mode_and_replaces_a_stale_one() {
    let listen = "listen = [\"unix:DIR/h.sock\", \"127.0.0.1:0\"]\nsocket_mode = \"0600\"";
    let hangup = Hangup::start(listen, None, |directory| {
        drop(std::os::unix::net::UnixListener::bind(directory.join("h.sock")).unwrap());
    });
    let path = hangup.file("h.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_scraped(&ask(UnixStream::connect(&path).unwrap(), ""));
    assert_scraped(&hangup.scrape());
}

#[test]
fn a_socket_that_systemd_opened_is_served() {
    assert_scraped(&Hangup::start("listen = [\"systemd\"]", None, |_| ()).scrape());
}

#[test]
fn passwords_come_and_go_without_a_restart() {
    let user = |password| format!("basic_auth_users:\n  ada: {}\n", bcrypt::hash(password, 4).unwrap());
    let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
    let hangup = Hangup::start("listen = [\"127.0.0.1:0\"]", Some(&(user("one") + headers)), |_| ());
    let by = |password: &str| {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("ada:{password}"));
        ask(hangup.connect(), &format!("Authorization: Basic {pair}\r\n"))
    };
    let refused = hangup.scrape();
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("www-authenticate: Basic"), "{refused}");
    assert!(refused.contains("x-frame-options: deny"), "{refused}");
    assert_scraped(&by("one"));
    assert!(by("two").starts_with("HTTP/1.1 401"));

    let file = hangup.file("web.yml");
    // Longer by a comment: a file system may keep its times in coarse steps.
    std::fs::write(&file, user("two") + "# changed\n").unwrap();
    assert_scraped(&by("two"));
    assert!(by("one").starts_with("HTTP/1.1 401"));
    // What is broken changes nothing.
    std::fs::write(&file, "basic_auth_user: {}\n").unwrap();
    assert_scraped(&by("two"));
    assert!(by("one").starts_with("HTTP/1.1 401"));
}

#[test]
fn tls_asks_for_the_certificate_of_one_of_the_clients() {
    let authority = Authority::new();
    let (server, server_key) = authority.sign("localhost");
    let web = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_ca_file: ca.pem\n  \
               client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus.example]\n  \
               min_version: TLS13\n";
    let hangup = Hangup::start("listen = [\"127.0.0.1:0\"]", Some(web), |directory| {
        std::fs::write(directory.join("server.pem"), server.pem()).unwrap();
        std::fs::write(directory.join("server.key"), server_key.serialize_pem()).unwrap();
        std::fs::write(directory.join("ca.pem"), authority.pem.clone()).unwrap();
    });
    let by = |name: Option<&str>| {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match name.map(|name| authority.sign(name)) {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
                builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
        };
        let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(client, hangup.connect());
        let request = b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        let _ = stream.write_all(request).and_then(|()| stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert_scraped(&by(Some("prometheus.example")));
    assert_eq!(by(Some("stranger.example")), "");
    assert_eq!(by(None), "");
    assert!(!hangup.scrape().starts_with("HTTP/1.1 200"), "it answers in the clear");
}

#[test]
fn check_names_every_fault_of_the_web_configuration_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let web = directory.path().join("web.yml");
    std::fs::write(
        &web,
        "tls_server_config:\n  cert_file: none.pem\n  min_version: TLS10\n  client_auth_type: Maybe\n  \
         cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\nhttp_server_config:\n  headers:\n    X-Mine: a\n\
         basic_auth_users:\n  ada: hunter2\nbasic: 1\n",
    )
    .unwrap();
    let problems = hangup::http::web::check(&web).unwrap_err();
    let said = problems.to_string();
    for expected in [
        ":2: tls_server_config: `key_file` is missing",
        ":2: tls_server_config.cert_file: the file named here cannot be read",
        ":3: tls_server_config.min_version: is not supported any more",
        ":4: tls_server_config.client_auth_type: is not one of `NoClientCert`",
        ":5: tls_server_config.cipher_suites: is not supported; there are TLS_",
        ":8: http_server_config.headers.X-Mine: is not a field",
        ":10: basic_auth_users: has a user whose value is not a bcrypt hash",
        ":11: basic: is not a field (known here: `tls_server_config`",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
    assert_eq!(problems.list.len(), 8, "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

/// Signs certificates of one day.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Self { issuer: rcgen::Issuer::new(params, key), der, pem }
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}
