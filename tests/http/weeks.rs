//! Weeks of history for the status page: a nightly event, a limit on the age of sessions, nights in which the machine slept,
//! a fleet, and an account that nobody lets in.
//! Never waits: the weeks were over before the server started.

use std::time::{Duration, SystemTime};

use hangup::clock::Now;
use hangup::connection::ending::PhaseTime;
use hangup::connection::error::ErrorName;
use hangup::connection::{Failure, Phase, Tier};
use hangup::diagnosis::{Cause, Claim, EventKind, Evidence, Finding, Pattern, Rule, Verdict};
use hangup::host::{Signal, SignalKind};
use hangup::lifecycle::{CloseCause, Event};

use crate::world::{Life, World, refused, wrong_password};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A home whose router restarts every night at four, a limit of a day, and a laptop that sleeps.
pub(crate) fn weeks(world: &World) {
    router(world);
    lifetime(world);
    laptop(world);
    let mut cellar = world.life("cellar", Duration::from_secs(7_200));
    for number in 1..=12 {
        cellar.fails(number, wrong_password()).skips(300);
    }
}

/// Drops at 04:00 every night for 30 days, and some others.
fn router(world: &World) {
    let mut home = world.life("home", Duration::from_secs(30 * DAY));
    let night = |at: SystemTime| {
        let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        DAY - (seconds + DAY - 4 * HOUR) % DAY
    };
    home.connects(30);
    for day in 0..29_u64 {
        let until = night(home.now.wall);
        if day % 9 == 4 {
            home.drops(until / 3, ErrorName::PingTimeout, "no answer to a ping for 15 s");
            home.connects(3);
        }
        let until = night(home.now.wall);
        home.drops(until + day % 7, ErrorName::UnexpectedHangup, "the broker hung up without a word");
        home.fails(1, refused()).fails(2, refused()).connects(40 + day % 5);
        if day % 4 == 0 {
            home.after(3 * HOUR, Event::Happened(EventKind::Command));
        }
    }
    explain(world, "home", |number, name| {
        if name == ErrorName::PingTimeout {
            let words = "3 packets were sent again and none was acknowledged";
            verdict(Cause::PathDead, Evidence::Observed, words)
        } else if number.is_multiple_of(5) {
            Verdict::unknown()
        } else {
            verdict(Cause::CalendarEvent, Evidence::Inferred, "it came at 04:00, as 28 of 32 drops did")
        }
    });
    let members = members(world, "home", ErrorName::UnexpectedHangup);
    conclude(world, "home", Finding {
        cause: Cause::CalendarEvent,
        or: None,
        evidence: Evidence::Inferred,
        claim: Claim {
            pattern: Pattern::Calendar { period: 86_400.0, phase: 14_400.0 },
            support: u32::try_from(members.len()).unwrap(),
            of: u32::try_from(members.len() + 3).unwrap(),
            members,
            p: 0.0001,
        },
        share: 0.9,
        first: home.now.wall - Duration::from_secs(29 * DAY),
        last: home.now.wall,
        since: home.now.wall - Duration::from_secs(24 * DAY),
        contradicted: 0,
        words: "29 of 32 drops came at 04:00 local time, within 6 s. Routers and providers often restart at night.".to_owned(),
        advice: "Look at what happens at 04:00: a restart of the router, a new address from the provider, a backup.".to_owned(),
        disproof: "A night without a drop at 04:00 while the session is up.".to_owned(),
        test: "Phase votes over days; wrong in 1 of 500 random histories.".to_owned(),
    });
}

/// Sessions that end after exactly a day, at an ever later time.
fn lifetime(world: &World) {
    let mut shop = world.life("shop", Duration::from_secs(12 * DAY));
    shop.connects(5);
    for round in 0..11_u64 {
        let length = if round % 4 == 3 { 7 * HOUR + round * 611 } else { DAY + round % 3 };
        if round == 6 {
            shop.closes(5 * HOUR, CloseCause::Reload);
        } else {
            shop.drops(length, ErrorName::UnexpectedHangup, "the broker hung up without a word");
        }
        shop.connects(400);
    }
    explain(world, "shop", |_, _| {
        verdict(Cause::ConnectionLifetimeLimit, Evidence::Suspected, "it ended politely 1 d after connecting")
    });
}

/// Drops whenever the lid is closed.
fn laptop(world: &World) {
    let mut laptop = world.life("laptop", Duration::from_secs(6 * DAY));
    laptop.connects(5);
    for night in 0..6_u64 {
        laptop.drops(14 * HOUR + night * 317, ErrorName::SocketTimeout, "nothing was acknowledged for 20 s");
        laptop.skips(8 * HOUR);
        let at = laptop.now;
        world.host.add(Signal { at, kind: SignalKind::Suspended(Duration::from_secs(8 * HOUR)) });
        for (seconds, kind) in [
            (1, SignalKind::LinkUp(2)),
            (3, SignalKind::AddressAdded(2, "192.0.2.77".parse().unwrap())),
            (3, SignalKind::RouteAdded),
            (4, SignalKind::ResolverChanged),
        ] {
            world.host.add(Signal { at: at.plus(Duration::from_secs(seconds)), kind });
        }
        laptop.connects(6);
    }
    laptop.closes(600, CloseCause::Renewal).connects(3);
    explain(world, "laptop", |_, _| {
        verdict(Cause::HostSuspended, Evidence::Observed, "this machine slept for 8 h when it happened")
    });
}

/// So many drops of one connection after sessions of all lengths, with what is thought of each.
pub(crate) fn storm(world: &World, drops: u32) {
    let mut one = world.life("storm", Duration::from_secs(25 * DAY));
    one.connects(5);
    for index in 0..u64::from(drops) {
        one.drops(60 + index * 7_919 % 3_000, ErrorName::UnexpectedHangup, "the broker hung up").connects(20);
    }
    explain(world, "storm", |_, _| Verdict::unknown());
}

fn verdict(cause: Cause, evidence: Evidence, words: &str) -> Verdict {
    Verdict { cause, evidence, rule: Rule::Pattern, words: words.to_owned() }
}

fn explain(world: &World, name: &str, think: impl Fn(u64, ErrorName) -> Verdict) {
    let status = world.board.snapshot().into_iter().find(|status| status.name == name).unwrap();
    status.history.write(|history| {
        let drops: Vec<_> =
            history.drops().map(|drop| (drop.number, drop.failure().unwrap().error)).collect();
        for (number, error) in drops {
            history.explain(number, think(number, error));
        }
    });
}

fn conclude(world: &World, name: &str, finding: Finding) {
    let status = world.board.snapshot().into_iter().find(|status| status.name == name).unwrap();
    status.history.write(|history| history.conclude(vec![finding]));
}

fn members(world: &World, name: &str, error: ErrorName) -> Vec<u64> {
    let status = world.board.snapshot().into_iter().find(|status| status.name == name).unwrap();
    status.history.read(|history| {
        let drops = history.drops().filter(|drop| drop.failure().unwrap().error == error);
        drops.map(|drop| drop.number).collect()
    })
}

impl Life {
    /// An attempt after so many seconds that passes every phase.
    fn connects(&mut self, seconds: u64) -> &mut Self {
        let jitter = self.now.at.since_boot().as_secs() % 23;
        self.after(seconds, Event::AttemptStarted { tier: Tier::Quick, number: 1 });
        for (phase, ms) in [
            (Phase::Dns, 4 + jitter),
            (Phase::Tcp, 21 + jitter),
            (Phase::Tls, 58 + 2 * jitter),
            (Phase::Websocket, 44 + jitter),
            (Phase::Connack, 39 + jitter),
        ] {
            self.after(0, Event::PhaseEntered(phase));
            let took = Duration::from_millis(ms);
            self.now = self.now.plus(took);
            self.after(0, Event::PhaseFinished(PhaseTime { phase, took }));
        }
        let accepted = Event::Established {
            session_present: false,
            attempts: 1,
            peer: "192.0.2.7:443".parse().unwrap(),
            local: "198.51.100.9:40000".parse().unwrap(),
            subscriptions: 4,
            keep_alive: Duration::from_secs(30),
            credentials_expire: None,
            certificate_expires: None,
        };
        self.after(0, accepted).after(0, Event::Restored { active: 4, refused: 0 })
    }

    fn skips(&mut self, seconds: u64) -> &mut Self {
        let Now { at, wall } = self.now.plus(Duration::from_secs(seconds));
        self.now = Now { at, wall };
        self
    }
}

/// A fleet of heaters, some of which drop.
pub(crate) fn fleet(world: &World, count: u32) {
    for index in 0..count {
        let mut heater = world.life(&format!("heater-{index:04}"), Duration::from_secs(DAY));
        heater.goes_online(5);
        if index % 3 == 0 {
            heater
                .drops(u64::from(index) * 37 + 60, ErrorName::UnexpectedHangup, "the broker hung up")
                .goes_online(3);
        }
        if index % 40 == 11 {
            heater.drops(9_000, ErrorName::UnexpectedHangup, "the broker hung up");
            heater.fails(
                1,
                Failure::new(Phase::Tls, ErrorName::TlsUnknownRoot, "unknown certificate authority"),
            );
        }
    }
}
