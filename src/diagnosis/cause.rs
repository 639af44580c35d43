//! Causes of drops, how well each is known, and the verdict on one drop: closed sets. Pure.
//! Never a name that is not in `connection-errors.md` section 8.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The label value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What we think happened. The label `cause`.
    Cause {
        /// A NAT or firewall forgot a silent connection.
        NatIdleTimeout = "nat_idle_timeout",
        /// Packets do not arrive any more, in one direction or both.
        PathDead = "path_dead",
        /// The broker's kernel answers and the broker does not.
        BrokerStalled = "broker_stalled",
        /// The broker heard nothing from us for 1.5 keep-alives.
        KeepaliveTimeoutServer = "keepalive_timeout_server",
        /// Another client connected with our client id.
        SessionTakenOver = "session_taken_over",
        /// The broker closed because of what we published or subscribed to.
        PolicyViolation = "policy_violation",
        /// Credentials lapsed.
        CredentialExpired = "credential_expired",
        /// Credentials were refused.
        CredentialRejected = "credential_rejected",
        /// Sessions of this age are closed.
        ConnectionLifetimeLimit = "connection_lifetime_limit",
        /// Something happens at this time of the clock.
        CalendarEvent = "calendar_event",
        /// Sessions are closed after so many messages or bytes.
        MessageLimit = "message_limit",
        /// A message was larger than allowed.
        PayloadTooLarge = "payload_too_large",
        /// We ask for too much.
        Throttled = "throttled",
        /// It follows an event of ours.
        ProvokedByEvent = "provoked_by_event",
        /// The name was not resolved.
        DnsFailure = "dns_failure",
        /// Nobody listens there.
        TcpRefused = "tcp_refused",
        /// There is no way there.
        TcpUnreachable = "tcp_unreachable",
        /// The broker's certificate is not trusted.
        TlsTrust = "tls_trust",
        /// Our certificate is not accepted.
        TlsClientCert = "tls_client_cert",
        /// Our clock is wrong.
        ClockSkew = "clock_skew",
        /// This machine slept.
        HostSuspended = "host_suspended",
        /// An address, a link or a route of this machine changed.
        LocalNetworkChange = "local_network_change",
        /// The broker started anew.
        BrokerRestart = "broker_restart",
        /// The broker has too much to do.
        BrokerOverloaded = "broker_overloaded",
        /// The broker's operator moves its clients.
        ServerMaintenance = "server_maintenance",
        /// A fault inside the broker.
        ServerError = "server_error",
        /// Somebody disconnected us on purpose.
        Administrative = "administrative",
        /// Something between us and the broker answered in its place.
        ProxyOrPortal = "proxy_or_portal",
        /// The broker broke the protocol.
        ProtocolError = "protocol_error",
        /// We broke the protocol.
        ClientBug = "client_bug",
        /// We stopped.
        ClientShutdown = "client_shutdown",
        /// We closed to prevent something worse.
        PlannedRotation = "planned_rotation",
        /// A setting is wrong.
        Config = "config",
        /// Nothing points anywhere.
        Unknown = "unknown",
    }
}

words! {
    /// How well a cause is known. The label `evidence`.
    Evidence {
        /// The server or the kernel said so.
        Stated = "stated",
        /// Seen directly, on the transport or on this machine.
        Observed = "observed",
        /// A test passed: it fits.
        Inferred = "inferred",
        /// It looks like it, and other causes look the same.
        Suspected = "suspected",
        /// Nothing points anywhere.
        None = "none",
    }
}

words! {
    /// The rule of `drop-diagnosis.md` section 2 that gave a verdict.
    Rule {
        /// The peer gave a reason.
        PeerGaveReason = "D1",
        /// This machine slept.
        Suspend = "D2",
        /// Our address or link went away.
        AddressRemoved = "D3",
        /// A route or another address changed.
        RouteChanged = "D4",
        /// Dead at the first packet after a long silence.
        AfterSilence = "D5",
        /// Our packets were not acknowledged.
        NotAcknowledged = "D6",
        /// Our packets were acknowledged and not answered.
        NotAnswered = "D7",
        /// We were silent for too long.
        WeWereSilent = "D8",
        /// An orderly close right after a packet of ours.
        AfterPacket = "D9",
        /// Connects were refused afterwards.
        ConnectsRefused = "D10",
        /// An orderly close at a known limit.
        KnownLimit = "D11",
        /// The peer is no MQTT broker.
        NotMqtt = "D12",
        /// The error's own name leaves one cause.
        Named = "name",
        /// The drop belongs to a pattern that a test found.
        Pattern = "pattern",
        /// No rule matched.
        Nothing = "none",
    }
}

impl Cause {
    /// The causes that a test over many drops can find: the label `finding` of `mqtt_client_finding`.
    pub const FINDINGS: &[Self] = &[
        Self::NatIdleTimeout,
        Self::SessionTakenOver,
        Self::PolicyViolation,
        Self::PayloadTooLarge,
        Self::ConnectionLifetimeLimit,
        Self::CalendarEvent,
        Self::MessageLimit,
        Self::ProvokedByEvent,
        Self::BrokerRestart,
        Self::ServerMaintenance,
        Self::PathDead,
    ];
}

impl Cause {
    /// What direct evidence can say of one drop: the label pairs of `mqtt_client_drop_causes_total` that exist from the start.
    pub const VERDICTS: &[(Self, Evidence)] = &[
        (Self::SessionTakenOver, Evidence::Stated),
        (Self::PolicyViolation, Evidence::Stated),
        (Self::CredentialExpired, Evidence::Stated),
        (Self::CredentialRejected, Evidence::Stated),
        (Self::ConnectionLifetimeLimit, Evidence::Stated),
        (Self::PayloadTooLarge, Evidence::Stated),
        (Self::Throttled, Evidence::Stated),
        (Self::KeepaliveTimeoutServer, Evidence::Stated),
        (Self::BrokerOverloaded, Evidence::Stated),
        (Self::ServerMaintenance, Evidence::Stated),
        (Self::ServerError, Evidence::Stated),
        (Self::Administrative, Evidence::Stated),
        (Self::ProtocolError, Evidence::Stated),
        (Self::ClientBug, Evidence::Stated),
        (Self::BrokerRestart, Evidence::Stated),
        (Self::Config, Evidence::Stated),
        (Self::TlsClientCert, Evidence::Stated),
        (Self::PathDead, Evidence::Stated),
        (Self::ClientShutdown, Evidence::Stated),
        (Self::HostSuspended, Evidence::Observed),
        (Self::LocalNetworkChange, Evidence::Observed),
        (Self::LocalNetworkChange, Evidence::Suspected),
        (Self::NatIdleTimeout, Evidence::Suspected),
        (Self::PathDead, Evidence::Observed),
        (Self::BrokerStalled, Evidence::Observed),
        (Self::KeepaliveTimeoutServer, Evidence::Inferred),
        (Self::PolicyViolation, Evidence::Suspected),
        (Self::BrokerRestart, Evidence::Inferred),
        (Self::ConnectionLifetimeLimit, Evidence::Suspected),
        (Self::ProxyOrPortal, Evidence::Observed),
        (Self::ProtocolError, Evidence::Observed),
        (Self::ClientBug, Evidence::Observed),
        (Self::PayloadTooLarge, Evidence::Observed),
        (Self::TcpUnreachable, Evidence::Observed),
        (Self::Unknown, Evidence::None),
    ];
}

/// What is thought of one drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What happened.
    pub cause: Cause,
    /// How well that is known.
    pub evidence: Evidence,
    /// What it rests on.
    pub rule: Rule,
    /// What was seen, in a sentence for a person. No secret, no address, no topic with an identity.
    pub words: String,
}

impl Verdict {
    /// Nothing points anywhere.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            cause: Cause::Unknown,
            evidence: Evidence::None,
            rule: Rule::Nothing,
            words: "nothing that was seen points to a cause".to_owned(),
        }
    }
}
