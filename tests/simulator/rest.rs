//! A client of the vendor's REST interface that knows only the reference.
//!
//! Never hides an answer: status and body go to the test.

use std::sync::Once;

use hangup::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD};
use serde_json::{Value, json};

pub struct Rest {
    base: String,
    client: reqwest::Client,
}

impl Rest {
    pub fn of(cloud: &Cloud) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().unwrap();
        });
        let ca = reqwest::Certificate::from_pem(cloud.ca_pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        Self { base: cloud.rest_url(), client }
    }

    pub async fn raw(&self, path: &str, token: Option<&str>, kind: &str, body: String) -> (u16, String) {
        let mut request =
            self.client.post(format!("{}{path}", self.base)).header("content-type", kind).body(body);
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key("date"));
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn get(&self, path_and_query: &str, token: &str) -> (u16, Value) {
        let request =
            self.client.get(format!("{}{path_and_query}", self.base)).header("authorization", token);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
        let (status, text) = self.raw(path, token, "application/json", body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    pub async fn sign_in(&self) -> Value {
        let body = json!({ "userId": DEMO_EMAIL, "password": DEMO_PASSWORD });
        let (status, answer) = self.post("/user/sign-in", None, body).await;
        assert_eq!((status, &answer["code"]), (200, &json!(200)), "{}", answer["msg"]);
        answer["data"]["token"].clone()
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
