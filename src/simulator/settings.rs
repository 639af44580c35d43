//! What a demo cloud is started with.
//!
//! Never read from a file: tests and the command line fill it in.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::heater::{Mode, Volume};
use super::story::Story;
use super::vault::Account;
use crate::config::Secret;

/// E-mail of the demo account.
pub const DEMO_EMAIL: &str = "demo@hangup.example";
/// Password of the demo account.
pub const DEMO_PASSWORD: &str = "hot-water";

/// One device of the demo cloud.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaterSettings {
    /// The owner's label.
    pub name: String,
    /// 12 lower-case hex digits.
    pub mac: String,
    /// Opaque; may be empty.
    pub additional_value: String,
    /// 52; others are listed and never answer.
    pub device_type: u16,
    /// Index of the account that owns it.
    pub account: usize,
    /// Tank size.
    pub volume: Volume,
    /// Mode at the start.
    pub mode: Mode,
    /// Setpoint in degrees Celsius.
    pub setpoint: f64,
    /// Hot water used a day in litres.
    pub litres_a_day: f64,
}

/// What a demo cloud is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where REST listens; port 0 picks one.
    pub rest: SocketAddr,
    /// Where the broker listens; port 0 picks one.
    pub mqtt: SocketAddr,
    /// The name that clients use for both.
    pub host: String,
    /// The region that signatures must name.
    pub region: String,
    /// How many times faster than in life the rules are that take hours: 24 h connections, 1 h sessions.
    pub speed: f64,
    /// How many times faster the heaters live.
    pub model_speed: f64,
    /// Life of tokens and AWS keys (3600 s in life), not changed by `speed`.
    pub credential_lifetime: Duration,
    /// How long a heater takes to answer.
    pub round_trip: RangeInclusive<Duration>,
    /// Commands closer together than this are refused by a heater.
    pub command_pause: Duration,
    /// Device info, firmware and tariff answer 403, as seen on some accounts.
    pub secondary_forbidden: bool,
    /// A client that publishes more messages than this on one connection is closed. The real cloud has no such limit.
    pub message_limit: Option<u64>,
    /// Every connection is closed whenever the wall clock comes to a multiple of this since the Unix epoch: the forced
    /// disconnect that a provider makes every night, with nights of this length. Not changed by `speed`.
    pub curfew: Option<Duration>,
    /// Whether the policy of the accounts allows presence events: who connects and who goes, and why.
    pub presence: bool,
    /// Everything random follows from it.
    pub seed: u64,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// The devices.
    pub heaters: Vec<HeaterSettings>,
    /// What goes wrong by itself.
    pub story: Option<Story>,
}

impl Default for Settings {
    /// One account, two heaters, ports picked by the system, everything at the speed of life, nothing goes wrong.
    fn default() -> Self {
        Self {
            rest: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            mqtt: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            host: "localhost".to_owned(),
            region: "us-east-1".to_owned(),
            speed: 1.0,
            model_speed: 1.0,
            credential_lifetime: Duration::from_secs(3600),
            round_trip: Duration::from_millis(200)..=Duration::from_millis(1500),
            command_pause: Duration::from_secs(3),
            secondary_forbidden: false,
            message_limit: None,
            curfew: None,
            presence: false,
            seed: 1,
            accounts: vec![Account {
                email: Secret::new(DEMO_EMAIL),
                password: Secret::new(DEMO_PASSWORD),
                user_seq: 30_001,
                home_seq: 20_001,
            }],
            heaters: vec![
                heater("Cellar", "020000aabb01", "0042", Volume::Gallons65, Mode::EnergySaver, 60.5, 260.0),
                heater("Guest house", "020000aabb02", "", Volume::Gallons50, Mode::HighDemand, 55.0, 180.0),
            ],
            story: None,
        }
    }
}

impl Settings {
    /// What `hangup demo` wants: heaters that live a minute a second, hours made short, and a story.
    #[must_use]
    pub fn demo(seed: u64) -> Self {
        Self {
            speed: 6.0,
            model_speed: 60.0,
            credential_lifetime: Duration::from_secs(600),
            round_trip: Duration::from_millis(60)..=Duration::from_millis(400),
            seed,
            story: Some(Story::demo(seed)),
            ..Self::default()
        }
    }
}

fn heater(
    name: &str,
    mac: &str,
    additional_value: &str,
    volume: Volume,
    mode: Mode,
    setpoint: f64,
    litres_a_day: f64,
) -> HeaterSettings {
    HeaterSettings {
        name: name.to_owned(),
        mac: mac.to_owned(),
        additional_value: additional_value.to_owned(),
        device_type: 52,
        account: 0,
        volume,
        mode,
        setpoint,
        litres_a_day,
    }
}
