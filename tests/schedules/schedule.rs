//! A random schedule: how the connection is set up, and what goes wrong when.
//! Never random twice: everything follows from the seed.

use std::time::Duration;

use hangup::config::{Policy, Recovery};
use hangup::connection::error::RetryClass;
use hangup::simulator::Fault;
use hangup::simulator::broker::Suback;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Incident {
    /// Of the cloud's own making.
    Cloud(Fault),
    /// Nothing gets through in either direction, for this long. What was sent waits.
    PathLost(Duration),
    /// Every packet takes up to this long (first), for so long (second).
    Slow(Duration, Duration),
    /// Credentials cannot be had, for this long; some failures name a wait.
    PlanFails(RetryClass, Option<Duration>, Duration),
    /// The planner never answers, for this long.
    PlanHangs(Duration),
    /// The link of this moment says nothing any more.
    LinkHangs,
    /// A polite close takes far too long, for this long.
    CloseHangs(Duration),
    /// An address or a default route is back.
    NetworkBack,
    /// The machine sleeps.
    Suspend(Duration),
    /// The wall clock steps by so many seconds.
    WallStep(i64),
    /// So many requests at once.
    Burst(u32),
    /// The configuration changes: this connection stops and another one begins.
    Reload,
    /// The exporter stops.
    Stop,
}

/// A set-up and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) policy: Policy,
    pub(crate) keep_alive: Duration,
    pub(crate) clean_session: bool,
    pub(crate) filters_per_subscribe: usize,
    /// How many times shorter the cloud's hours are.
    pub(crate) speed: f64,
    pub(crate) status_interval: Duration,
    /// Since the start, in order.
    pub(crate) incidents: Vec<(Duration, Incident)>,
    /// When the last trouble is over.
    pub(crate) calm: Duration,
}

impl Schedule {
    /// The schedule of this seed.
    pub(crate) fn random(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let recovery = match rng.u8(0..10) {
            0 => Recovery::ResetAndRetry,
            1 => Recovery::RecreateClient,
            2 => Recovery::RefreshCredentials,
            3 => Recovery::Exponential,
            _ => Recovery::TwoTier,
        };
        let length = Duration::from_secs(rng.u64(900..4800));
        let mut incidents = Vec::new();
        for _ in 0..rng.u32(3..14) {
            incidents.push((length.mul_f64(rng.f64()), incident(&mut rng)));
        }
        let at = length.mul_f64(rng.f64());
        match rng.u8(0..20) {
            0 => incidents.push((at, gale(&mut rng))),
            1 => incidents.extend(rivalry(at, &mut rng)),
            2 => incidents.push((at, Incident::Stop)),
            3 | 4 => incidents.push((at, Incident::Reload)),
            _ => {}
        }
        incidents.sort_by_key(|(at, _)| *at);
        let calm = incidents.iter().map(|(at, incident)| *at + lasts(incident)).max().unwrap_or_default();
        Self {
            seed,
            policy: Policy::preset(recovery),
            keep_alive: Duration::from_secs(*rng.choice([30, 30, 60, 300].iter()).unwrap()),
            clean_session: rng.u8(0..3) > 0,
            filters_per_subscribe: if rng.bool() { 8 } else { 1 },
            speed: if rng.u8(0..4) == 0 { 24.0 } else { 1.0 },
            status_interval: Duration::from_secs(rng.u64(120..1200)),
            incidents,
            calm,
        }
    }
}

fn incident(rng: &mut fastrand::Rng) -> Incident {
    match rng.u8(0..20) {
        0..=8 => Incident::Cloud(fault(rng)),
        9 | 10 => Incident::PathLost(spell(rng)),
        11 => Incident::Slow(Duration::from_millis(rng.u64(200..12_000)), spell(rng)),
        12 => {
            let class = [RetryClass::Network, RetryClass::Service, RetryClass::Credential, RetryClass::Setup];
            let after = rng.bool().then(|| Duration::from_secs(rng.u64(0..RETRY_AFTER.as_secs())));
            Incident::PlanFails(*rng.choice(class.iter()).unwrap(), after, spell(rng))
        }
        13 => Incident::PlanHangs(spell(rng)),
        14 => Incident::LinkHangs,
        15 => Incident::CloseHangs(spell(rng)),
        16 => Incident::NetworkBack,
        17 => Incident::Suspend(spell(rng) * 4),
        18 => Incident::WallStep(rng.i64(-100_000..100_000)),
        // Mostly few, sometimes more than may be under way.
        _ => Incident::Burst(rng.u32(1..130) / rng.u32(1..10)),
    }
}

/// The longest wait that a failing planner asks for.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(120);

fn fault(rng: &mut fastrand::Rng) -> Fault {
    match rng.u8(0..22) {
        0 => Fault::HangUp,
        1 => Fault::WebsocketClose(*rng.choice([1000, 1001, 1006, 1011].iter()).unwrap()),
        2 => Fault::Fin,
        3 => Fault::Reset,
        4 => Fault::Silence(spell(rng)),
        5 => Fault::Frozen(spell(rng)),
        6 => Fault::Down(spell(rng)),
        7 => Fault::RefusedSignIn(spell(rng)),
        8 => Fault::ExpiredCredentials,
        9 => Fault::ExpiredAccess,
        10 => Fault::RestStatus(*rng.choice([403, 429, 500, 503].iter()).unwrap(), spell(rng)),
        11 => Fault::UpgradeStatus(*rng.choice([401, 403, 404, 429, 503].iter()).unwrap(), spell(rng)),
        12 => Fault::Connack(rng.u8(1..6), spell(rng)),
        13 => Fault::Takeover,
        14 => Fault::PolicyClose(rng.u32(1..6)),
        15 => Fault::Suback(Suback::Late(Duration::from_secs(rng.u64(1..15))), spell(rng)),
        16 => Fault::Suback(Suback::Refused, spell(rng)),
        17 => Fault::Suback(Suback::Missing, spell(rng)),
        18 => Fault::Garbage,
        19 => Fault::TextFrame,
        20 => Fault::Oversize(rng.usize(1000..300_000)),
        _ => Fault::HeaterOffline(0, spell(rng)),
    }
}

/// Each session is ended soon after it began, for an hour or two.
fn gale(rng: &mut fastrand::Rng) -> Incident {
    let after = Duration::from_millis(rng.u64(0..40_000));
    Incident::Cloud(Fault::Storm { times: 100_000, after, lasts: Duration::from_secs(rng.u64(3600..9000)) })
}

/// Another client has the same id and comes back again and again, for an hour.
fn rivalry(at: Duration, rng: &mut fastrand::Rng) -> Vec<(Duration, Incident)> {
    let pause = rng.u64(2..40);
    (0..3600 / pause)
        .map(|n| (at + Duration::from_secs(n * pause), Incident::Cloud(Fault::Takeover)))
        .collect()
}

/// Mostly seconds, sometimes a quarter of an hour.
fn spell(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_secs_f64(10_f64.powf(3.0 * rng.f64()))
}

fn lasts(incident: &Incident) -> Duration {
    match incident {
        Incident::Cloud(fault) => fault_lasts(fault),
        Incident::PathLost(lasts)
        | Incident::Slow(_, lasts)
        | Incident::PlanFails(_, _, lasts)
        | Incident::PlanHangs(lasts)
        | Incident::CloseHangs(lasts)
        | Incident::Suspend(lasts) => *lasts,
        Incident::LinkHangs
        | Incident::NetworkBack
        | Incident::WallStep(_)
        | Incident::Burst(_)
        | Incident::Reload
        | Incident::Stop => Duration::ZERO,
    }
}

fn fault_lasts(fault: &Fault) -> Duration {
    match fault {
        Fault::Silence(lasts)
        | Fault::Frozen(lasts)
        | Fault::Down(lasts)
        | Fault::RefusedSignIn(lasts)
        | Fault::RestStatus(_, lasts)
        | Fault::UpgradeStatus(_, lasts)
        | Fault::Connack(_, lasts)
        | Fault::Suback(Suback::Prompt | Suback::Refused | Suback::Missing, lasts)
        | Fault::HeaterOffline(_, lasts) => *lasts,
        // What began in its last moment ends later.
        Fault::Suback(Suback::Late(after), lasts) | Fault::Storm { lasts, after, .. } => *lasts + *after,
        // A rival that came too soon tries again.
        Fault::Takeover => Duration::from_secs(2),
        Fault::HangUp
        | Fault::WebsocketClose(_)
        | Fault::Fin
        | Fault::Reset
        | Fault::ExpiredCredentials
        | Fault::ExpiredAccess
        | Fault::PolicyClose(_)
        | Fault::Garbage
        | Fault::TextFrame
        | Fault::Oversize(_) => Duration::ZERO,
    }
}
