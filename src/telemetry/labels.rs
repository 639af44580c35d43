//! Label values: how long they may be, and which members of a closed set a connection can produce. [pure]
//! Never lets a topic, a payload, a raw error text or an address become a label.

use crate::connection::Phase;
use crate::connection::error::ErrorName;

pub(super) use super::text::clip as cut;
use super::{ConnectionLabels, Loss};

impl Loss {
    /// Every reason.
    pub const ALL: &[Self] = &[Self::QueueFull, Self::Expired, Self::Quarantined, Self::Refused];

    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Expired => "expired",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
        }
    }
}

impl ConnectionLabels {
    /// The phases that an attempt of this connection passes, with the subscribing that follows it.
    pub(super) fn phases(&self) -> impl Iterator<Item = Phase> + '_ {
        Phase::ALL.iter().copied().filter(|phase| match phase {
            Phase::Credentials | Phase::Dns | Phase::Tcp | Phase::Connack | Phase::Subscribe => true,
            Phase::Proxy => self.proxied,
            Phase::Tls => self.transport.has_tls(),
            Phase::Websocket => self.transport.has_websocket(),
            Phase::Session | Phase::Shutdown => false,
        })
    }

    /// The names that can end a session of this connection.
    pub(super) fn drop_errors(&self) -> impl Iterator<Item = ErrorName> + '_ {
        self.errors(|phase| matches!(phase, Phase::Subscribe | Phase::Session))
    }

    /// The names that an attempt of this connection can fail with in this phase. Subscribing comes after CONNACK:
    /// what fails there ends a session, not an attempt.
    pub(super) fn connect_errors(&self, phase: Phase) -> impl Iterator<Item = ErrorName> + '_ {
        let fails = !matches!(phase, Phase::Subscribe | Phase::Session) && self.phases().any(|p| p == phase);
        self.errors(move |p| fails && p == phase)
    }

    /// The names that subscribing can fail with.
    pub(super) fn subscribe_errors(&self) -> impl Iterator<Item = ErrorName> + '_ {
        self.errors(|phase| phase == Phase::Subscribe)
    }

    fn errors(&self, phase: impl Fn(Phase) -> bool) -> impl Iterator<Item = ErrorName> {
        ErrorName::ALL
            .iter()
            .copied()
            .filter(move |error| error.phases().iter().any(|p| phase(*p) && self.can_produce(*error, *p)))
    }

    /// Whether the layers and the protocol of this connection can produce the name in a phase that lists it.
    ///
    /// Decided by the name's own prefix where it has one, so that a new error name stays one line in its table.
    fn can_produce(&self, error: ErrorName, phase: Phase) -> bool {
        // Sign-in speaks HTTPS whatever lies under MQTT; only a proxy must be there to fail.
        if phase == Phase::Credentials && !self.signs_in {
            return IN_FILES.contains(&error);
        }
        if phase == Phase::Credentials {
            return error != ErrorName::ProxyConnectFailed || self.proxied;
        }
        let name = error.as_str();
        let (tls, websocket) = (self.transport.has_tls(), self.transport.has_websocket());
        if name.starts_with("AWS_IO_TLS_") {
            tls
        } else if name.starts_with("AWS_ERROR_HTTP_WEBSOCKET_") {
            websocket
        } else if error == ErrorName::UnexpectedHangup {
            // An orderly close needs a layer that can say goodbye: a bare TCP FIN is a closed socket.
            tls || websocket
        } else if MQTT_3_ONLY.contains(&error) {
            self.protocol != MQTT_5
        } else if MQTT_5_ONLY.contains(&error) {
            self.protocol == MQTT_5
        } else {
            true
        }
    }
}

/// The label value of MQTT 5.
const MQTT_5: &str = "5";

/// Names of what can be wrong with credentials and certificates in files.
const IN_FILES: &[ErrorName] = &[
    ErrorName::SigningNoCredentials,
    ErrorName::TlsNoRootCertificate,
    ErrorName::PemMalformed,
    ErrorName::TlsNegotiationFailure,
];

/// Names that MQTT 5 replaced by others.
const MQTT_3_ONLY: &[ErrorName] = &[ErrorName::MqttTimeout, ErrorName::ProtocolError];

/// Names that MQTT 3.1.1 has no occasion for.
const MQTT_5_ONLY: &[ErrorName] =
    &[ErrorName::PingTimeout, ErrorName::DecodeProtocolError, ErrorName::InvalidTopicAlias];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::plan::Transport;

    fn labels(transport: Transport, protocol: &'static str) -> ConnectionLabels {
        ConnectionLabels {
            connection: "home".to_owned(),
            broker: "broker.example:8883".to_owned(),
            protocol,
            transport,
            source: "navien",
            proxied: false,
            signs_in: true,
        }
    }

    #[test]
    fn who_reads_its_credentials_from_files_has_few_names_for_what_is_wrong_with_them() {
        let asks = labels(Transport::Tls, "5");
        let reads = ConnectionLabels { signs_in: false, ..asks.clone() };
        let names = |labels: &ConnectionLabels| labels.connect_errors(Phase::Credentials).count();
        assert!(names(&asks) > 20);
        assert_eq!(names(&reads), IN_FILES.len());
        assert!(reads.connect_errors(Phase::Tls).eq(asks.connect_errors(Phase::Tls)));
    }

    fn drops(transport: Transport, protocol: &'static str) -> Vec<ErrorName> {
        labels(transport, protocol).drop_errors().collect()
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        assert_eq!(cut("home"), "home");
        assert_eq!(cut(&"x".repeat(200)).len(), 128);
        assert_eq!(cut(&format!("{}ü", "x".repeat(127))), "x".repeat(127));
    }

    #[test]
    fn plain_tcp_has_neither_tls_nor_websocket_names_nor_an_orderly_close() {
        let names = drops(Transport::Tcp, "3.1.1");
        assert!(names.contains(&ErrorName::SocketClosed));
        for absent in [
            ErrorName::TlsReadFailure,
            ErrorName::TlsAlertReceived,
            ErrorName::WebsocketProtocolError,
            ErrorName::UnexpectedHangup,
        ] {
            assert!(!names.contains(&absent), "{absent}");
        }
        assert_eq!(labels(Transport::Tcp, "3.1.1").connect_errors(Phase::Tls).count(), 0);
    }

    #[test]
    fn each_layer_brings_its_own_names() {
        assert!(drops(Transport::Ws, "3.1.1").contains(&ErrorName::UnexpectedHangup));
        assert!(drops(Transport::Ws, "3.1.1").contains(&ErrorName::WebsocketProtocolError));
        assert!(!drops(Transport::Ws, "3.1.1").contains(&ErrorName::TlsReadFailure));
        assert!(drops(Transport::Tls, "3.1.1").contains(&ErrorName::TlsReadFailure));
        assert!(!drops(Transport::Tls, "3.1.1").contains(&ErrorName::WebsocketProtocolError));
    }

    #[test]
    fn the_versions_of_mqtt_name_a_missing_pingresp_differently() {
        let (old, new) = (drops(Transport::Wss, "3.1.1"), drops(Transport::Wss, "5"));
        assert!(old.contains(&ErrorName::MqttTimeout) && !old.contains(&ErrorName::PingTimeout));
        assert!(new.contains(&ErrorName::PingTimeout) && !new.contains(&ErrorName::MqttTimeout));
    }

    #[test]
    fn a_proxy_fails_only_where_there_is_one() {
        let mut labels = labels(Transport::Wss, "3.1.1");
        assert!(!labels.phases().any(|phase| phase == Phase::Proxy));
        assert!(!labels.connect_errors(Phase::Credentials).any(|e| e == ErrorName::ProxyConnectFailed));
        labels.proxied = true;
        assert!(labels.phases().any(|phase| phase == Phase::Proxy));
        assert!(labels.connect_errors(Phase::Proxy).any(|e| e == ErrorName::ProxyConnectFailed));
    }

    #[test]
    fn what_fails_while_subscribing_ends_a_session_and_no_attempt() {
        let labels = labels(Transport::Wss, "3.1.1");
        assert_eq!(labels.connect_errors(Phase::Subscribe).count(), 0);
        assert!(labels.drop_errors().any(|error| error == ErrorName::SubscribeFailure));
        assert!(labels.subscribe_errors().any(|error| error == ErrorName::SubscribeFailure));
    }
}
