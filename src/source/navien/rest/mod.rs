//! The vendor's REST service: sign-in, refresh, device list.
//!
//! Never follows a redirect with credentials, never logs a body, never decides on the HTTP status alone.

pub mod envelope;

use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::{Value, json};

use crate::clock;
use crate::config::Secret;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase};
use crate::source::fault;
use crate::source::skew::ServiceClock;
use envelope::Reply;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const TOTAL_LIMIT: Duration = Duration::from_secs(30);
/// A device list of 20 takes some 10 KiB.
const REPLY_LIMIT: usize = 256 * 1024;
/// A longer `Retry-After` is not believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// The service of one account.
#[derive(Debug)]
pub struct Rest {
    client: reqwest::Client,
    base: String,
    /// The host of `base`, for messages: a wrong name is seen at once.
    host: String,
    clock: ServiceClock,
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
        Ok(Self { client, base, host, clock: ServiceClock::default() })
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
        self.clock.signing_time(now)
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
        self.clock.note(response.headers(), clock::now().wall);
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
