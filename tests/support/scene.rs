//! A cloud on this machine, a configuration that leads to it, and what must never be seen of it.
//!
//! Never uses a fixed port, and never a configuration that the file format would refuse.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use hangup::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD, Fault, Settings};
use tempfile::TempDir;

use super::exporter::Exporter;

/// Waits without chance and short, so that a test sees many of them: everything else stays as it is by default.
pub const FAST: &str = r#"
initial_delay = "10ms"
factor = 1.0
jitter = "none"
max_delay_network = "1s"
max_delay_service = "1s"
max_delay_setup = "1s"
stable_after = "0s"
"#;

/// A cloud, and a directory with a password, the CA and a configuration.
pub struct Scene {
    /// The cloud; it runs inside the test.
    pub cloud: Cloud,
    /// Where the files are.
    pub directory: TempDir,
}

impl Scene {
    /// With heaters that answer at once.
    pub async fn new() -> Self {
        let round_trip = Duration::from_millis(5)..=Duration::from_millis(20);
        Self::with(Settings { round_trip, model_speed: 60.0, ..Settings::default() }).await
    }

    /// With a cloud as wanted.
    pub async fn with(settings: Settings) -> Self {
        let cloud = Cloud::start(settings).await.unwrap();
        let directory = TempDir::new().unwrap();
        cloud.write_ca(directory.path().join("ca.pem")).unwrap();
        let scene = Self { cloud, directory };
        scene.write("password", DEMO_PASSWORD);
        scene
    }

    /// Writes a file; the path of it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        // A password that everybody may read would be warned about.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A connection to the cloud, asking as often as a file may say. `reconnect` and `account` are further fields.
    pub fn connection(&self, name: &str, reconnect: &str, account: &str) -> String {
        let (rest, host, port) = (self.cloud.rest_url(), self.cloud.host(), self.cloud.mqtt_port());
        let mut text = String::new();
        write!(
            text,
            r#"
[[connection]]
name = "{name}"
[connection.reconnect]
client_id = "client-id-of-{name}"
{reconnect}
[connection.source.navien]
email = "{DEMO_EMAIL}"
password = {{ file = "password" }}
ca_file = "ca.pem"
base_url = "{rest}"
mqtt_host = "{host}"
mqtt_port = {port}
status_interval = "15s"
features_interval = "1m"
energy_interval = "1m"
request_limit = "2s"
{account}
"#
        )
        .unwrap();
        text
    }

    /// The exporter with this configuration.
    pub async fn run(&self, config: &str) -> Exporter {
        let path = self.write("hangup.toml", config);
        Exporter::start(&["run", "--config", path.to_str().unwrap()]).await
    }

    /// The exporter with one fast connection `home`, online and with readings of both heaters. `more` are further
    /// fields of its `[connection.reconnect]`.
    pub async fn home(&self, more: &str) -> Exporter {
        let exporter = self.run(&self.connection("home", &format!("{FAST}{more}"), "")).await;
        exporter
            .until("online with readings of two heaters", |page| page.online("home") && page.heaters() == 2)
            .await;
        exporter
    }

    /// Lets something go wrong now.
    pub fn inject(&self, fault: Fault) {
        self.cloud.faults().inject(fault);
    }

    /// Ends the exporter, then the cloud.
    pub async fn end(self, exporter: Exporter) {
        exporter.stop().await;
        self.cloud.stop().await;
    }
}

/// Fails when a text tells a password, an account, a device's address, a client id, a token or a signature.
pub fn assert_no_secret(place: &str, text: &str) {
    let plain = [
        DEMO_PASSWORD,
        WRONG_PASSWORD,
        DEMO_EMAIL,
        "020000aabb",
        "02:00:00:aa:bb",
        "client-id-of-",
        "X-Amz-",
        "Signature=",
    ];
    for secret in plain {
        if let Some(line) = text.lines().find(|line| line.contains(secret)) {
            panic!("{place} tells {secret}: {line}");
        }
    }
    // How the simulated cloud begins its tokens and keys; a word of a sentence is no token.
    for prefix in ["id.", "access.", "refresh.", "s/k+.", "IQoJ/.", "DEMO"] {
        let token = |(at, _): (usize, &str)| {
            let behind = text.get(at + prefix.len()..).unwrap_or_default();
            behind.chars().take_while(char::is_ascii_alphanumeric).count() >= 12
        };
        assert!(!text.match_indices(prefix).any(token), "{place} tells a token that begins with {prefix}");
    }
}

/// A password that the cloud does not know.
pub const WRONG_PASSWORD: &str = "cold-water-Q7";
