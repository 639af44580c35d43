//! The limits of the broker, as AWS IoT Core publishes them (connection-errors.md §7), and the ends they lead to. Pure.
//!
//! Never hidden in code: every number is a field, so that a test can make it small.

use std::time::Duration;

/// The broker's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A connection of this age is closed at its next message.
    pub lifetime: Duration,
    /// A CONNECT must come within this time of the upgrade.
    pub connect_within: Duration,
    /// At least this long between two CONNECTs of one client id.
    pub connect_interval: Duration,
    /// Shortest keep-alive; shorter ones count as this.
    pub shortest_keep_alive: Duration,
    /// Longest keep-alive; longer ones and none count as this.
    pub longest_keep_alive: Duration,
    /// A persistent session is forgotten this long after its connection.
    pub session_expiry: Duration,
    /// Filters in one SUBSCRIBE.
    pub filters_per_subscribe: usize,
    /// Filters on one connection.
    pub filters_per_connection: usize,
    /// Messages that a client may publish on one connection; at the next one it is closed. AWS has no such limit, others do.
    pub messages_per_connection: Option<u64>,
    /// Messages a second on one connection, both ways together; more are discarded.
    pub messages_per_second: u32,
    /// Unacknowledged QoS 1 messages to one client; more wait.
    pub in_flight: usize,
    /// Messages kept for one client that is away or slow.
    pub queued: usize,
    /// Bytes of a payload.
    pub payload: usize,
    /// Bytes of a topic.
    pub topic: usize,
    /// Slashes in a topic.
    pub slashes: usize,
    /// Bytes of a client id.
    pub client_id: usize,
}

impl Rules {
    /// AWS IoT Core, with the rules that take hours made `speed` times faster.
    #[must_use]
    pub fn aws(speed: f64) -> Self {
        let hours = |hours: f64| Duration::from_secs_f64(hours * 3600.0 / speed.max(1e-3));
        Self {
            lifetime: hours(24.0),
            connect_within: Duration::from_secs(15),
            connect_interval: Duration::from_secs(1),
            shortest_keep_alive: Duration::from_secs(30),
            longest_keep_alive: Duration::from_secs(1200),
            session_expiry: hours(1.0),
            filters_per_subscribe: 8,
            filters_per_connection: 50,
            messages_per_connection: None,
            messages_per_second: 100,
            in_flight: 100,
            queued: 1000,
            payload: 128 * 1024,
            topic: 256,
            slashes: 7,
            client_id: 128,
        }
    }

    /// The silence after which a client that asked for this keep-alive is given up.
    #[must_use]
    pub fn patience(&self, asked: Duration) -> Duration {
        let keep_alive = if asked.is_zero() {
            self.longest_keep_alive
        } else {
            asked.clamp(self.shortest_keep_alive, self.longest_keep_alive)
        };
        keep_alive * 3 / 2
    }
}

/// Why the broker ended a connection. Never told to a 3.1.1 client; the log says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The client said DISCONNECT.
    ClientLeft,
    /// Another connection came with the same client id.
    TakenOver,
    /// The client was silent for 1.5 times its keep-alive.
    KeepAlive,
    /// Too old.
    Lifetime,
    /// A topic or client id that the account may not use.
    Denied,
    /// Something that MQTT or AWS does not allow.
    Protocol,
    /// A limit of size or number.
    Limit,
    /// CONNECTs of one client id too close together.
    TooSoon,
    /// CONNACK with an error code.
    Refused,
    /// A fault that a person or a story asked for.
    Fault,
}

impl Reason {
    /// A word for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientLeft => "client left",
            Self::TakenOver => "taken over by the same client id",
            Self::KeepAlive => "keep-alive passed",
            Self::Lifetime => "lifetime reached",
            Self::Denied => "not allowed by the policy",
            Self::Protocol => "protocol breach",
            Self::Limit => "limit passed",
            Self::TooSoon => "connected again too soon",
            Self::Refused => "refused",
            Self::Fault => "scripted fault",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alives_are_clamped_as_documented() {
        let rules = Rules::aws(1.0);
        for (asked, patience) in [(0, 1800), (5, 45), (30, 45), (60, 90), (5000, 1800)] {
            assert_eq!(rules.patience(Duration::from_secs(asked)).as_secs(), patience, "{asked}");
        }
    }

    #[test]
    fn hours_are_compressed_and_seconds_are_not() {
        let rules = Rules::aws(24.0);
        assert_eq!((rules.lifetime.as_secs(), rules.connect_interval.as_secs()), (3600, 1));
    }
}
