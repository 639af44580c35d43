//! What the exporter is told: connections to one broker, and what a message becomes.
//!
//! Never a setting that hides a weakness: waits and limits are those that a user has without a word.

use std::fmt::Write as _;

use hangup::connection::plan::{Transport, Version};

use crate::broker::{ALL, Broker, PASSWORD, USER};
use crate::support::exporter::Exporter;

/// One connection of the exporter to the broker.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Its name.
    pub(crate) name: String,
    /// What lies under MQTT.
    pub(crate) transport: Transport,
    /// The version of MQTT.
    pub(crate) version: Version,
}

impl Link {
    /// Every transport in these versions.
    pub(crate) fn all(versions: &[Version]) -> Vec<Self> {
        let link = |transport: &Transport, version: Version| Self {
            name: format!("{}-{}", transport.as_str(), version.as_str()),
            transport: transport.clone(),
            version,
        };
        versions.iter().flat_map(|version| ALL.iter().map(move |t| link(t, *version))).collect()
    }

    /// The client id that it is told to use.
    pub(crate) fn client_id(&self) -> String {
        format!("client-id-of-{}", self.name)
    }

    fn config(&self, broker: &Broker, password: &str) -> String {
        let (name, url, version) = (&self.name, broker.url(&self.transport), self.version.as_str());
        let (ca, id) = (if self.transport.has_tls() { "ca_file = \"ca.pem\"" } else { "" }, self.client_id());
        format!(
            r#"
[[connection]]
name = "{name}"
[connection.source.broker]
url = "{url}"
version = "{version}"
username = "{USER}"
password = {{ file = "{password}" }}
{ca}
[[connection.subscribe]]
filter = "interop/+/value"
qos = 2
device = "{{2}}"
[[connection.subscribe.metric]]
name = "interop_value"
unit = "none"
labels = {{ by = "{name}" }}
[connection.reconnect]
client_id = "{id}"
# A takeover, a kill and an end within minutes would be three short sessions in a row, and a reason to stay away.
takeover_count = 10
# The shortest there is: pings are waited for.
keep_alive = "5s"
"#
        )
    }
}

/// The connection whose password is wrong.
pub(crate) const WRONG: &str = "wrong";

/// Starts the exporter with these connections, and one whose password is wrong.
pub(crate) async fn exporter(broker: &Broker, links: &[Link]) -> Exporter {
    broker.write("password", PASSWORD);
    broker.write("wrong-password", "interop-wrong");
    for name in ["password", "wrong-password"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(broker.file(name), mode).unwrap();
    }
    let mut config = "[readings]\noutage_grace = \"1s\"\n".to_owned();
    for link in links {
        config.push_str(&link.config(broker, "password"));
    }
    let wrong = Link { name: WRONG.to_owned(), transport: Transport::Tcp, version: Version::V311 };
    writeln!(config, "{}", wrong.config(broker, "wrong-password")).unwrap();
    let path = broker.write("hangup.toml", &config);
    Exporter::start(&["run", "--config", path.to_str().unwrap()]).await
}
