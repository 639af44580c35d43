//! Gets a document of diagnostics: from a running hangup or from a file.
//!
//! Never prints a password: an address is told without its user and its query.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{StatusCode, Url};

use crate::config::Secret;
use crate::lifecycle::baseline::Baseline;
use crate::lifecycle::export::{Export, Stamp, redacted};
use crate::source::tls;

/// An exporter answers in milliseconds; a Raspberry Pi far away takes longer.
const LIMIT: Duration = Duration::from_secs(15);
/// No document is larger.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Where the document is.
const PATH: &str = "/api/v1/diagnostics";

/// Where a document comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// The standard input.
    Input,
    /// A running hangup.
    Web(Address),
}

/// The address of a running hangup.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads `http://host:port`, with or without a path.
    ///
    /// # Errors
    /// When it is none, in words with a right one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let mut url = url.ok_or("write for example http://127.0.0.1:9883 or a file")?;
        if matches!(url.path(), "" | "/") {
            url.set_path(PATH);
        }
        Ok(Self(url))
    }

    /// The address without a user, a password or a query.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut url = self.0.clone();
        // Both fail only for addresses without a host, which are none here.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }
}

/// Prints no password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plain())
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "-" => Ok(Self::Input),
            _ if text.contains("://") => Address::parse(text).map(Self::Web),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

/// What a running hangup may want to see.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Basic authentication; what stands in the address comes first.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The authority that its certificate comes from, where it is none of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file cannot be read.
    #[error("{file} cannot be read: {why}; {}", right_place(.file))]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        why: std::io::Error,
    },
    /// It is no JSON.
    #[error(
        "{0} is not JSON (line {1}, column {2}); what is wanted is what `curl http://127.0.0.1:9883/api/v1/diagnostics` prints"
    )]
    NotJson(String, usize, usize),
    /// It is JSON of something else.
    #[error(
        "{0} is JSON, but no document of diagnostics ({1}); what is wanted is what `curl http://127.0.0.1:9883/api/v1/diagnostics` prints"
    )]
    NotExport(String, String),
    /// Nobody answers.
    #[error(
        "{0} does not answer ({1}); is hangup running there? write for example `hangup report http://127.0.0.1:9883`"
    )]
    Silent(String, String),
    /// It wants a password.
    #[error(
        "{0} wants a user and a password: set HANGUP_WEB_USER and HANGUP_WEB_PASSWORD, or write http://user:password@host:9883"
    )]
    Password(String),
    /// It answers something else.
    #[error(
        "{0} answered {1}, which is not what a hangup of this version answers; the address is for example http://127.0.0.1:9883"
    )]
    Answer(String, u16),
    /// The client cannot be made.
    #[error("{0}")]
    Client(String),
}

/// What to write in place of a file that is not there. `host:9883` is the address of a page without what begins one.
fn right_place(file: &str) -> String {
    let port = file.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, rest)| rest);
    let port = port.and_then(|rest| rest.split('/').next());
    if port.is_some_and(|port| port.parse::<u16>().is_ok()) {
        return format!("for a running hangup write `http://{file}`");
    }
    "write for example `hangup report diagnostics.json` or `hangup report http://127.0.0.1:9883`".to_owned()
}

/// What was read.
#[derive(Debug)]
pub enum Document {
    /// What happened so far.
    Export(Box<Export>),
    /// A baseline, finished or not.
    Baseline(Box<Baseline>),
}

impl Document {
    /// What there is to report.
    #[must_use]
    pub fn export(self, now: Stamp) -> Export {
        match self {
            Self::Export(export) => *export,
            Self::Baseline(baseline) => baseline.export(now),
        }
    }
}

/// Reads a document.
///
/// # Errors
/// When there is none: no file, no answer, something else.
pub fn document(place: &Place, access: &Access) -> Result<Document, Fault> {
    match place {
        Place::File(path) => {
            let name = path.display().to_string();
            let opened = std::fs::File::open(path);
            read(&name, opened.map(|file| file.take(LARGEST)))
        }
        Place::Input => read("the standard input", Ok(std::io::stdin().lock().take(LARGEST))),
        Place::Web(address) => {
            let runtime = super::runtime().map_err(|fault| Fault::Client(fault.to_string()))?;
            let reader = Reader::new(address.clone(), access)?;
            let export = runtime.block_on(reader.read());
            runtime.shutdown_background();
            Ok(Document::Export(Box::new(export?)))
        }
    }
}

fn read(name: &str, from: std::io::Result<impl std::io::Read>) -> Result<Document, Fault> {
    let mut bytes = Vec::new();
    let all = from.and_then(|mut from| from.read_to_end(&mut bytes));
    all.map_err(|why| Fault::Unreadable { file: name.to_owned(), why })?;
    parsed(name, &bytes)
}

fn parsed(name: &str, bytes: &[u8]) -> Result<Document, Fault> {
    let export = match serde_json::from_slice(bytes) {
        Ok(export) => return Ok(Document::Export(Box::new(export))),
        Err(fault) => fault,
    };
    if let Ok(baseline) = serde_json::from_slice(bytes) {
        return Ok(Document::Baseline(Box::new(baseline)));
    }
    // The first fault may be one of meaning before one of grammar: `[http]` begins a list.
    if let Err(fault) = serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        return Err(Fault::NotJson(name.to_owned(), fault.line(), fault.column()));
    }
    let why = export.to_string();
    let why = if why.contains("struct ") { "it is not an object".to_owned() } else { redacted(&why) };
    Err(Fault::NotExport(name.to_owned(), why))
}

/// Reads the document of a running hangup as often as wanted.
#[derive(Debug)]
pub struct Reader {
    client: reqwest::Client,
    address: Address,
    user: Option<String>,
    password: Option<Secret>,
}

impl Reader {
    /// A reader of this address.
    ///
    /// # Errors
    /// When the authority's certificate cannot be used.
    pub fn new(address: Address, access: &Access) -> Result<Self, Fault> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .no_proxy()
            .user_agent(concat!("hangup/", env!("CARGO_PKG_VERSION")));
        // The system's certificates take a while to read: only where they are needed.
        let roots = (address.0.scheme() == "https").then_some(access.ca_file.as_deref());
        let unusable = |why: String| Fault::Client(format!("{}: {why}", address.plain()));
        let tls = match roots {
            Some(roots) => tls::load(roots).map_err(|failure| unusable(failure.message))?,
            None => nobody()?,
        };
        builder = builder.tls_backend_preconfigured(tls);
        let client = builder.build().map_err(|fault| unusable(fault.without_url().to_string()))?;
        Ok(Self { client, address, user: access.user.clone(), password: access.password.clone() })
    }

    /// The address without a password.
    #[must_use]
    pub fn plain(&self) -> String {
        self.address.plain()
    }

    /// What happened so far.
    ///
    /// # Errors
    /// When nobody answers, or something else.
    pub async fn read(&self) -> Result<Export, Fault> {
        let name = self.plain();
        let plain = self.address.0.scheme() == "http";
        let silent = |fault: reqwest::Error| {
            // Somebody is there, and answers in something else than HTTP.
            let perhaps_tls = plain && !fault.is_connect() && !fault.is_timeout();
            let tls = if perhaps_tls { "; if its page has TLS, write `https://`" } else { "" };
            Fault::Silent(name.clone(), format!("{}{tls}", reason(&fault.without_url())))
        };
        let mut request = self.client.get(self.address.0.clone());
        if let (Some(user), "") = (&self.user, self.address.0.username()) {
            request = request.basic_auth(user, self.password.as_ref().map(Secret::expose));
        }
        let mut answer = request.send().await.map_err(silent)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(Fault::Password(name)),
            other => return Err(Fault::Answer(name, other.as_u16())),
        }
        let mut bytes = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(silent)? {
            bytes.extend_from_slice(&part);
            if bytes.len() as u64 > LARGEST {
                return Err(Fault::NotExport(name, "it is too large".to_owned()));
            }
        }
        match parsed(&name, &bytes)? {
            Document::Export(export) => Ok(*export),
            Document::Baseline(_) => Err(Fault::NotExport(name, "it is a baseline".to_owned())),
        }
    }
}

/// Settings that trust nobody: plain HTTP asks nobody for a certificate.
fn nobody() -> Result<rustls::ClientConfig, Fault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|fault| Fault::Client(fault.to_string()))?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// The innermost reason, which is the one that helps: `connection refused`.
fn reason(fault: &reqwest::Error) -> String {
    if fault.is_timeout() {
        return format!("nothing came within {} s", LIMIT.as_secs());
    }
    let mut inner: &dyn std::error::Error = fault;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_is_that_of_the_document() {
        for (given, asked) in [
            ("http://127.0.0.1:9883", "http://127.0.0.1:9883/api/v1/diagnostics"),
            ("https://jane:secret@host/", "https://host/api/v1/diagnostics"),
            ("http://host/behind/a/proxy?token=x#y", "http://host/behind/a/proxy"),
        ] {
            let address = Address::parse(given).unwrap();
            assert_eq!(address.plain(), asked);
            assert!(!format!("{address:?}").contains("secret"));
        }
        for bad in ["ftp://host/", "http://", "host:9883"] {
            assert!(Address::parse(bad).unwrap_err().contains("http://127.0.0.1:9883"), "{bad}");
        }
    }

    #[test]
    fn a_place_is_a_file_unless_it_says_otherwise() {
        assert_eq!("-".parse(), Ok(Place::Input));
        assert_eq!("host:9883".parse(), Ok(Place::File("host:9883".into())));
        assert!(matches!("http://host".parse(), Ok(Place::Web(_))));
        assert!("ftp://host".parse::<Place>().is_err());
    }

    #[test]
    fn an_address_without_its_beginning_is_told() {
        for (file, right) in [
            ("127.0.0.1:29886", "write `http://127.0.0.1:29886`"),
            ("heater.local:9883/x", "write `http://heater.local:9883/x`"),
            ("diagnostics.json", "`hangup report diagnostics.json`"),
            ("c:x", "`hangup report diagnostics.json`"),
        ] {
            let why = std::io::Error::from(std::io::ErrorKind::NotFound);
            let told = Fault::Unreadable { file: file.to_owned(), why }.to_string();
            assert!(told.contains(right), "{told}");
        }
    }

    #[tokio::test]
    async fn a_page_that_speaks_no_http_may_have_tls() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let alert = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The alert "unexpected message" of TLS.
            tokio::io::AsyncWriteExt::write_all(&mut stream, &[21, 3, 3, 0, 2, 2, 10]).await.unwrap();
        });
        let told = Reader::new(address, &Access::default()).unwrap().read().await.unwrap_err().to_string();
        assert!(told.contains("write `https://`"), "{told}");
        alert.await.unwrap();
    }

    #[test]
    fn what_is_no_document_is_told_apart_by_what_it_is() {
        let fault = |text: &str| parsed("x", text.as_bytes()).unwrap_err();
        assert!(matches!(fault("not json"), Fault::NotJson(_, 1, _)));
        assert!(matches!(fault(""), Fault::NotJson(..)));
        assert!(matches!(fault("{\"timestamp\": \"2026-03-01T12:00:00Z\""), Fault::NotJson(..)));
        assert!(matches!(fault("[http]\nlisten = 1\n"), Fault::NotJson(_, 1, 2)));
        let list = fault("[]").to_string();
        assert!(list.contains("(it is not an object)") && !list.contains("struct"), "{list}");
        let other = fault("{\"timestamp\": \"2026-03-01T12:00:00Z\"}").to_string();
        assert!(other.contains("metrics") && other.contains("/api/v1/diagnostics"), "{other}");
    }

    #[test]
    fn a_baseline_is_read_as_what_it_is() {
        let address = "http://127.0.0.1:9883/".to_owned();
        let baseline = Baseline::new(address, Vec::new(), Stamp(std::time::UNIX_EPOCH), LIMIT);
        let text = serde_json::to_string(&baseline).unwrap();
        assert!(matches!(parsed("x", text.as_bytes()), Ok(Document::Baseline(_))));
    }
}
