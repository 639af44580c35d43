//! The vendor's REST service: sign-in, refresh, device list.
//!
//! Never follows a redirect with credentials, never logs a body, never decides on the HTTP status alone.

pub mod envelope;
mod fault;

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use serde_json::{Value, json};

use crate::clock;
use crate::config::Secret;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase};
use envelope::Reply;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const TOTAL_LIMIT: Duration = Duration::from_secs(30);
/// A device list of 20 takes some 10 KiB.
const REPLY_LIMIT: usize = 256 * 1024;
/// A longer `Retry-After` is not believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// AWS refuses signatures that are more than about this old or young.
const TOLERATED_SKEW: Duration = Duration::from_secs(300);

/// The service of one account.
#[derive(Debug)]
pub struct Rest {
    client: reqwest::Client,
    base: String,
    /// The host of `base`, for messages: a wrong name is seen at once.
    host: String,
    skew: Mutex<Skew>,
}

impl Rest {
    /// A client with these trusted roots and this proxy.
    ///
    /// # Errors
    /// When the client cannot be built, which a configuration that was checked before does not do.
    pub fn new(
        base_url: &str,
        tls: rustls::ClientConfig,
        proxy: Option<reqwest::Proxy>,
    ) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            .user_agent(concat!("hangup/", env!("CARGO_PKG_VERSION")));
        // The configured proxy or none: the environment must not lead REST another way than MQTT.
        let builder = match proxy {
            Some(proxy) => builder.proxy(proxy),
            None => builder.no_proxy(),
        };
        let client = builder.build().map_err(|error| fault::classify(&error, "the HTTP client"))?;
        let base = base_url.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(base_url).ok();
        let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or("the service").to_owned();
        Ok(Self { client, base, host, skew: Mutex::new(Skew::None) })
    }

    /// Signs in; the reply's `data`, or why not.
    pub async fn sign_in(&self, email: &Secret, password: &Secret) -> Result<Value, Failure> {
        let body = json!({ "userId": email.expose(), "password": password.expose() });
        let reply = self.post("/user/sign-in", &body, None).await?;
        envelope::sign_in(reply)
    }

    /// Exchanges a refresh token; the reply's `data`, or why not.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<Value, Failure> {
        let body = json!({ "refreshToken": refresh_token.expose() });
        let reply = self.post("/auth/refresh", &body, None).await?;
        envelope::call(reply, "token refresh")
    }

    /// One page of the device list; the reply's `data`, or why not.
    pub async fn device_list(&self, token: &Secret, email: &Secret, offset: usize) -> Result<Value, Failure> {
        let body = json!({ "offset": offset, "count": super::devices::PAGE, "userId": email.expose() });
        let reply = self.post("/device/list", &body, Some(token)).await?;
        envelope::call(reply, "device list")
    }

    /// The wall clock that signatures are made with: ours, unless the service's differs too much from it.
    #[must_use]
    pub fn signing_time(&self, now: SystemTime) -> SystemTime {
        match *lock(&self.skew) {
            Skew::None => now,
            Skew::ServiceAhead(by) => now + by,
            Skew::ServiceBehind(by) => now - by,
        }
    }

    async fn post(&self, path: &str, body: &Value, token: Option<&Secret>) -> Result<Reply, Failure> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        if let Some(token) = token {
            // The raw token: with `Bearer ` in front the service answers 401.
            let mut value = reqwest::header::HeaderValue::from_str(token.expose()).map_err(|_| {
                let message = "the access token holds characters that no header can carry";
                Failure::new(Phase::Credentials, ErrorName::CredentialsUnexpectedResponse, message)
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let fault = |error: reqwest::Error| fault::classify(&error, &format!("{path} at {}", self.host));
        let mut response = request.send().await.map_err(fault)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        self.note_skew(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > REPLY_LIMIT {
                let message = format!("the answer to {path} is larger than {REPLY_LIMIT} bytes");
                return Err(Failure::new(
                    Phase::Credentials,
                    ErrorName::CredentialsUnexpectedResponse,
                    message,
                )
                .with_class(RetryClass::Service)
                .with_detail(Detail::HttpStatus(status)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply::new(status, &body, retry_after))
    }

    /// Compares the service's `Date` with our clock, and says once when they part.
    fn note_skew(&self, headers: &HeaderMap) {
        let Some(theirs) = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(http_date) else {
            return;
        };
        let skew = Skew::between(clock::now().wall, theirs);
        let mut known = lock(&self.skew);
        match (*known, skew) {
            (Skew::None, Skew::ServiceAhead(by) | Skew::ServiceBehind(by)) => tracing::warn!(
                error = ErrorName::ClockSkew.as_str(),
                seconds = by.as_secs(),
                "the clock of this machine is wrong by the service's; signing with the service's time"
            ),
            (Skew::ServiceAhead(_) | Skew::ServiceBehind(_), Skew::None) => {
                tracing::info!("the clock of this machine is right again");
            }
            (Skew::None, Skew::None)
            | (
                Skew::ServiceAhead(_) | Skew::ServiceBehind(_),
                Skew::ServiceAhead(_) | Skew::ServiceBehind(_),
            ) => {}
        }
        *known = skew;
    }
}

/// How far the service's clock is from ours, when that is too far to sign with ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skew {
    None,
    ServiceAhead(Duration),
    ServiceBehind(Duration),
}

impl Skew {
    fn between(ours: SystemTime, theirs: SystemTime) -> Self {
        let (by, ahead) = match theirs.duration_since(ours) {
            Ok(by) => (by, true),
            Err(error) => (error.duration(), false),
        };
        match (by > TOLERATED_SKEW, ahead) {
            (false, _) => Self::None,
            (true, true) => Self::ServiceAhead(by),
            (true, false) => Self::ServiceBehind(by),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(SystemTime::from)
}

/// `Retry-After` in seconds; the form with a date is not used by services of this kind.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_counts_only_beyond_what_aws_tolerates() {
        let ours = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(Skew::between(ours, ours + Duration::from_secs(300)), Skew::None);
        let hour = Duration::from_secs(3_600);
        assert_eq!(Skew::between(ours, ours + hour), Skew::ServiceAhead(hour));
        assert_eq!(Skew::between(ours, ours - hour), Skew::ServiceBehind(hour));
    }

    #[test]
    fn the_date_of_http_is_understood() {
        let date = http_date("Thu, 15 Jan 2026 12:00:00 GMT").unwrap();
        assert_eq!(jiff::Timestamp::try_from(date).unwrap().to_string(), "2026-01-15T12:00:00Z");
        assert!(http_date("yesterday").is_none());
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_bounded() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, reqwest::header::HeaderValue::from_static(value));
            retry_after(&headers)
        };
        assert_eq!(with("120"), Some(Duration::from_secs(120)));
        assert_eq!(with("999999999"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(with("soon"), None);
    }
}
