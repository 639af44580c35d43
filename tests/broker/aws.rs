//! AWS IoT Core with a client certificate and with a custom authorizer: what the gateway is shown.
//!
//! Never MQTT 5 here: the stand-in speaks 3.1.1, and what is shown is the same.

use std::fmt::Write as _;

use tempfile::TempDir;

use crate::authority::{Authority, private};
use crate::gateway::{Gateway, Shown};
use crate::mosquitto::{FAST, RULE};
use crate::support::exporter::Exporter;
use hangup::simulator::DEMO_PASSWORD;

/// A token and a signature that need encoding in a query, and that no output may show.
const TOKEN: &str = "Signature=of nobody";
const SIGNATURE: &str = "X-Amz-a+b/c==";

struct Scene {
    gateway: Gateway,
    directory: TempDir,
    authority: Authority,
}

impl Scene {
    async fn new() -> Self {
        let authority = Authority::new("ours");
        let gateway = Gateway::start(&authority).await;
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        for (name, text) in [("token", TOKEN), ("signature", SIGNATURE), ("password", DEMO_PASSWORD)] {
            private(&directory.path().join(name), text);
        }
        Self { gateway, directory, authority }
    }

    /// Runs until one session with these fields is online; what the gateway was shown.
    async fn shown(&self, fields: &str, filters: usize) -> (Exporter, Shown) {
        let mut config = format!(
            "[[connection]]\nname = \"cloud\"\n[connection.reconnect]\n{FAST}\n[connection.source.aws_iot]\nendpoint = \
             \"localhost\"\nport = {}\nversion = \"3.1.1\"\nca_file = \"ca.pem\"\n{fields}\n",
            self.gateway.port
        );
        for number in 0..filters {
            write!(config, "[[connection.subscribe]]\nfilter = \"dt/{number}/#\"\n{RULE}\n").unwrap();
        }
        let path = self.directory.path().join("hangup.toml");
        private(&path, &config);
        let exporter = Exporter::start(&["run", "--config", path.to_str().unwrap()]).await;
        exporter.until("online", |page| page.online("cloud")).await;
        let [shown] = self.gateway.shown().try_into().expect("one session");
        (exporter, shown)
    }
}

/// On any port but 8883 the gateway must be told by ALPN. Fifty filters are fine, eight in a packet.
#[tokio::test]
async fn a_client_certificate() {
    let scene = Scene::new().await;
    scene.authority.sign("thing").write(scene.directory.path(), "client");
    let fields = "client_certificate_file = \"client.pem\"\nclient_key_file = \"client-key.pem\"";
    let (exporter, shown) = scene.shown(fields, 50).await;
    assert_eq!(shown.alpn.as_deref(), Some("x-amzn-mqtt-ca"));
    assert_eq!((shown.sni.as_deref(), shown.certificates), (Some("localhost"), 1));
    assert_eq!((shown.target, shown.username), (None, None));
    assert_eq!(shown.keep_alive, 60);
    assert_eq!(shown.filters, [8, 8, 8, 8, 8, 8, 2]);
    let page = exporter.page().await;
    let info = [("protocol", "3.1.1"), ("source", "aws_iot"), ("transport", "tls")];
    assert_eq!(page.value("mqtt_client_connection_info", &info), 1.0);
    exporter.stop().await;
}

const AUTHORIZER: &str = "[connection.source.aws_iot.authorizer]\nname = \"my-authorizer\"\ntoken_key_name = \"MyToken\"\n\
    token = { file = \"token\" }\nsignature = { file = \"signature\" }\nusername = \"hangup\"\npassword = { file = \
    \"password\" }\n";

#[tokio::test]
async fn a_custom_authorizer_over_a_websocket_is_told_in_headers() {
    let scene = Scene::new().await;
    let (exporter, shown) = scene.shown(AUTHORIZER, 1).await;
    assert_eq!((shown.alpn.as_deref(), shown.sni.as_deref()), (Some("http/1.1"), Some("localhost")));
    assert_eq!(shown.target.as_deref(), Some("/mqtt"), "what is told stands in no log of targets");
    assert_eq!(shown.header("x-amz-customauthorizer-name"), Some("my-authorizer"));
    assert_eq!(shown.header("x-amz-customauthorizer-signature"), Some(SIGNATURE));
    assert_eq!(shown.header("mytoken"), Some(TOKEN));
    assert_eq!((shown.username.as_deref(), shown.password.as_deref()), (Some("hangup"), Some(DEMO_PASSWORD)));
    exporter.stop().await;
}

#[tokio::test]
async fn a_custom_authorizer_over_mqtt_is_told_behind_the_user_name() {
    let scene = Scene::new().await;
    let (exporter, shown) = scene.shown(&format!("{AUTHORIZER}transport = \"mqtt\""), 1).await;
    assert_eq!((shown.alpn.as_deref(), shown.target.as_deref()), (Some("mqtt"), None));
    assert_eq!(
        shown.username.as_deref(),
        Some(
            "hangup?x-amz-customauthorizer-name=my-authorizer&x-amz-customauthorizer-signature=X-Amz-a%2Bb%2Fc%3D%3D&\
             MyToken=Signature%3Dof%20nobody"
        )
    );
    assert_eq!(shown.password.as_deref(), Some(DEMO_PASSWORD));
    exporter.stop().await;
}
