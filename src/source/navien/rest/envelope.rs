//! The envelope around every reply, and what a refusal means.
//!
//! Never takes HTTP 200 for success: a wrong password comes back with it. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase};
use crate::source::navien::wire;

/// A reply as it came.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    /// `None` when the body is no JSON object.
    body: Option<Body>,
    retry_after: Option<Duration>,
}

struct Body {
    code: Option<i64>,
    message: String,
    data: Value,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("code", &self.code).finish_non_exhaustive()
    }
}

impl Reply {
    /// Reads a reply from its status and body.
    #[must_use]
    pub fn new(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let body = match serde_json::from_slice(body) {
            Ok(Value::Object(mut body)) => Some(Body {
                code: body.get("code").and_then(wire::integer),
                message: body.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned(),
                data: body.remove("data").unwrap_or(Value::Null),
            }),
            Ok(_) | Err(_) => None,
        };
        Self { status, body, retry_after }
    }

    /// The vendor's code, or the HTTP status where the envelope has none.
    fn code(&self) -> i64 {
        self.body.as_ref().and_then(|body| body.code).unwrap_or_else(|| i64::from(self.status))
    }

    /// The `data` of a reply that says success both ways.
    fn success(self) -> Result<Value, Refusal> {
        let fine = (200..300).contains(&self.status) && self.code() == 200;
        match self.body {
            Some(body) if fine => Ok(body.data),
            Some(Body { code, message, .. }) => {
                Err(Refusal { status: self.status, code, message, retry_after: self.retry_after, json: true })
            }
            None => Err(Refusal {
                status: self.status,
                code: None,
                message: String::new(),
                retry_after: self.retry_after,
                json: false,
            }),
        }
    }
}

/// A reply that was no success.
struct Refusal {
    status: u16,
    code: Option<i64>,
    message: String,
    retry_after: Option<Duration>,
    json: bool,
}

impl Refusal {
    fn code(&self) -> i64 {
        self.code.unwrap_or_else(|| i64::from(self.status))
    }

    /// The vendor's word, if it is a plain token; free text might quote the e-mail.
    fn word(&self) -> &str {
        let token = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !self.message.is_empty() && self.message.len() <= 64 && self.message.chars().all(token) {
            &self.message
        } else {
            "no reason given"
        }
    }

    fn detail(&self) -> Detail {
        // A code of its own tells more than the HTTP status; where they agree the status is better known.
        match self.code {
            Some(code) if code != i64::from(self.status) => Detail::VendorCode(code),
            Some(_) | None => Detail::HttpStatus(self.status),
        }
    }

    fn failure(&self, class: RetryClass, message: String) -> Failure {
        let error = if self.json {
            ErrorName::CredentialsHttpStatus
        } else {
            ErrorName::CredentialsUnexpectedResponse
        };
        let mut failure =
            Failure::new(Phase::Credentials, error, message).with_class(class).with_detail(self.detail());
        failure.retry_after = self.retry_after;
        failure
    }

    /// What every call has in common: overload, outage, a page that is no JSON, a wrong address.
    fn transient(&self, call: &str) -> Failure {
        let (status, code) = (self.status, self.code());
        match self.status {
            300..400 => self.failure(
                RetryClass::Setup,
                format!(
                    "{call}: HTTP {status}, a redirect is not followed with credentials; check `base_url`"
                ),
            ),
            _ if !self.json => self.failure(
                RetryClass::Service,
                format!(
                    "{call}: HTTP {status} with a body that is not JSON, as a gateway in between sends it"
                ),
            ),
            404 | 405 => self.failure(
                RetryClass::Setup,
                format!("{call}: HTTP {status}, the service is not at this address; check `base_url`"),
            ),
            _ => self
                .failure(RetryClass::Service, format!("{call}: HTTP {status}, code {code}, {}", self.word())),
        }
    }
}

/// Judges the reply to a sign-in. A token in it is the only proof of success, and that is looked for by the caller.
///
/// # Errors
/// Setup class when asking again without a change by a person is useless, or risks that the vendor locks the account.
pub fn sign_in(reply: Reply) -> Result<Value, Failure> {
    reply.success().map_err(|refusal| {
        let word = refusal.message.to_ascii_uppercase();
        let bad = ["PASSWORD", "INVALID_USER", "USER_NOT_FOUND"].iter().any(|part| word.contains(part));
        if bad || matches!(refusal.code(), 401 | 1001) {
            let message = format!(
                "the vendor refused the sign-in (code {}, {}); check e-mail and password: \
                 asking too often may lock the account",
                refusal.code(),
                refusal.word()
            );
            return refusal.failure(RetryClass::Setup, message);
        }
        if refusal.json && (word.contains("BAD_REQUEST") || refusal.code() == 400) {
            let message = format!("the vendor calls the sign-in malformed (code {})", refusal.code());
            return refusal.failure(RetryClass::Setup, message);
        }
        refusal.transient("sign-in")
    })
}

/// Judges the reply to any other call.
///
/// # Errors
/// Credential class when a new token may help; see [`is_stale_token`].
pub fn call(reply: Reply, call: &str) -> Result<Value, Failure> {
    reply.success().map_err(|refusal| {
        if refusal.json && refusal.code() == 401 {
            let message = format!("{call}: the token is not accepted (code 401, {})", refusal.word());
            refusal.failure(RetryClass::Credential, message)
        } else {
            refusal.transient(call)
        }
    })
}

/// Whether a call failed for its access token, so that a new one may help.
#[must_use]
pub fn is_stale_token(failure: &Failure) -> bool {
    failure.error == ErrorName::CredentialsHttpStatus && failure.class == RetryClass::Credential
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply::new(status, body.as_bytes(), None)
    }

    #[test]
    fn without_a_code_the_http_status_decides() {
        assert!(call(reply(200, r#"{"data": []}"#), "x").is_ok());
        assert!(call(reply(500, r#"{"data": []}"#), "x").is_err());
    }

    #[test]
    fn both_the_status_and_the_code_must_say_success() {
        assert!(call(reply(500, r#"{"code": 200, "data": []}"#), "x").is_err());
        assert!(call(reply(200, r#"{"code": 500, "data": []}"#), "x").is_err());
    }

    #[test]
    fn free_text_of_the_vendor_is_not_repeated() {
        let failure =
            sign_in(reply(200, r#"{"code": 1001, "msg": "no user owner@example.com"}"#)).unwrap_err();
        assert!(!failure.message.contains('@'), "{}", failure.message);
        assert_eq!(failure.class, RetryClass::Setup);
    }

    #[test]
    fn throttling_is_the_service_and_keeps_its_retry_after() {
        let throttled = Reply::new(429, br#"{"code": 429}"#, Some(Duration::from_secs(90)));
        let failure = sign_in(throttled).unwrap_err();
        assert_eq!(
            (failure.class, failure.retry_after),
            (RetryClass::Service, Some(Duration::from_secs(90)))
        );
    }

    #[test]
    fn a_redirect_and_a_missing_page_are_setup() {
        for status in [302, 404] {
            assert_eq!(
                sign_in(reply(status, r#"{"msg": "NOT_FOUND"}"#)).unwrap_err().class,
                RetryClass::Setup
            );
        }
    }

    #[test]
    fn a_gateway_page_with_401_is_no_verdict_on_the_token() {
        let failure = call(reply(401, "<html>"), "x").unwrap_err();
        assert!(!is_stale_token(&failure));
    }
}
