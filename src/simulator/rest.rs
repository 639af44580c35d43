//! The vendor's REST interface with its quirks: a request in, an answer out (navien-cloud.md §2). Pure.
//!
//! Never more correct than the vendor: a wrong password is HTTP 200.

use serde_json::{Value, json};

use super::devices::Device;
use super::heater::replies;
use super::vault::{Account, NotSignedIn, Tokens, Vault};
use crate::clock::Instant;

/// What a client may ask for at most in one page.
const PAGE: i64 = 20;

/// One HTTP request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// The path, undecoded.
    pub path: &'a str,
    /// The query, undecoded, without `?`.
    pub query: &'a str,
    /// The `Content-Type` header.
    pub content_type: &'a str,
    /// The `Authorization` header. A secret.
    pub authorization: &'a str,
    /// The body. May hold a password.
    pub body: &'a [u8],
}

/// One HTTP answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `application/json`, or `text/html` from the gateway in front.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Switches of the service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mood {
    /// Answer everything with this status.
    pub(super) status: Option<u16>,
    /// Call every password wrong.
    pub(super) refuse_sign_in: bool,
    /// Secondary endpoints answer 403.
    pub(super) secondary_forbidden: bool,
}

/// The account, the devices and the moment.
pub(super) struct Service<'a> {
    pub(super) vault: &'a mut Vault,
    pub(super) devices: &'a [Device],
    pub(super) mood: Mood,
    pub(super) now: Instant,
}

impl Service<'_> {
    /// Answers one request.
    pub(super) fn answer(&mut self, request: Request<'_>) -> Answer {
        if let Some(status) = self.mood.status {
            return troubled(status);
        }
        let path = request.path.strip_prefix("/api/v2.1").or_else(|| request.path.strip_prefix("/api/v2"));
        match (request.method, path) {
            ("POST", Some("/user/sign-in")) => self.sign_in(&request),
            ("POST", Some("/auth/refresh")) => self.refresh(&request),
            ("POST", Some("/device/list")) => self.with_account(&request, Self::list),
            ("POST", Some("/device/info")) => self.secondary(&request, Self::info),
            ("POST", Some("/device/firmware/info")) => self.secondary(&request, Self::firmware),
            ("GET", Some("/device/tou")) => self.secondary(&request, Self::tariff),
            _ => failure(404, 404, "NOT_FOUND"),
        }
    }

    fn sign_in(&mut self, request: &Request<'_>) -> Answer {
        let Some(body) = object(request) else { return bad_request() };
        let (Some(email), Some(password)) = (text(&body, "userId"), text(&body, "password")) else {
            return bad_request();
        };
        if self.mood.refuse_sign_in {
            return failure(200, 1001, "INVALID_USER_PASSWORD");
        }
        match self.vault.sign_in(email, password, self.now) {
            Ok((account, tokens, key)) => {
                let mut token = token_fields(&tokens);
                if let Some(fields) = token.as_object_mut() {
                    fields.insert("accessKeyId".into(), json!(key.id));
                    fields.insert("secretKey".into(), json!(key.secret.expose()));
                    fields.insert("sessionToken".into(), json!(key.session.expose()));
                    fields.insert("authorizationExpiresIn".into(), json!(tokens.lifetime.as_secs()));
                }
                let user_seq = self.vault.account(account).map(|account| account.user_seq);
                success(json!({
                    "userInfo": {
                        "userType": "O", "userFirstName": "Demo", "userLastName": "Owner",
                        "userStatus": "NORMAL", "userSeq": user_seq,
                    },
                    "legal": [],
                    "token": token,
                }))
            }
            Err(NotSignedIn::WrongPassword) => failure(200, 1001, "INVALID_USER_PASSWORD"),
            Err(NotSignedIn::Unknown) => failure(200, 1000, "USER_NOT_FOUND"),
            // What the vendor says of a locked account is not known; a client must cope with an unknown code.
            Err(NotSignedIn::Locked) => failure(200, 1003, "USER_LOCKED"),
        }
    }

    fn refresh(&mut self, request: &Request<'_>) -> Answer {
        let Some(body) = object(request) else { return bad_request() };
        let Some(token) = text(&body, "refreshToken") else { return bad_request() };
        match self.vault.refresh(token, self.now) {
            // Directly under `data`, and without AWS credentials.
            Some(tokens) => success(token_fields(&tokens)),
            None => failure(401, 401, "UNAUTHORIZED"),
        }
    }

    fn with_account(
        &mut self,
        request: &Request<'_>,
        then: impl FnOnce(&mut Self, usize, &Request<'_>) -> Answer,
    ) -> Answer {
        // The raw token: with a `Bearer ` prefix it is another text, and that is all there is to it.
        match self.vault.authorised(request.authorization, self.now) {
            Some(account) => then(self, account, request),
            None => failure(401, 401, "UNAUTHORIZED"),
        }
    }

    fn secondary(
        &mut self,
        request: &Request<'_>,
        then: impl FnOnce(&mut Self, usize, &Request<'_>) -> Answer,
    ) -> Answer {
        let forbidden = self.mood.secondary_forbidden;
        self.with_account(request, |service, account, request| {
            if forbidden { failure(403, 403, "FORBIDDEN") } else { then(service, account, request) }
        })
    }

    fn list(&mut self, account: usize, request: &Request<'_>) -> Answer {
        let Some(body) = object(request) else { return bad_request() };
        let (offset, count) = (number(&body, "offset"), number(&body, "count"));
        let (Some(offset), Some(count), true) = (offset, count, self.is_user(account, &body)) else {
            return bad_request();
        };
        if !(1..=PAGE).contains(&count) || offset < 0 {
            return bad_request();
        }
        let (offset, count) = (usize::try_from(offset).unwrap_or(0), usize::try_from(count).unwrap_or(0));
        let page: Vec<Value> = self
            .devices
            .iter()
            .filter(|device| device.account == account)
            .skip(offset)
            .take(count)
            .map(|device| {
                json!({
                    "deviceInfo": self.device_info(device),
                    "location": { "state": "Demo State", "city": "Demo City", "address": "1 Demo Street" },
                })
            })
            .collect();
        success(json!(page))
    }

    fn info(&mut self, account: usize, request: &Request<'_>) -> Answer {
        let Some(body) = object(request) else { return bad_request() };
        let mac = text(&body, "macAddress").unwrap_or_default();
        let Some(device) = self.device(account, mac) else { return failure(404, 404, "NOT_FOUND") };
        success(json!({
            "deviceInfo": self.device_info(device),
            "location": {
                "state": "Demo State", "city": "Demo City", "address": "1 Demo Street",
                "latitude": 0.0, "longitude": 0.0, "altitude": null,
            },
            "installer": {
                "installerId": null, "installerFirstName": null,
                "installerLastName": null, "installerPhoneNumber": null,
            },
            "alarmInfo": { "isEtcAlarm": 1, "isErrorAlarm": 1 },
            "descaling": { "descalingStartTime": null, "descalingEndTime": null },
        }))
    }

    fn firmware(&mut self, account: usize, request: &Request<'_>) -> Answer {
        let Some(body) = object(request) else { return bad_request() };
        let mac = text(&body, "macAddress").unwrap_or_default();
        let Some(device) = self.device(account, mac) else { return failure(404, 404, "NOT_FOUND") };
        let component = |code: i64, version: i64, downloaded: Value| {
            json!({
                "macAddress": device.identity.mac, "additionalValue": device.identity.additional_value,
                "deviceType": device.identity.device_type, "deviceGroup": null,
                "curSwCode": code, "curVersion": version, "downloadedVersion": downloaded,
            })
        };
        success(json!({ "firmwares": [
            component(replies::CONTROLLER_CODE, replies::CONTROLLER_VERSION, json!(0)),
            component(replies::WIFI_CODE, replies::WIFI_VERSION, Value::Null),
        ] }))
    }

    fn tariff(&mut self, account: usize, request: &Request<'_>) -> Answer {
        let get = |name: &str| {
            let mut pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let Some(device) = get("macAddress").and_then(|mac| self.device(account, mac)) else {
            return bad_request();
        };
        if get("controllerId") != Some(device.identity.serial().as_str()) || get("userType") != Some("O") {
            return bad_request();
        }
        let interval = |hours: (i64, i64), price: i64| {
            json!({
                "week": 127, "startHour": hours.0, "startMinute": 0, "endHour": hours.1, "endMinute": 59,
                "priceMin": price, "priceMax": price, "decimalPoint": 5,
            })
        };
        success(json!({
            "registerPath": "wifi",
            "sourceType": "openei",
            "touInfo": {
                "name": "Demo tariff", "utility": "Demo Electric", "zipCode": 12345,
                "controllerId": device.identity.serial(), "manufactureId": "0000E0000000000",
                "schedule": [{
                    "season": 4095,
                    "interval": [interval((0, 15), 30_000), interval((16, 20), 45_000), interval((21, 23), 30_000)],
                }],
            },
        }))
    }

    fn device(&self, account: usize, mac: &str) -> Option<&Device> {
        self.devices.iter().find(|d| d.account == account && d.identity.mac.eq_ignore_ascii_case(mac))
    }

    fn device_info(&self, device: &Device) -> Value {
        json!({
            "homeSeq": self.vault.account(device.account).map(|account| account.home_seq),
            "macAddress": device.identity.mac,
            "additionalValue": device.identity.additional_value,
            "deviceType": device.identity.device_type,
            "deviceName": device.name,
            "connected": if device.online(self.now) { 2 } else { 1 },
            "installType": "R",
        })
    }

    fn is_user(&self, account: usize, body: &Value) -> bool {
        let is = |account: &Account| {
            text(body, "userId").is_some_and(|user| user.eq_ignore_ascii_case(account.email.expose()))
        };
        self.vault.account(account).is_some_and(is)
    }
}

fn token_fields(tokens: &Tokens) -> Value {
    json!({
        "idToken": tokens.id.expose(),
        "accessToken": tokens.access.expose(),
        "refreshToken": tokens.refresh.expose(),
        "authenticationExpiresIn": tokens.lifetime.as_secs(),
    })
}

/// The body, if it is said to be JSON and is an object.
fn object(request: &Request<'_>) -> Option<Value> {
    let kind = request.content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return None;
    }
    serde_json::from_slice::<Value>(request.body).ok().filter(Value::is_object)
}

fn text<'v>(body: &'v Value, key: &str) -> Option<&'v str> {
    body.get(key)?.as_str()
}

fn number(body: &Value, key: &str) -> Option<i64> {
    body.get(key)?.as_i64()
}

#[expect(clippy::needless_pass_by_value, reason = "callers build the value on the spot")]
fn success(data: Value) -> Answer {
    envelope(200, &json!({ "code": 200, "msg": "SUCCESS", "data": data }))
}

fn failure(status: u16, code: i64, message: &str) -> Answer {
    envelope(status, &json!({ "code": code, "msg": message, "data": null }))
}

fn bad_request() -> Answer {
    failure(400, 400, "COMMON_BAD_REQUEST")
}

/// Throttling speaks JSON; an outage is the gateway's page.
fn troubled(status: u16) -> Answer {
    if status < 500 {
        return failure(status, i64::from(status), "TOO_MANY_REQUESTS");
    }
    let body = format!("<html><head><title>{status}</title></head><body>Service Unavailable</body></html>");
    Answer { status, content_type: "text/html", body }
}

fn envelope(status: u16, body: &Value) -> Answer {
    Answer { status, content_type: "application/json", body: body.to_string() }
}
