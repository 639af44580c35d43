//! `hangup command`: hands a command to a running hangup and tells what became of it.
//!
//! Never speaks to a device itself: a second connection with the same account could evict the first.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde_json::Value;

use super::{PROBLEM, USAGE, output};
use crate::clock::{Instant, now, sleep_until};
use crate::config::Human;
use crate::source::navien::command::{ROWS, from_words, usage};
use crate::source::tls;

const EXAMPLES: &str = "\
Examples:
  hangup command --list
  hangup command tank set-temperature 55C --token-file command-token
  hangup command tank set-mode heat-pump
  hangup command tank vacation 7
  hangup command tank power-off --wait 2m

The running hangup must have `token_file` in `[commands]` of its configuration. The device
is called by its label: the label `device` of its metrics, which `hangup devices` shows.

Exit codes: 0 when the device acknowledged it, 1 when it did not or nobody knows, 2 when the
command line is wrong.";

/// The page answers at the latest after so long; longer waits ask again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What is added to the wait before the page counts as mute.
const GRACE: Duration = Duration::from_secs(10);
/// Between two questions about the fate of a command.
const PAUSE: Duration = Duration::from_secs(1);
/// No answer of the page is larger.
const MOST_BYTES: usize = 64 * 1024;

/// Command a device through a running hangup
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The label of the device
    #[arg(required_unless_present = "list")]
    device: Option<String>,
    /// What it shall do; `--list` shows all
    #[arg(required_unless_present = "list")]
    command: Option<String>,
    /// The value, with its unit where there is one
    #[arg(allow_negative_numbers = true)]
    value: Vec<String>,
    /// Show every command with its value, and do nothing
    #[arg(long)]
    list: bool,
    /// The connection of the device, where several have one of this name
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// How long to wait for the device
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = wait)]
    wait: Duration,
    /// Where hangup serves
    #[arg(long, value_name = "URL", env = "HANGUP_URL", default_value = "http://127.0.0.1:9883", value_parser = url)]
    url: Url,
    /// The file with the token
    #[arg(long, value_name = "FILE", env = "HANGUP_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Trust the certificates in this file (PEM) instead of those of the system
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// An id of your own: the same id is never done twice
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

fn wait(text: &str) -> Result<Duration, String> {
    text.parse().map(|Human(wait)| wait)
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if arguments.list {
        return list();
    }
    let (Some(device), Some(command)) = (&arguments.device, &arguments.command) else {
        return wrong("a device and a command are needed");
    };
    let body = match from_words(command, &arguments.value) {
        Ok(body) => body,
        Err(sentence) => return wrong(sentence),
    };
    let page = match Page::open(arguments, device) {
        Ok(page) => page,
        Err(sentence) => return wrong(sentence),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = match runtime {
        Ok(runtime) => runtime.block_on(page.hand_in(&body, arguments.wait)),
        Err(fault) => Err(fault.to_string()),
    };
    match told {
        Ok(told) => tell(device, command, &told),
        Err(sentence) => {
            output::note(format!("hangup: {sentence}"));
            ExitCode::from(PROBLEM)
        }
    }
}

/// The page of a running hangup, and the token for it.
struct Page {
    client: Client,
    token: String,
    place: Url,
    base: Url,
    id: Option<String>,
}

impl Page {
    fn open(arguments: &Arguments, device: &str) -> Result<Self, String> {
        let file = arguments.token_file.as_ref().ok_or(
            "the token is needed: `--token-file FILE` or HANGUP_TOKEN_FILE, the file that `token_file` in `[commands]` \
             names",
        )?;
        let token = std::fs::read_to_string(file)
            .map_err(|fault| format!("the token file `{}` cannot be read: {fault}", file.display()))?;
        let token = token.trim().to_owned();
        let tls = tls::load(arguments.ca_file.as_deref());
        let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let builder = match (tls, arguments.url.scheme()) {
            (Ok(tls), _) => builder.tls_backend_preconfigured(tls),
            // Without authorities a plain page can be asked all the same.
            (Err(_), "http") => builder.tls_backend_preconfigured(bare_tls()?),
            (Err(failure), _) => return Err(failure.message),
        };
        let client = builder.build().map_err(|_| "the HTTP client cannot be set up".to_owned())?;
        let mut place = arguments.url.clone();
        append(&mut place, &["api", "v1", "devices", device, "commands"]);
        if let Some(connection) = &arguments.connection {
            place.query_pairs_mut().append_pair("connection", connection);
        }
        Ok(Self { client, token, place, base: arguments.url.clone(), id: arguments.id.clone() })
    }

    /// Hands the command in, and waits for its fate.
    async fn hand_in(&self, body: &Value, wait: Duration) -> Result<Value, String> {
        let deadline = now().at + wait;
        let first = wait.min(LONGEST_WAIT);
        let mut place = self.place.clone();
        place.query_pairs_mut().append_pair("wait", &format!("{}ms", first.as_millis()));
        let mut request = self.client.post(place).header(CONTENT_TYPE, "application/json");
        if let Some(id) = &self.id {
            request = request.header("Idempotency-Key", id);
        }
        let mut told = self.ask(request.body(body.to_string()), first).await?;
        while told.get("final") == Some(&Value::Bool(false)) && now().at < deadline {
            let Some(id) = text(&told, "id") else { break };
            sleep_until(Instant::min(now().at + PAUSE, deadline)).await;
            let mut place = self.base.clone();
            append(&mut place, &["api", "v1", "commands", id]);
            told = self.ask(self.client.get(place), Duration::ZERO).await?;
        }
        Ok(told)
    }

    async fn ask(&self, request: RequestBuilder, wait: Duration) -> Result<Value, String> {
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token)).timeout(wait + GRACE);
        let host = self.base.host_str().unwrap_or_default();
        let mut answer = request.send().await.map_err(|fault| {
            let why = if fault.is_timeout() {
                "it did not answer in time; whether it got the command is not known"
            } else if fault.is_connect() {
                "nobody answers; is it running there? `--url` says where"
            } else if fault.is_builder() {
                "the token or the id holds characters that no header takes"
            } else {
                "the connection broke; whether it got the command is not known"
            };
            format!("hangup at {host}: {why}")
        })?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Ok(Some(part)) = answer.chunk().await {
            bytes.extend_from_slice(&part);
            if bytes.len() > MOST_BYTES {
                break;
            }
        }
        let told: Value = serde_json::from_slice(&bytes)
            .map_err(|_| format!("what answers at {host} with {status} is not hangup with commands"))?;
        if text(&told, "fate").is_some() {
            return Ok(told);
        }
        let said = text(&told, "message").unwrap_or("it says nothing that can be understood");
        Err(if status == StatusCode::UNAUTHORIZED {
            "the token is not the one of the running hangup: `--token-file` must name the same file"
                .to_owned()
        } else {
            said.to_owned()
        })
    }
}

/// The fate for people; the exit code for scripts.
fn tell(device: &str, command: &str, told: &Value) -> ExitCode {
    let said = |key: &str| text(told, key).unwrap_or_default();
    let (fate, message, id) = (said("fate"), said("message"), said("id"));
    let line = format!("{device}: {command}: {fate}: {message} (id {id})");
    if fate == "acknowledged" {
        output::result(line);
        return ExitCode::SUCCESS;
    }
    output::note(format!("hangup: {line}"));
    ExitCode::from(PROBLEM)
}

fn text<'t>(told: &'t Value, key: &str) -> Option<&'t str> {
    told.get(key)?.as_str()
}

fn list() -> ExitCode {
    let lines = ROWS.iter().map(|row| (usage(row), row.about));
    let width = lines.clone().map(|(typed, _)| typed.chars().count()).max().unwrap_or(0);
    for (typed, about) in lines {
        output::result(format!("{typed:<width$}  {about}"));
    }
    output::result(
        "\nThe range of temperatures and the modes that there are depend on the device: a value that it does not take is \
         answered with those that it takes.",
    );
    ExitCode::SUCCESS
}

fn wrong(sentence: impl std::fmt::Display) -> ExitCode {
    output::note(format!("hangup: {sentence}"));
    ExitCode::from(USAGE)
}

fn append(place: &mut Url, parts: &[&str]) {
    if let Ok(mut path) = place.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
}

/// TLS that trusts nobody, for a client that will not use it.
fn bare_tls() -> Result<rustls::ClientConfig, String> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| "TLS 1.2 and 1.3 are not available".to_owned())?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

fn url(text: &str) -> Result<Url, String> {
    let is_page = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    Url::parse(text).ok().filter(is_page).ok_or_else(|| "write for example http://127.0.0.1:9883".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_can_not_lead_to_another_page() {
        let mut place = url("http://localhost:9883/behind/a/proxy/").unwrap();
        append(&mut place, &["api", "v1", "devices", "../x?y#z", "commands"]);
        let path = "/behind/a/proxy/api/v1/devices/..%2Fx%3Fy%23z/commands";
        assert_eq!((place.path(), place.query()), (path, None));
    }

    #[test]
    fn only_pages_of_the_web_are_taken() {
        for bad in ["localhost:9883", "file:///etc/passwd", "unix:/run/hangup.sock", ""] {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert!(url("https://hangup.example/").is_ok());
    }
}
