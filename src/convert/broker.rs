//! Where the broker is and who we are there.
//!
//! Pure. Never writes a password: it says where to put it.

use std::fmt::Write as _;

use serde_json::Value;

use super::yaml::text;

/// Where mqtt2prometheus looks when nothing is written.
const SERVER: &str = "tcp://127.0.0.1:1883";
/// Where it serves.
const LISTEN: &str = "0.0.0.0:9641";

/// Page, connection and source.
pub(super) fn head(mqtt: &Value, notes: &mut Vec<String>) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let field = |key: &str| mqtt.get(key).and_then(text).filter(|text| !text.is_empty());
    let mut toml = format!(
        "[http]\n# Where mqtt2prometheus serves, so that Prometheus finds the page where it was. Its `-web-config-file` is\n\
         # `web_config_file` here.\nlisten = [{}]\n\n[[connection]]\nname = \"mqtt2prometheus\"\n\n[connection.source.broker]\n",
        quoted(LISTEN)
    );
    let (url, user) = url(&field("server").unwrap_or_else(|| SERVER.to_owned()), notes);
    let _ = writeln!(toml, "url = {}", quoted(&url));
    if let Some(user) = field("user").or(user) {
        let _ = writeln!(toml, "username = {}", quoted(&user));
    }
    if field("password").is_some() {
        toml.push_str("password = { file = \"mqtt-password\" }\n");
        notes.push(
            "write the password of `mqtt.password` into the file `mqtt-password` beside the new configuration, readable by hangup \
             only: it is never written into a configuration here"
                .to_owned(),
        );
    } else {
        toml.push_str(
            "# MQTT2PROM_MQTT_USER and MQTT2PROM_MQTT_PASSWORD, if they were set:\n# username = { env = \"MQTT2PROM_MQTT_USER\" }\n\
             # password = { env = \"MQTT2PROM_MQTT_PASSWORD\" }\n\
             # With `-treat-mqtt-password-as-file-name`: password = { file = \"/run/secrets/mqtt-credential\" }\n",
        );
    }
    let has_tls = url.starts_with("mqtts:") || url.starts_with("wss:");
    let files = [
        ("ca_cert", "ca_file"),
        ("client_cert", "client_certificate_file"),
        ("client_key", "client_key_file"),
    ];
    for (old, new) in files {
        match field(old) {
            Some(file) if has_tls => {
                let _ = writeln!(toml, "{new} = {}", quoted(&file));
            }
            Some(_) => notes
                .push(format!("`mqtt.{old}` is left out: the connection has no TLS (`server` is `{url}`)")),
            None => {}
        }
    }
    toml
}

/// What follows the subscriptions.
pub(super) fn tail(mqtt: &Value) -> String {
    let id = mqtt.get("client_id").and_then(text).filter(|id| !id.is_empty());
    id.map_or_else(String::new, |id| {
        format!("\n[connection.reconnect]\nclient_id = {}\n", toml::Value::from(id))
    })
}

/// The URL in our words, and the user that may have stood in it.
fn url(server: &str, notes: &mut Vec<String>) -> (String, Option<String>) {
    let (scheme, rest) = server.split_once("://").unwrap_or(("tcp", server));
    let scheme = match scheme {
        "ssl" | "tls" | "mqtts" | "mqtt+ssl" | "tcps" => "mqtts",
        "ws" => "ws",
        "wss" => "wss",
        _ => "mqtt",
    };
    let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    if login.is_some_and(|login| login.contains(':')) {
        notes.push(
            "the URL of the server held a password: write it into a file and `password = { file = \"mqtt-password\" }` beside the `url`"
                .to_owned(),
        );
    }
    let user = login.map(|login| login.split(':').next().unwrap_or_default().to_owned());
    let rest = if scheme.starts_with("mqtt") {
        rest.trim_end_matches('/').to_owned()
    } else if rest.contains('/') {
        rest.to_owned()
    } else {
        format!("{rest}/")
    };
    (format!("{scheme}://{rest}"), user)
}
