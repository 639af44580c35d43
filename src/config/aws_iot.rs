//! `[connection.source.aws_iot]`: AWS IoT Core.

/// An endpoint of AWS IoT Core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsIot {
    /// Its host.
    pub endpoint: String,
}
