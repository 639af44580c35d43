//! The web configuration file that Prometheus' exporters share, as settings to serve by.
//! Never takes half a file: one fault, and there are no settings. No fault repeats a hash or a key.

use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::password::{Hash, Passwords};
use super::tls;
use super::yaml::{Faults, Table, parse};
use super::{Seen, stamp};
use crate::config::{Problem, Problems};

/// The headers that the format knows.
const HEADERS: [&str; 5] = [
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
];

/// How to serve.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// TLS; without it clients speak in the clear.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Who may ask; without it everybody.
    pub(super) passwords: Option<Arc<Passwords>>,
    /// Headers of every answer, before ours.
    pub(super) headers: HeaderMap,
}

/// The settings of a file, or every fault of it; and in either case the files that they depend on, as they were before.
pub(super) fn read(path: &Path) -> (Result<Settings, Problems>, Seen) {
    let origin = path.display().to_string();
    let mut files = vec![(path.to_owned(), stamp(path))];
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot be read: {}", error.kind());
            let list = vec![Problem { line: None, place: String::new(), message }];
            return (Err(Problems { origin, list }), files);
        }
    };
    let mut faults = Faults::default();
    let directory = path.parent().unwrap_or(Path::new(""));
    let settings = settings(&text, directory, &mut files, &mut faults);
    let Faults(mut list) = faults;
    list.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
    (if list.is_empty() { Ok(settings) } else { Err(Problems { origin, list }) }, files)
}

fn settings(text: &str, directory: &Path, files: &mut Seen, faults: &mut Faults) -> Settings {
    let mut settings = Settings::default();
    let documents = parse(text, faults);
    // An empty file is a valid one, as for every exporter: no TLS, no passwords.
    let Some(mut root) = documents.first().and_then(|root| Table::of(root, "", faults)) else {
        return settings;
    };
    if let Some(table) = root.table("tls_server_config", faults) {
        settings.tls = tls::server(table, directory, files, faults);
    }
    if let Some(table) = root.table("http_server_config", faults) {
        settings.headers = http(table, faults);
    }
    if let Some(table) = root.table("basic_auth_users", faults) {
        settings.passwords = users(&table, faults);
    }
    root.refuse(
        "rate_limit",
        "is not supported: the number of clients is limited in any case; remove it",
        faults,
    );
    root.finish(faults);
    settings
}

fn http(mut table: Table<'_, '_>, faults: &mut Faults) -> HeaderMap {
    // HTTP/1.1 is all that hangup speaks and all that a scrape needs; clients agree on it by themselves.
    table.boolean("http2", faults);
    let mut headers = HeaderMap::new();
    if let Some(mut named) = table.table("headers", faults) {
        for name in HEADERS {
            let Some(text) = named.text(name, faults) else { continue };
            match (HeaderName::try_from(name), HeaderValue::try_from(text.value)) {
                (Ok(name), Ok(value)) => {
                    headers.insert(name, value);
                }
                (Err(_), _) | (_, Err(_)) => {
                    faults.add(Some(text.line), &text.place, "holds a character that no header may have");
                }
            }
        }
        named.finish(faults);
    }
    table.finish(faults);
    headers
}

fn users(table: &Table<'_, '_>, faults: &mut Faults) -> Option<Arc<Passwords>> {
    let mut users = Vec::new();
    for (user, text) in table.texts(faults) {
        match Hash::parse(&text) {
            Ok(hash) => users.push((user.value.clone(), hash)),
            Err(message) => faults.add(Some(user.line), "basic_auth_users", message),
        }
    }
    Passwords::of(users).map(Arc::new)
}
