//! Test 4.4: do drops follow events of one kind more often than chance puts them there? Pure.
//! Never blames what happens all the time: a frequent event covers so much of the time that nothing can be claimed. Nor does
//! it count time of which the events were forgotten: what is frequent would look rare.

use super::super::{Claim, EventKind, Events, Lived, Pattern};
use super::math::{binomial_tail, count, median, number};
use super::view::{View, died, numbers};

/// Corrected for the number of kinds.
const LEVEL: f64 = 0.002;
/// So many drops must follow.
const LEAST: usize = 3;
/// So many times more often than by chance.
const LIFT: f64 = 3.0;
/// What the connection causes itself comes within so many seconds of CONNACK.
const SETTLING: f64 = 10.0;

/// Every kind that passes, the most certain first.
pub(super) fn claims(view: &View, events: &[Events]) -> Vec<Claim> {
    let connected: Vec<&Lived> = view.drops.iter().chain(&view.censored).copied().collect();
    let kinds = number(events.iter().filter(|events| !events.times.is_empty()).count());
    let mut claims: Vec<Claim> =
        events.iter().filter_map(|events| claim(events, view, &connected, kinds)).collect();
    claims.sort_by(|one, other| one.p.total_cmp(&other.p));
    claims
}

fn claim(events: &Events, view: &View, connected: &[&Lived], kinds: f64) -> Option<Claim> {
    let (before, after) = window(events.kind);
    let times = sifted(events, connected);
    let known = |session: &&Lived| events.since.is_none_or(|since| session.start >= since);
    let connected = || connected.iter().copied().filter(known);
    let drops: Vec<&Lived> = view.drops.iter().copied().filter(known).collect();
    let time: f64 = connected().map(|session| session.age).sum();
    if time <= 0.0 {
        return None;
    }
    let covered: f64 = connected().map(|session| covered(session, &times, before, after)).sum();
    // Events outside of every session leave nothing covered, and a drop after one of them nothing to divide by.
    let share = (covered / time).clamp(1e-9, 1.0);
    let followed: Vec<(&Lived, f64)> =
        drops.iter().filter_map(|drop| Some((*drop, lag(died(drop), &times, before, after)?))).collect();
    let n = drops.len();
    let p = (kinds * binomial_tail(n as u64, share, followed.len() as u64)).min(1.0);
    let lift = number(followed.len()) / (number(n) * share);
    if p > LEVEL || followed.len() < LEAST || lift < LIFT {
        return None;
    }
    let lags: Vec<f64> = followed.iter().map(|(_, lag)| *lag).collect();
    Some(Claim {
        pattern: Pattern::AfterEvent { event: events.kind, window: after, lag: median(&lags), lift },
        support: count(followed.len()),
        of: count(n),
        members: numbers(followed.iter().map(|(drop, _)| *drop)),
        p,
    })
}

/// How long before and after an event a drop may belong to it, in seconds.
fn window(kind: EventKind) -> (f64, f64) {
    match kind {
        EventKind::Command
        | EventKind::Reload
        | EventKind::Scrape
        | EventKind::ClockStep
        | EventKind::OtherDrop => (0.0, 2.0),
        EventKind::CredentialRefresh
        | EventKind::Link
        | EventKind::Address
        | EventKind::Route
        | EventKind::Resolver => (0.0, 10.0),
        EventKind::CredentialExpiry => (60.0, 60.0),
    }
}

/// Whether a connection may cause this itself when it comes up: a command that waited for it, new credentials for it.
fn of_our_making(kind: EventKind) -> bool {
    match kind {
        EventKind::Command | EventKind::CredentialRefresh => true,
        EventKind::CredentialExpiry
        | EventKind::Reload
        | EventKind::Scrape
        | EventKind::Link
        | EventKind::Address
        | EventKind::Route
        | EventKind::Resolver
        | EventKind::ClockStep
        | EventKind::OtherDrop => false,
    }
}

/// The times that count, ascending.
fn sifted(events: &Events, connected: &[&Lived]) -> Vec<f64> {
    let settles = |time: f64| {
        connected.iter().any(|session| (session.start..=session.start + SETTLING).contains(&time))
    };
    let mut times: Vec<f64> = events
        .times
        .iter()
        .copied()
        .filter(|time| time.is_finite() && !(of_our_making(events.kind) && settles(*time)))
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

/// How much of a session lies in windows of events. A window that the drop itself cuts short counts in full: else a drop
/// would make its own coincidence look rare.
fn covered(session: &Lived, times: &[f64], before: f64, after: f64) -> f64 {
    let end = died(session);
    let first = times.partition_point(|time| time + after < session.start);
    let mut covered = 0.0;
    let mut reached = session.start;
    for time in times.iter().skip(first).take_while(|time| **time - before <= end) {
        let until = time + after;
        covered += (until - reached.max(time - before)).max(0.0);
        reached = reached.max(until);
    }
    covered
}

/// How long after the nearest event of those in reach a drop came.
fn lag(died: f64, times: &[f64], before: f64, after: f64) -> Option<f64> {
    let next = times.partition_point(|time| *time <= died);
    let last = next
        .checked_sub(1)
        .and_then(|last| times.get(last))
        .map(|time| died - time)
        .filter(|lag| *lag <= after);
    let coming = times.get(next).map(|time| died - time).filter(|lag| -lag <= before);
    [last, coming].into_iter().flatten().min_by(|one, other| one.abs().total_cmp(&other.abs()))
}

#[cfg(test)]
mod tests {
    use super::super::super::Case;
    use super::super::examples::aged;
    use super::*;

    /// Six drops in 40 connected hours.
    fn six() -> Case {
        aged(&[24_000.0; 6])
    }

    fn found(case: &Case) -> Vec<Claim> {
        claims(&View::of(case), &case.events)
    }

    /// 30 commands: four before drops, 26 in the midst of sessions.
    fn commands(case: &Case) -> Vec<f64> {
        let mut times: Vec<f64> = case.sessions.iter().take(4).map(|session| died(session) - 0.8).collect();
        times.extend((0..26).map(|step: i32| case.sessions[1].start + 600.0 * f64::from(step + 1)));
        times.sort_by(f64::total_cmp);
        times
    }

    #[test]
    fn v5_four_of_six_drops_follow_commands() {
        let mut case = six();
        case.events = vec![Events { kind: EventKind::Command, times: commands(&case), since: None }];
        for kind in [
            EventKind::Reload,
            EventKind::Link,
            EventKind::Address,
            EventKind::Route,
            EventKind::Resolver,
            EventKind::ClockStep,
            EventKind::CredentialRefresh,
        ] {
            case.events.push(Events { kind, times: vec![case.sessions[0].start + 5_000.0], since: None });
        }
        let found = found(&case);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].support, found[0].of, found[0].members.clone()), (4, 6, vec![1, 2, 3, 4]));
        assert!((found[0].p / (8.0 * 4.518e-13) - 1.0).abs() < 1e-3, "{}", found[0].p);
        let Pattern::AfterEvent { event, window, lag, lift } = found[0].pattern else {
            panic!("{:?}", found[0])
        };
        assert_eq!((event, window), (EventKind::Command, 2.0));
        assert!((lag - 0.8).abs() < 1e-6 && (lift - 1600.0).abs() < 1.0, "{lag}, {lift}");
    }

    #[test]
    fn v5_the_same_drops_beside_a_scrape_every_15_s_claim_nothing() {
        let mut case = six();
        let first = case.sessions[0].start;
        case.events = vec![Events {
            kind: EventKind::Scrape,
            times: (0..9_700).map(|step: i32| first + 15.0 * f64::from(step)).collect(),
            since: None,
        }];
        let view = View::of(&case);
        let covered: f64 = view.drops.iter().map(|drop| covered(drop, &case.events[0].times, 0.0, 2.0)).sum();
        assert!((covered / 144_000.0 - 0.1333).abs() < 2e-4, "{covered}");
        assert!((binomial_tail(6, 0.133_33, 2) - 0.185).abs() < 1e-3);
        assert_eq!(found(&case), []);
    }

    #[test]
    fn commands_in_the_first_ten_seconds_are_the_connections_own() {
        let mut case = aged(&[8.0; 6]);
        case.events = vec![Events {
            kind: EventKind::Command,
            times: case.sessions.iter().map(|session| session.start + 7.0).collect(),
            since: None,
        }];
        assert_eq!(found(&case), []);
    }

    #[test]
    fn drops_up_to_a_minute_before_or_after_an_expiry_belong_to_it() {
        let mut case = six();
        let shifts = [-50.0, 20.0, 59.0, -61.0, 40_000.0, 3.0];
        let times = case.sessions.iter().zip(shifts).map(|(session, shift)| died(session) + shift).collect();
        case.events = vec![Events { kind: EventKind::CredentialExpiry, times, since: None }];
        assert_eq!(found(&case)[0].members, [1, 2, 3, 6]);
    }

    #[test]
    fn a_frequent_event_whose_past_was_forgotten_claims_nothing() {
        let mut case = aged(&[vec![86_400.0; 10], vec![600.0; 40]].concat());
        let since = case.sessions[10].start;
        // Two of ten seconds are covered: chance lets one precede a fifth of the drops.
        let times: Vec<f64> = (0..2_400).map(|step: i32| since + 10.37 * f64::from(step)).collect();
        case.events = vec![Events { kind: EventKind::Command, times: times.clone(), since: None }];
        assert_eq!(found(&case).len(), 1, "as if nothing had happened in the first ten days");
        case.events = vec![Events { kind: EventKind::Command, times, since: Some(since) }];
        assert_eq!(found(&case), []);
    }

    #[test]
    fn an_event_whose_past_was_forgotten_is_still_found_where_it_is_known() {
        let mut case = six();
        let since = case.sessions[2].start;
        let times = case.sessions.iter().skip(2).map(|session| died(session) - 0.8).collect();
        case.events = vec![Events { kind: EventKind::Command, times, since: Some(since) }];
        let found = found(&case);
        assert_eq!((found[0].support, found[0].of, &found[0].members[..]), (4, 4, &[3, 4, 5, 6][..]));
    }

    #[test]
    fn overlapping_windows_count_once() {
        let case = aged(&[1_000.0]);
        let start = case.sessions[0].start;
        let times = [start - 1.0, start + 100.0, start + 101.0, start + 999.0, start + 1_000.5];
        assert!((covered(&case.sessions[0], &times, 0.0, 2.0) - (1.0 + 3.0 + 2.0)).abs() < 1e-6);
    }
}
