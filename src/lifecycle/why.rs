//! Why a connection waits, in words for an operator.
//!
//! Only names the reason: how long is decided by `connection::machine`.

/// Why the connection waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A session dropped.
    Dropped,
    /// A network-class failure.
    Network,
    /// The network came back during a wait for it.
    NetworkBack,
    /// A service-class failure.
    Service,
    /// Credentials were refused; the next attempt gets new ones.
    Credentials,
    /// New credentials were refused too, or this policy obtains none.
    CredentialsRefused,
    /// A setup-class failure.
    Setup,
    /// One short session after the other.
    Kicked,
    /// Takeover quarantine.
    Takeover,
    /// The limit of attempts is reached.
    AttemptLimit,
    /// We closed, and two CONNECTs need their distance.
    Spacing,
    /// Other connections of this process go first.
    Turn,
}

impl Why {
    /// Whether the wait is a decision to keep away that an operator should hear of.
    #[must_use]
    pub const fn keeps_away(self) -> bool {
        matches!(self, Self::Takeover | Self::AttemptLimit)
    }

    /// A sentence for the status page and the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "the session dropped; trying again soon",
            Self::Network => "after a network error; short waits until it works again",
            Self::NetworkBack => "the network came back; trying again now",
            Self::Service => "after an error of the service; growing waits so as not to burden it",
            Self::Credentials => "credentials were refused; obtaining them or reading them anew",
            Self::CredentialsRefused => {
                "credentials were refused again; only other ones will help: waiting as long as `max_delay_setup` allows"
            }
            Self::Setup => "only a change of the set-up or the account will help; trying again rarely",
            Self::Kicked => "sessions end soon after they begin; waiting longer each time",
            Self::Takeover => {
                "takeover quarantine: another client seems to use the same client id; staying away for a while"
            }
            Self::AttemptLimit => "the limit of attempts is reached; resting before counting anew",
            Self::Spacing => "keeping the distance between two connects",
            Self::Turn => "waiting for its turn: so many connects a second and no more, as `[limits]` says",
        }
    }
}
