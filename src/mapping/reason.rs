//! Why nothing came of a message, or of a part of it.
//!
//! Pure. Never says what stood in it.

use crate::reading::Refused;

/// Why something came to nothing. The label `reason` of `mqtt_client_mapping_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No subscription of the configuration is about this topic.
    UnknownTopic,
    /// No rule found anything in the message.
    NothingFound,
    /// The payload is not in its format.
    Malformed,
    /// The payload is nested too deep.
    TooDeep,
    /// The payload is too large to be looked at.
    Oversize,
    /// The payload is not UTF-8.
    NotText,
    /// A value is no number.
    NotANumber,
    /// A counter or a histogram does not take a negative value.
    Negative,
    /// A word is none of those that the rule knows.
    UnknownWord,
    /// The device's template stands for nothing.
    NoDevice,
    /// One device too many.
    DeviceLimit,
    /// One series too many, or a name that has another type.
    SeriesRefused,
    /// Another connection has the very same series.
    SeriesTaken,
    /// More values than one message may have, or more names than one rule may make.
    TooManyValues,
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limit | Refused::Name => Self::SeriesRefused,
            Refused::Taken => Self::SeriesTaken,
        }
    }
}

impl Reason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::UnknownTopic,
        Self::NothingFound,
        Self::Malformed,
        Self::TooDeep,
        Self::Oversize,
        Self::NotText,
        Self::NotANumber,
        Self::Negative,
        Self::UnknownWord,
        Self::NoDevice,
        Self::DeviceLimit,
        Self::SeriesRefused,
        Self::SeriesTaken,
        Self::TooManyValues,
    ];

    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownTopic => "unknown_topic",
            Self::NothingFound => "nothing_found",
            Self::Malformed => "malformed",
            Self::TooDeep => "too_deep",
            Self::Oversize => "oversize",
            Self::NotText => "not_text",
            Self::NotANumber => "not_a_number",
            Self::Negative => "negative",
            Self::UnknownWord => "unknown_word",
            Self::NoDevice => "no_device",
            Self::DeviceLimit => "device_limit",
            Self::SeriesRefused => "series_refused",
            Self::SeriesTaken => "series_taken",
            Self::TooManyValues => "too_many_values",
        }
    }
}
