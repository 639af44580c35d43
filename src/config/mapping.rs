//! `[[connection.subscribe]]`: topic filters, and what becomes of their messages.

/// One topic filter with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    /// The topic filter.
    pub filter: String,
    /// 0, 1 or 2.
    pub qos: u8,
}
