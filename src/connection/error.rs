//! Error names: what was observed when an attempt or a session ended. A closed set, one line each.
//!
//! The name is the contract (the label `error`); the number is what AWS prints beside it, for searching.
//! Where AWS's own client has a name we use it; ours start with `LOCAL_`.

use super::Phase;

/// What kind of failure it is, which decides how long to wait and how deep to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryClass {
    /// The network is away or back any moment: short waits.
    Network,
    /// The service is there and overloaded, throttling or restarting: longer waits.
    Service,
    /// Credentials are stale or refused: reconnect deep at once, then slowly.
    Credential,
    /// Only a person or a configuration change fixes it: start at the longest wait, for ever.
    Setup,
}

macro_rules! error_names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $code:expr, $class:ident, [$($phase:ident),*];)*) => {
        /// A stable name for one observed failure. Public: dashboards and alerts match on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorName { $(#[doc = $name] $(#[$doc])* $variant,)* }

        impl ErrorName {
            /// Every name, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The label value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The number AWS's client prints for it, where it has one.
            #[must_use]
            pub const fn code(self) -> Option<u16> {
                match self { $(Self::$variant => $code,)* }
            }

            /// How to retry, unless a detail (an HTTP status, a CONNACK code) says otherwise.
            #[must_use]
            pub const fn class(self) -> RetryClass {
                match self { $(Self::$variant => RetryClass::$class,)* }
            }

            /// The phases in which it can be observed.
            #[must_use]
            pub const fn phases(self) -> &'static [Phase] {
                match self { $(Self::$variant => &[$(Phase::$phase),*],)* }
            }
        }
    };
}

error_names! {
    // Credentials and signing.
    SigningNoCredentials = "AWS_AUTH_SIGNING_NO_CREDENTIALS", Some(6146), Credential, [Credentials];
    CredentialsHttpStatus = "AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE", Some(6155), Credential, [Credentials];
    CredentialsUnexpectedResponse = "AWS_AUTH_PROVIDER_PARSER_UNEXPECTED_RESPONSE", Some(6156), Credential, [Credentials];
    ClockSkew = "LOCAL_CLOCK_SKEW", None, Credential, [Credentials, Websocket];
    // DNS.
    DnsInvalidName = "AWS_IO_DNS_INVALID_NAME", Some(1059), Network, [Credentials, Dns];
    DnsQueryAgain = "AWS_IO_DNS_QUERY_AGAIN", Some(1195), Network, [Credentials, Dns];
    DnsQueryFailed = "AWS_IO_DNS_QUERY_FAILED", Some(1058), Network, [Credentials, Dns];
    DnsNoAddress = "AWS_IO_DNS_NO_ADDRESS_FOR_HOST", Some(1060), Network, [Credentials, Dns];
    DnsTimeout = "LOCAL_DNS_TIMEOUT", None, Network, [Dns];
    // TCP and the local network.
    ConnectionRefused = "AWS_IO_SOCKET_CONNECTION_REFUSED", Some(1047), Network, [Credentials, Tcp];
    SocketTimeout = "AWS_IO_SOCKET_TIMEOUT", Some(1048), Network, [Credentials, Tcp, Proxy, Tls, Websocket, Connack, Subscribe, Session];
    NoRouteToHost = "AWS_IO_SOCKET_NO_ROUTE_TO_HOST", Some(1049), Network, [Credentials, Tcp, Proxy, Tls, Websocket, Connack, Subscribe, Session];
    NetworkDown = "AWS_IO_SOCKET_NETWORK_DOWN", Some(1050), Network, [Credentials, Tcp, Proxy, Tls, Websocket, Connack, Subscribe, Session];
    SocketClosed = "AWS_IO_SOCKET_CLOSED", Some(1051), Network, [Credentials, Tcp, Proxy, Tls, Connack, Subscribe, Session];
    BrokenPipe = "AWS_IO_BROKEN_PIPE", Some(1044), Network, [Credentials, Proxy, Tls, Websocket, Connack, Subscribe, Session];
    ConnectAborted = "AWS_IO_SOCKET_CONNECT_ABORTED", Some(1057), Network, [Credentials, Tcp, Proxy, Tls, Websocket, Connack, Subscribe, Session];
    InvalidAddress = "AWS_IO_SOCKET_INVALID_ADDRESS", Some(1055), Network, [Credentials, Tcp];
    UnsupportedAddressFamily = "AWS_IO_SOCKET_UNSUPPORTED_ADDRESS_FAMILY", Some(1045), Setup, [Credentials, Tcp];
    InvalidSocketOptions = "AWS_IO_SOCKET_INVALID_OPTIONS", Some(1053), Setup, [Tcp];
    MaxFdsExceeded = "AWS_ERROR_MAX_FDS_EXCEEDED", Some(45), Network, [Credentials, Dns, Tcp];
    NoPermission = "AWS_ERROR_NO_PERMISSION", Some(43), Setup, [Credentials, Tcp];
    ProxyConnectFailed = "AWS_ERROR_HTTP_PROXY_CONNECT_FAILED", Some(2071), Network, [Credentials, Proxy];
    // TLS.
    TlsTimeout = "AWS_IO_TLS_NEGOTIATION_TIMEOUT", Some(1067), Network, [Tls];
    TlsUnknownRoot = "AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE", Some(1181), Setup, [Credentials, Tls];
    TlsHostNameMismatch = "AWS_IO_TLS_HOST_NAME_MISMATCH", Some(1194), Setup, [Credentials, Tls];
    TlsCertificateExpired = "AWS_IO_TLS_CERTIFICATE_EXPIRED", Some(1183), Setup, [Credentials, Tls];
    TlsCertificateNotYetValid = "AWS_IO_TLS_CERTIFICATE_NOT_YET_VALID", Some(1184), Setup, [Credentials, Tls];
    TlsCertificateRevoked = "AWS_IO_TLS_PEER_CERTIFICATE_REVOKED", Some(1188), Setup, [Credentials, Tls];
    TlsBadCertificate = "AWS_IO_TLS_BAD_CERTIFICATE", Some(1185), Setup, [Credentials, Tls];
    TlsAlertReceived = "AWS_IO_TLS_ERROR_ALERT_RECEIVED", Some(1032), Setup, [Credentials, Tls, Websocket, Connack, Subscribe, Session];
    TlsNegotiationFailure = "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE", Some(1029), Setup, [Credentials, Tls];
    TlsReadFailure = "AWS_IO_TLS_ERROR_READ_FAILURE", Some(1178), Network, [Websocket, Connack, Subscribe, Session];
    TlsNoRootCertificate = "AWS_IO_TLS_NO_ROOT_CERTIFICATE_FOUND", Some(1182), Setup, [Credentials, Tls];
    TlsContextError = "AWS_IO_TLS_CTX_ERROR", Some(1033), Setup, [Tls];
    PemMalformed = "AWS_ERROR_PEM_MALFORMED", Some(1179), Setup, [Credentials, Tls];
    // WebSocket.
    WebsocketUpgradeFailure = "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE", Some(2065), Service, [Websocket];
    WebsocketProtocolError = "AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR", Some(2089), Setup, [Websocket, Connack, Subscribe, Session];
    HttpConnectionClosed = "AWS_ERROR_HTTP_CONNECTION_CLOSED", Some(2058), Network, [Websocket];
    /// The upgrade was not answered within its limit.
    WebsocketTimeout = "LOCAL_WEBSOCKET_TIMEOUT", None, Network, [Websocket];
    /// The proxy did not answer CONNECT within its limit.
    ProxyTimeout = "LOCAL_PROXY_TIMEOUT", None, Network, [Proxy];
    /// Sign-in or refresh was not answered within its limit.
    CredentialsTimeout = "LOCAL_CREDENTIALS_TIMEOUT", None, Network, [Credentials];
    // MQTT before the session is up.
    ConnackTimeout = "AWS_ERROR_MQTT5_CONNACK_TIMEOUT", Some(5151), Network, [Connack];
    ConnackRefused = "AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED", Some(5150), Service, [Connack];
    UnexpectedHangup = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP", Some(5134), Network, [Connack, Subscribe, Session];
    PeerNotMqtt = "LOCAL_PEER_NOT_MQTT", None, Setup, [Connack];
    SubscribeFailure = "AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE", Some(5164), Setup, [Subscribe];
    // In session.
    DisconnectReceived = "AWS_ERROR_MQTT5_DISCONNECT_RECEIVED", Some(5154), Network, [Connack, Subscribe, Session];
    MqttTimeout = "AWS_ERROR_MQTT_TIMEOUT", Some(5129), Network, [Subscribe, Session];
    PingTimeout = "AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT", Some(5152), Network, [Subscribe, Session];
    ProtocolError = "AWS_ERROR_MQTT_PROTOCOL_ERROR", Some(5130), Network, [Connack, Subscribe, Session];
    DecodeProtocolError = "AWS_ERROR_MQTT5_DECODE_PROTOCOL_ERROR", Some(5149), Network, [Connack, Subscribe, Session];
    InvalidRemainingLength = "AWS_ERROR_MQTT_INVALID_REMAINING_LENGTH", Some(5122), Network, [Connack, Subscribe, Session];
    InvalidTopicAlias = "AWS_ERROR_MQTT5_INVALID_INBOUND_TOPIC_ALIAS", Some(5159), Network, [Subscribe, Session];
    InboundPacketTooLarge = "LOCAL_INBOUND_PACKET_TOO_LARGE", None, Setup, [Connack, Subscribe, Session];
    EngineStalled = "LOCAL_ENGINE_STALLED", None, Network, [Session];
    // Operations: counted where they happen, never the end of a session.
    QueueFull = "AWS_ERROR_MQTT_QUEUE_FULL", Some(5139), Service, [];
    OfflineQueuePolicy = "AWS_ERROR_MQTT5_OPERATION_FAILED_DUE_TO_OFFLINE_QUEUE_POLICY", Some(5156), Service, [];
    CancelledForCleanSession = "AWS_ERROR_MQTT_CANCELLED_FOR_CLEAN_SESSION", Some(5138), Service, [];
    NotConnected = "AWS_ERROR_MQTT_NOT_CONNECTED", Some(5131), Service, [];
    AckReasonCodeFailure = "AWS_ERROR_MQTT_ACK_REASON_CODE_FAILURE", Some(5165), Service, [];
    RequestResponseTimeout = "AWS_ERROR_MQTT_REQUEST_RESPONSE_TIMEOUT", Some(5168), Service, [];
    PacketValidation = "AWS_ERROR_MQTT5_PACKET_VALIDATION", Some(5147), Service, [];
    UserRequestedStop = "AWS_ERROR_MQTT5_USER_REQUESTED_STOP", Some(5153), Service, [];
    PlannedRotation = "LOCAL_PLANNED_ROTATION", None, Service, [];
}

impl std::fmt::Display for ErrorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for ErrorName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_shaped() {
        let names: std::collections::BTreeSet<_> = ErrorName::ALL.iter().map(|e| e.as_str()).collect();
        assert_eq!(names.len(), ErrorName::ALL.len());
        assert!(names.iter().all(|n| n.starts_with("AWS_") || n.starts_with("LOCAL_")));
    }
}
