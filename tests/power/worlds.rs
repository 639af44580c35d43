//! Worlds in which connections drop for a known reason: section 7 of drop-diagnosis.md, with what it leaves open filled in.
//! Never looks at what the diagnosis makes of them.
//!
//! Reconnects take 1 to 10 s, the keep-alive is 60 s. "30 % random drops" die at an age that is even between nothing and
//! the limit. Rates vary normally, and the limit of messages itself by 1 %; commands come every hour on average, and kill
//! within two seconds. The specification does not say so: these were chosen to meet its first columns, so that the columns
//! after them are the proof.

use fastrand::Rng;
use hangup::connection::ending::EndedBy;
use hangup::diagnosis::{Case, Counts, EventKind, Events, Lived, Verdict};

/// Seconds of a day.
pub const DAY: f64 = 86_400.0;
/// Seconds of an hour.
pub const HOUR: f64 = 3_600.0;

/// A history of so many drops.
pub type World = fn(&mut Rng, usize) -> Case;

/// Sessions one after the other, whose ages are given by when they began.
fn lived(dice: &mut Rng, drops: usize, mut age: impl FnMut(&mut Rng, f64) -> f64) -> Case {
    let mut start = 1_700_000_000.0 + dice.f64() * DAY;
    let mut case = Case::default();
    for number in 0..drops {
        let age = age(dice, start);
        case.sessions.push(session(number as u64 + 1, start, age));
        start += age + 1.0 + 9.0 * dice.f64();
    }
    case
}

/// A session that the peer ended, and nothing else is known of.
pub fn session(number: u64, start: f64, age: f64) -> Lived {
    Lived {
        number,
        start,
        age,
        uncertainty: 0.0,
        ended_by: EndedBy::Peer,
        orderly: false,
        taken_over: false,
        reset: false,
        verdict: Verdict::unknown(),
        keep_alive: 60.0,
        counts: Counts::default(),
        reconnected_at_once: false,
        connects_failed: false,
        fatal_gaps: Vec::new(),
        sends: Vec::new(),
    }
}

/// Exponential with this mean.
fn waiting(dice: &mut Rng, mean: f64) -> f64 {
    -mean * (1.0 - dice.f64()).ln()
}

fn normal(dice: &mut Rng) -> f64 {
    (-2.0 * (1.0 - dice.f64()).ln()).sqrt() * (std::f64::consts::TAU * dice.f64()).cos()
}

/// Even between -1 and 1.
fn even(dice: &mut Rng) -> f64 {
    2.0 * dice.f64() - 1.0
}

/// Drops that remember nothing, every two hours.
pub fn memoryless(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, _| waiting(dice, 2.0 * HOUR))
}

/// Three of five sessions live a minute on average, the others six hours.
pub fn bursts(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, _| {
        let mean = if dice.f64() < 0.6 { 60.0 } else { 6.0 * HOUR };
        waiting(dice, mean)
    })
}

/// Mildly regular: Weibull of shape 2.
pub fn weibull(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, _| 2.0 * HOUR * (-(1.0 - dice.f64()).ln()).sqrt())
}

/// Drops that remember nothing, with everything that can be counted beside them: messages, commands, scrapes.
pub fn memoryless_and_busy(dice: &mut Rng, drops: usize) -> Case {
    let mut case = memoryless(dice, drops);
    // Dice of their own for what is beside the drops: a longer history begins like a shorter one.
    let own = |start: f64| Rng::with_seed(start.to_bits());
    for session in &mut case.sessions {
        let mut dice = own(session.start);
        let messages = session.age * 0.2 * (1.0 + 0.2 * even(&mut dice));
        let share = 0.3 + 0.02 * even(&mut dice);
        session.counts = Counts {
            messages_received: whole(messages),
            messages_sent: whole(share * messages),
            bytes: whole((1.0 + share) * 300.0 * messages),
        };
    }
    let (start, end) = span(&case);
    let kinds = [
        (EventKind::Command, HOUR),
        (EventKind::CredentialRefresh, HOUR),
        (EventKind::OtherDrop, 3.0 * HOUR),
    ];
    for (kind, mean) in kinds {
        case.events.push(Events {
            kind,
            times: poisson(&mut own(start + mean), start, end, mean),
            since: None,
        });
    }
    let scrapes =
        std::iter::successors(Some(start), |time| Some(time + 15.0).filter(|next| *next < end)).collect();
    case.events.push(Events { kind: EventKind::Scrape, times: scrapes, since: None });
    case
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of messages")]
fn whole(count: f64) -> u64 {
    count as u64
}

fn span(case: &Case) -> (f64, f64) {
    let start = case.sessions.first().map_or(0.0, |session| session.start);
    (start, case.sessions.last().map_or(start, |session| session.start + session.age))
}

fn poisson(dice: &mut Rng, start: f64, end: f64, mean: f64) -> Vec<f64> {
    let mut times = Vec::new();
    let mut time = start + waiting(dice, mean);
    while time < end {
        times.push(time);
        time += waiting(dice, mean);
    }
    times
}

/// 5000 s give or take 5 %: no limit of the catalogue.
pub fn unlisted(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, _| 5_000.0 * (1.0 + 0.05 * even(dice)))
}

/// 2 h give or take 5 %.
pub fn two_hours(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, _| 2.0 * HOUR * (1.0 + 0.05 * even(dice)))
}

/// The same, where three of ten die before.
pub fn two_hours_mixed(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, _| {
        if dice.f64() < 0.3 { 2.0 * HOUR * dice.f64() } else { 2.0 * HOUR * (1.0 + 0.05 * even(dice)) }
    })
}

/// 24 h to the second.
pub fn exact_day(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, _| DAY + even(dice))
}

/// 24 h give or take 0.2 %, where three of ten die before.
pub fn day_mixed(dice: &mut Rng, drops: usize) -> Case {
    lived(
        dice,
        drops,
        |dice, _| {
            if dice.f64() < 0.3 { DAY * dice.f64() } else { DAY * (1.0 + 0.002 * even(dice)) }
        },
    )
}

/// Until four in the morning, give or take 30 s.
fn until_four(dice: &mut Rng, start: f64) -> f64 {
    let mut four = (start / DAY).floor() * DAY + 4.0 * HOUR;
    // A session that began in the half minute around four lives until the next day.
    while four < start + 60.0 {
        four += DAY;
    }
    four + 30.0 * even(dice) - start
}

/// Daily at 04:00.
pub fn daily(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, until_four)
}

/// Daily at 04:00, and at random every five days.
pub fn daily_mixed(dice: &mut Rng, drops: usize) -> Case {
    lived(dice, drops, |dice, start| until_four(dice, start).min(waiting(dice, 5.0 * DAY)))
}

/// 10,000 messages give or take one in a hundred, at a rate that varies so much.
fn limited(dice: &mut Rng, drops: usize, varies: f64, random: f64) -> Case {
    let mut shares = Vec::new();
    let mut case = lived(dice, drops, |dice, _| {
        let share = if dice.f64() < random { dice.f64() } else { 1.0 + 0.01 * normal(dice) };
        shares.push(share);
        let rate = (1.0 + varies * normal(dice)).max(0.05);
        2.0 * HOUR * share / rate
    });
    for (session, share) in case.sessions.iter_mut().zip(shares) {
        session.counts.messages_received = whole(10_000.0 * share);
    }
    case
}

/// A limit of messages at a rate that varies by 50 %.
pub fn messages_50(dice: &mut Rng, drops: usize) -> Case {
    limited(dice, drops, 0.5, 0.0)
}

/// By 10 %.
pub fn messages_10(dice: &mut Rng, drops: usize) -> Case {
    limited(dice, drops, 0.1, 0.0)
}

/// By 2 %.
pub fn messages_2(dice: &mut Rng, drops: usize) -> Case {
    limited(dice, drops, 0.02, 0.0)
}

/// By 50 %, where three of ten die before.
pub fn messages_mixed(dice: &mut Rng, drops: usize) -> Case {
    limited(dice, drops, 0.5, 0.3)
}

/// Commands every hour, each of which kills with this probability; at random every six hours.
fn commanded(dice: &mut Rng, drops: usize, kills: f64) -> Case {
    let mut times = Vec::new();
    let mut case = lived(dice, drops, |dice, start| {
        let random = waiting(dice, 6.0 * HOUR);
        let mut command = 0.0;
        loop {
            command += waiting(dice, HOUR);
            if command >= random {
                return random;
            }
            times.push(start + command);
            let lag = 2.0 * dice.f64();
            if dice.f64() < kills {
                return random.min(command + lag);
            }
        }
    });
    case.events = vec![Events { kind: EventKind::Command, times, since: None }];
    case
}

/// Every second command kills.
pub fn commands_half(dice: &mut Rng, drops: usize) -> Case {
    commanded(dice, drops, 0.5)
}

/// Every fifth command kills.
pub fn commands_fifth(dice: &mut Rng, drops: usize) -> Case {
    commanded(dice, drops, 0.2)
}

/// A line that is silent at random, at most for the keep-alive; what forgets it after `cut` seconds, if anything, and
/// drops at random.
struct Line {
    traffic: f64,
    keep_alive: f64,
    cut: f64,
    jitter: f64,
    random: f64,
}

/// Silences until so many were fatal. Two fatal ones stand beside a drop of another kind: no test runs on two drops.
fn silent(dice: &mut Rng, drops: usize, line: &Line) -> Case {
    let mut case = Case::default();
    let (mut start, mut age) = (1_700_000_000.0, 0.0);
    while case.sessions.len() < drops {
        let gap = waiting(dice, line.traffic).min(line.keep_alive);
        age += gap;
        let cut = line.cut * (1.0 + line.jitter * even(dice));
        let fatal = gap > cut || dice.f64() < -(-gap / line.random).exp_m1();
        // Shorter ones are no silences.
        let counts = gap >= 5.0;
        if fatal && counts {
            let mut session = session(case.sessions.len() as u64 + 1, start, age - gap);
            session.ended_by = EndedBy::Timeout;
            session.uncertainty = gap;
            session.keep_alive = line.keep_alive;
            session.fatal_gaps.push(gap);
            case.sessions.push(session);
            start += age + 5.0;
            age = 0.0;
        } else if counts {
            case.survived_gaps.push(gap);
        }
    }
    if drops == 2 {
        case.sessions.push(session(3, start, 1_234.0));
    }
    case
}

const NONE: f64 = f64::INFINITY;
const NAT: Line = Line { traffic: 200.0, keep_alive: 300.0, cut: 240.0, jitter: 0.0, random: NONE };

/// A NAT of 240 s, keep-alive 300 s, traffic every 200 s.
pub fn nat(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &NAT)
}

/// The same, give or take 10 %.
pub fn nat_jitter(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { jitter: 0.1, ..NAT })
}

/// The same, and at random every six hours.
pub fn nat_mixed(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { random: 6.0 * HOUR, ..NAT })
}

/// With traffic every minute.
pub fn nat_busy(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { traffic: 60.0, ..NAT })
}

/// 350 s, keep-alive 1200 s, traffic every 300 s.
pub fn nat_cloud(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { traffic: 300.0, keep_alive: 1200.0, cut: 350.0, ..NAT })
}

/// No NAT, drops every half hour.
pub fn open_30m(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { cut: NONE, random: 0.5 * HOUR, ..NAT })
}

/// No NAT, drops every two hours.
pub fn open_2h(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { cut: NONE, random: 2.0 * HOUR, ..NAT })
}

/// No NAT, drops every six hours.
pub fn open_6h(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { cut: NONE, random: 6.0 * HOUR, ..NAT })
}

/// All silences equal, drops every two hours.
pub fn equal_gaps(dice: &mut Rng, drops: usize) -> Case {
    silent(dice, drops, &Line { traffic: 1e12, keep_alive: 60.0, cut: NONE, random: 2.0 * HOUR, ..NAT })
}
