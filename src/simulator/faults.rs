//! Everything that can go wrong on purpose, and which of it is going on. Pure.
//!
//! Never does it: the world and the wire do.

use std::time::Duration;

use super::broker::Suback;
use crate::clock::Instant;

/// One thing to go wrong. Faults of connections hit every connection there is at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Orderly close: TLS `close_notify`, then FIN.
    HangUp,
    /// WebSocket close frame with this code, then an orderly close.
    WebsocketClose(u16),
    /// FIN without `close_notify`, as when a process is killed.
    Fin,
    /// RST.
    Reset,
    /// The path dies: nothing arrives and nothing is acknowledged, for this long. Then the connection is forgotten (RST).
    Silence(Duration),
    /// The broker reads and says nothing, not even CONNACK or PINGRESP, for this long. Then it restarts.
    Frozen(Duration),
    /// Nobody listens on the MQTT port for this long: connections end (FIN), new ones are refused.
    Down(Duration),
    /// The right password is called wrong for this long.
    RefusedSignIn(Duration),
    /// Every AWS key lapses now.
    ExpiredCredentials,
    /// Every access token lapses now.
    ExpiredAccess,
    /// REST answers with this status for this long.
    RestStatus(u16, Duration),
    /// Upgrades are answered with this status for this long.
    UpgradeStatus(u16, Duration),
    /// CONNECTs are refused with this CONNACK code (1 to 5) for this long.
    Connack(u8, Duration),
    /// Another client with the same id connects.
    Takeover,
    /// The next so many publishes close their connection, without a reason.
    PolicyClose(u32),
    /// Subscriptions are answered like this for this long.
    Suback(Suback, Duration),
    /// Bytes that are no MQTT.
    Garbage,
    /// A text frame, where only binary ones are allowed.
    TextFrame,
    /// A message with a payload of this many bytes.
    Oversize(usize),
    /// The heater with this index does not answer, for this long.
    HeaterOffline(usize, Duration),
    /// Each of the next so many sessions is ended (FIN and RST in turn) this long after its CONNACK; also those there are.
    Storm {
        /// Sessions to end.
        times: u32,
        /// Life of each.
        after: Duration,
        /// The storm is over after this, finished or not.
        lasts: Duration,
    },
}

impl Fault {
    /// What the viewer of the log reads.
    #[must_use]
    pub fn describe(&self) -> String {
        let seconds = |d: &Duration| format!("{:.1} s", d.as_secs_f64());
        match self {
            Self::HangUp => "hangs up (close_notify)".to_owned(),
            Self::WebsocketClose(code) => format!("closes the WebSocket with code {code}"),
            Self::Fin => "drops connections (bare FIN)".to_owned(),
            Self::Reset => "resets connections (RST)".to_owned(),
            Self::Silence(d) => format!("loses the network path for {}", seconds(d)),
            Self::Frozen(d) => format!("freezes its broker for {}", seconds(d)),
            Self::Down(d) => format!("stops listening for {}", seconds(d)),
            Self::RefusedSignIn(d) => format!("refuses sign-ins for {}", seconds(d)),
            Self::ExpiredCredentials => "lets all AWS credentials expire".to_owned(),
            Self::ExpiredAccess => "lets all access tokens expire".to_owned(),
            Self::RestStatus(status, d) => format!("answers REST with {status} for {}", seconds(d)),
            Self::UpgradeStatus(status, d) => format!("answers upgrades with {status} for {}", seconds(d)),
            Self::Connack(code, d) => format!("refuses CONNECT with code {code} for {}", seconds(d)),
            Self::Takeover => "lets another client connect with the same client id".to_owned(),
            Self::PolicyClose(count) => format!("denies the next {count} publishes"),
            Self::Suback(how, d) => format!("answers subscriptions {how:?} for {}", seconds(d)),
            Self::Garbage => "sends bytes that are no MQTT".to_owned(),
            Self::TextFrame => "sends a WebSocket text frame".to_owned(),
            Self::Oversize(bytes) => format!("sends a message of {bytes} bytes"),
            Self::HeaterOffline(index, d) => format!("heater {} goes offline for {}", index + 1, seconds(d)),
            Self::Storm { times, lasts, .. } => {
                format!("ends {times} sessions one after the other within {}", seconds(lasts))
            }
        }
    }
}

/// How a network connection is brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `close_notify`, FIN.
    HangUp,
    /// WebSocket close frame with this code, `close_notify`, FIN.
    WebsocketClose(u16),
    /// FIN.
    Fin,
    /// RST.
    Reset,
    /// Nothing at all for this long, then RST.
    Silence(Duration),
}

/// Something in force until a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spell<T> {
    what: T,
    until: Instant,
}

/// The faults that last.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    pub(super) frozen: Option<Spell<()>>,
    pub(super) refused_sign_in: Option<Spell<()>>,
    pub(super) rest: Option<Spell<u16>>,
    pub(super) upgrade: Option<Spell<u16>>,
    pub(super) connack: Option<Spell<u8>>,
    pub(super) suback: Option<Spell<Suback>>,
    pub(super) storm: Option<Spell<Storm>>,
}

/// What is left of a storm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storm {
    pub(super) left: u32,
    pub(super) after: Duration,
}

impl<T: Copy> Spell<T> {
    pub(super) fn new(what: T, until: Instant) -> Self {
        Self { what, until }
    }

    /// What is in force at `now`.
    pub(super) fn at(spell: Option<Self>, now: Instant) -> Option<T> {
        spell.filter(|spell| now < spell.until).map(|spell| spell.what)
    }

    pub(super) fn until(&self) -> Instant {
        self.until
    }

    pub(super) fn what_mut(&mut self) -> &mut T {
        &mut self.what
    }
}
