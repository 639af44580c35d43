//! Drops of many connections at once (drop-diagnosis.md section 4.8). Pure.
//! Never looks into a connection: that they dropped together is all that counts here.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::claim::{Claim, Pattern};

/// A drop of one of many connections. Times in seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetDrop {
    /// Which connection.
    pub connection: Arc<str>,
    /// The session that it ended.
    pub session: u64,
    /// When.
    pub at: f64,
    /// Connects failed afterwards.
    pub connects_failed: bool,
}

/// The windows, in seconds.
const WINDOWS: [f64; 3] = [2.0, 10.0, 60.0];
/// Up to so many drops a day of all connections together, so many connections within each window drop together by
/// chance at most once in 1000 days. Beyond the last row nothing is claimed.
const LEAST: [(f64, [usize; 3]); 6] = [
    (10.0, [3, 3, 3]),
    (50.0, [3, 3, 4]),
    (100.0, [3, 4, 5]),
    (500.0, [4, 5, 7]),
    (1_000.0, [5, 6, 10]),
    (10_000.0, [7, 12, 26]),
];
const DAY: f64 = 86_400.0;
/// A history shorter than this says nothing of a rate: it counts as this long.
const LEAST_DAYS: f64 = 1.0;

/// The newest burst that the drop of a connection belongs to, as a claim on that connection.
#[must_use]
pub fn burst(connection: &str, drops: &[FleetDrop], connections: usize) -> Option<Claim> {
    let mut drops: Vec<&FleetDrop> = drops.iter().filter(|drop| drop.at.is_finite()).collect();
    drops.sort_by(|one, other| one.at.total_cmp(&other.at));
    let least = least(&drops)?;
    let own = drops.iter().rposition(|drop| &*drop.connection == connection)?;
    // Of the passing windows the one with most connections, of several such the narrowest.
    let windows = WINDOWS.into_iter().zip(least).rev();
    let found = windows
        .filter_map(|(window, least)| largest(&drops, own, window).filter(|burst| burst.clients >= least));
    let found = found.max_by_key(|burst| burst.clients)?;
    let members = drops.get(own).map(|drop| drop.session).into_iter().collect();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let Together { at, window, clients, connects_failed } = found;
    Some(Claim {
        pattern: Pattern::Burst { clients: count(clients), window, at, connects_failed },
        support: count(clients),
        of: count(connections.max(clients)),
        members,
        p: 0.001,
    })
}

/// Connections that dropped together.
struct Together {
    at: f64,
    window: f64,
    clients: usize,
    connects_failed: bool,
}

/// The window of this length with the drop in it in which most connections dropped; the earliest of several.
fn largest(drops: &[&FleetDrop], own: usize, window: f64) -> Option<Together> {
    let end = drops.get(own)?.at;
    let starts = drops.iter().take(own + 1).map(|drop| drop.at).filter(|start| end - start <= window);
    let mut best: Option<Together> = None;
    for at in starts {
        let within = || drops.iter().filter(|drop| (at..=at + window).contains(&drop.at));
        let clients = within().map(|drop| &drop.connection).collect::<BTreeSet<_>>().len();
        if best.as_ref().is_none_or(|best| clients > best.clients) {
            let failed = within().filter(|drop| drop.connects_failed).count();
            // One of many may fail for a reason of its own.
            best = Some(Together { at, window, clients, connects_failed: 2 * failed > clients });
        }
    }
    best
}

/// The row of the table for these drops.
#[expect(clippy::cast_precision_loss, reason = "a few thousand drops")]
fn least(drops: &[&FleetDrop]) -> Option<[usize; 3]> {
    let span = drops.last()?.at - drops.first()?.at;
    let a_day = drops.len() as f64 / (span / DAY).max(LEAST_DAYS);
    LEAST.into_iter().find(|(up_to, _)| a_day <= *up_to).map(|(_, least)| least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop(connection: usize, at: f64) -> FleetDrop {
        FleetDrop { connection: format!("c{connection}").into(), session: 7, at, connects_failed: false }
    }

    #[test]
    fn three_of_a_few_connections_within_two_seconds_are_a_burst() {
        let drops: Vec<_> =
            [0.0, 0.7, 1.9].into_iter().enumerate().map(|(c, at)| drop(c, 1e9 + at)).collect();
        let claim = burst("c1", &drops, 5).unwrap();
        let Pattern::Burst { clients, window, at, connects_failed } = claim.pattern else {
            panic!("{claim:?}")
        };
        assert_eq!((clients, window, at, connects_failed), (3, 2.0, 1e9, false));
        assert_eq!((claim.support, claim.of, claim.members), (3, 5, vec![7]));
        assert_eq!(burst("c9", &drops, 5), None, "it did not drop");
    }

    #[test]
    fn two_together_and_one_connection_many_times_are_none() {
        assert_eq!(burst("c0", &[drop(0, 1e9), drop(1, 1e9)], 5), None);
        let often: Vec<_> = (0..9).map(|n| drop(0, 1e9 + f64::from(n))).collect();
        assert_eq!(burst("c0", &often, 5), None);
    }

    #[test]
    fn the_more_drops_a_day_the_more_must_come_together() {
        // 20 connections drop 10 times a day each, spread evenly: 200 a day want 7 within a minute.
        let mut drops: Vec<_> =
            (0..400).map(|n| drop(n % 20, 1e9 + 432.0 * f64::from(u32::try_from(n).unwrap()))).collect();
        let last = 1e9 + 432.0 * 399.0 + 3_000.0;
        drops.extend((0..4).map(|c| drop(c, last + 20.0 * f64::from(u32::try_from(c).unwrap()) / 2.0)));
        assert_eq!(burst("c3", &drops, 20), None);
        drops.extend((4..8).map(|c| drop(c, last + 25.0)));
        assert!(burst("c3", &drops, 20).is_some_and(|claim| claim.support == 8));
    }

    #[test]
    fn a_burst_after_which_connecting_fails_is_a_restart() {
        let drops: Vec<_> =
            (0..4).map(|c| FleetDrop { connects_failed: c > 0, ..drop(c, 1e9 + 0.1) }).collect();
        let claim = burst("c0", &drops, 4).unwrap();
        assert!(matches!(claim.pattern, Pattern::Burst { connects_failed: true, .. }), "{claim:?}");
    }
}
