//! SigV4 for IoT WebSockets, written once more, with a knob for each mistake that clients make.
//!
//! Never shares code with the cloud or the exporter.

use std::time::SystemTime;

use ring::{digest, hmac};
use serde_json::Value;

use crate::rest::text;

#[derive(Clone)]
pub struct Signer {
    pub token: Value,
    pub host: String,
    pub service: String,
    pub time: SystemTime,
    pub expires: Option<u64>,
    pub sign_the_token: bool,
}

impl Signer {
    pub fn new(token: &Value) -> Self {
        Self {
            token: token.clone(),
            host: "localhost".into(),
            service: "iotdevicegateway".into(),
            time: hangup::clock::now().wall,
            expires: None,
            sign_the_token: false,
        }
    }

    pub fn target(&self) -> String {
        let time = jiff::Timestamp::try_from(self.time).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &time[..8];
        let scope = format!("{day}/us-east-1/{}/aws4_request", self.service);
        let session = percent(text(&self.token["sessionToken"]));
        let credential = percent(&format!("{}/{scope}", text(&self.token["accessKeyId"])));
        let mut query =
            format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={time}");
        if let Some(expires) = self.expires {
            query = format!("{query}&X-Amz-Expires={expires}");
        }
        if self.sign_the_token {
            query = format!("{query}&X-Amz-Security-Token={session}");
        }
        query += "&X-Amz-SignedHeaders=host";
        let request = format!("GET\n/mqtt\n{query}\nhost:{}\n\nhost\n{}", self.host, sha(""));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha(&request));
        let mut key = format!("AWS4{}", text(&self.token["secretKey"])).into_bytes();
        for part in [day, "us-east-1", self.service.as_str(), "aws4_request"] {
            key = mac(&key, part);
        }
        let signature = hex(&mac(&key, &to_sign));
        query = format!("{query}&X-Amz-Signature={signature}");
        if !self.sign_the_token {
            query = format!("{query}&X-Amz-Security-Token={session}");
        }
        format!("/mqtt?{query}")
    }
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}

fn sha(message: &str) -> String {
    hex(digest::digest(&digest::SHA256, message.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out + &char::from(byte).to_string()
        } else {
            format!("{out}%{byte:02X}")
        }
    })
}
