//! `[connection.fleet]`: what the broker says of its clients.

/// Which broker says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fleet {
    /// Presence events of AWS IoT Core.
    AwsIot,
}
