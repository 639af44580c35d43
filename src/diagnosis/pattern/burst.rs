//! Test 4.8: do more clients drop together than chance brings together? Over the drops of many clients. Pure.
//! Never by timestamps of a cloud's events: they are good to two minutes only; the time of arrival counts.

use std::collections::BTreeMap;

use super::super::{Claim, Pattern};
use super::math::{count, float};

/// Widths of the windows, in seconds.
pub const WINDOWS: [f64; 3] = [2.0, 10.0, 60.0];

/// Drops per day, at most so many clients, and the least count in each window that chance brings once in 1000 days or
/// less (drop-diagnosis.md section 4.8). With few clients a window of a minute cannot hold as many different ones.
const TABLE: [(f64, u64, [usize; 3]); 7] = [
    (10.0, u64::MAX, [3, 3, 3]),
    (50.0, u64::MAX, [3, 3, 4]),
    (100.0, u64::MAX, [3, 4, 5]),
    (500.0, u64::MAX, [4, 5, 7]),
    (1000.0, 100, [5, 6, 9]),
    (1000.0, u64::MAX, [5, 6, 10]),
    (10_000.0, u64::MAX, [7, 12, 26]),
];

/// The drop of one client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetDrop {
    /// Whose.
    pub client: u64,
    /// When: seconds since the Unix epoch.
    pub at: f64,
    /// The next connect of that client failed.
    pub connects_failed: bool,
}

/// The drops of many clients.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// How many clients there are, those without a drop included.
    pub clients: u64,
    /// How long they were watched, in days.
    pub days: f64,
    /// Their drops, in any order.
    pub drops: Vec<FleetDrop>,
}

/// The bursts, newest last. The numbers of their members are positions in [`Fleet::drops`].
#[must_use]
pub fn claims(fleet: &Fleet) -> Vec<Claim> {
    let mut drops: Vec<(usize, &FleetDrop)> =
        fleet.drops.iter().enumerate().filter(|(_, drop)| drop.at.is_finite()).collect();
    drops.sort_by(|one, other| one.1.at.total_cmp(&other.1.at));
    // Less than a day of history does not make drops rarer than they are.
    let per_day = float(drops.len() as u64) / if fleet.days.is_finite() { fleet.days.max(1.0) } else { 1.0 };
    let Some(needed) = least(per_day, fleet.clients) else { return Vec::new() };
    let mut claims = Vec::new();
    let mut first = 0;
    while let Some(rest) = drops.get(first..).filter(|rest| !rest.is_empty()) {
        let burst =
            WINDOWS.into_iter().zip(needed).find_map(|(window, needed)| together(rest, window, needed));
        // A burst is told once, with all that belongs to it.
        first += burst.as_ref().map_or(1, |burst| burst.members.len());
        claims.extend(burst);
    }
    claims
}

/// The row of the table: the next one up. Nothing is claimed of a fleet beyond it.
fn least(per_day: f64, clients: u64) -> Option<[usize; 3]> {
    TABLE.iter().find(|(rate, most, _)| per_day <= *rate && clients <= *most).map(|(_, _, needed)| *needed)
}

/// The least count of different clients in each of [`WINDOWS`] that is a burst, in a fleet with so many drops a day. Beyond
/// the table it is computed as the table was: the least count that chance brings at most once in 1000 days.
#[must_use]
pub fn needed(per_day: u64, clients: u64) -> [usize; WINDOWS.len()] {
    let rate = float(per_day);
    least(rate, clients).unwrap_or_else(|| WINDOWS.map(|window| by_chance(rate, window)))
}

/// The least count `k` for which a window that begins with a drop holds `k - 1` more less than once in 1000 days, where drops
/// come at random.
fn by_chance(per_day: f64, window: f64) -> usize {
    const DAYS: f64 = 1000.0;
    const MOST: u32 = 1_000_000;
    let mean = per_day * window / 86_400.0;
    // Far from zero the Poisson distribution is a normal one, and its terms would not fit into a number.
    if mean > 500.0 {
        let deviations = (2.0 * (per_day * DAYS).max(1.0).ln()).sqrt();
        return length(mean + deviations * mean.sqrt()) + 2;
    }
    let mut term = (-mean).exp();
    let mut below = term;
    for more in 1..MOST {
        if (1.0 - below).max(term * mean / f64::from(more)) * per_day * DAYS <= 1.0 {
            return length(f64::from(more)) + 1;
        }
        term *= mean / f64::from(more);
        below += term;
    }
    length(f64::from(MOST))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of clients, and never negative"
)]
fn length(count: f64) -> usize {
    count.ceil() as usize
}

/// The burst that begins with the first of these drops.
fn together(drops: &[(usize, &FleetDrop)], window: f64, needed: usize) -> Option<Claim> {
    let (_, first) = drops.first()?;
    let members: Vec<&(usize, &FleetDrop)> =
        drops.iter().take_while(|(_, drop)| drop.at - first.at <= window).collect();
    let mut clients: BTreeMap<u64, bool> = BTreeMap::new();
    for (_, drop) in &members {
        *clients.entry(drop.client).or_default() |= drop.connects_failed;
    }
    if clients.len() < needed {
        return None;
    }
    let failed = clients.values().filter(|failed| **failed).count();
    let distinct = count(clients.len());
    let mut numbers: Vec<u64> = members.iter().map(|(position, _)| *position as u64).collect();
    numbers.sort_unstable();
    Some(Claim {
        pattern: Pattern::Burst {
            clients: distinct,
            window,
            at: first.at,
            connects_failed: 2 * failed > clients.len(),
        },
        support: distinct,
        of: distinct,
        members: numbers,
        p: 1e-3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(clients: u64, drops: &[(u64, f64)]) -> Fleet {
        let drops =
            drops.iter().map(|(client, at)| FleetDrop { client: *client, at: *at, connects_failed: true });
        Fleet { clients, days: 10.0, drops: drops.collect() }
    }

    #[test]
    fn three_of_ten_clients_within_two_seconds_are_a_burst() {
        let found = claims(&fleet(10, &[(9, 100.0), (1, 5000.0), (2, 5000.4), (3, 5001.9), (4, 9000.0)]));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].pattern,
            Pattern::Burst { clients: 3, window: 2.0, at: 5000.0, connects_failed: true }
        );
        assert_eq!(found[0].members, [1, 2, 3]);
    }

    #[test]
    fn one_client_that_flaps_is_none() {
        assert_eq!(claims(&fleet(10, &[(1, 1.0), (1, 1.5), (1, 2.0), (2, 2.1)])), []);
    }

    #[test]
    fn the_table_is_entered_at_the_next_row_up() {
        assert_eq!(least(10.0, 10), Some([3, 3, 3]));
        assert_eq!(least(10.1, 10), Some([3, 3, 4]));
        assert_eq!(least(501.0, 1000), Some([5, 6, 10]));
        assert_eq!(least(1000.0, 100), Some([5, 6, 9]));
        assert_eq!((least(1001.0, 1000), least(10_001.0, 1000)), (Some([7, 12, 26]), None));
    }

    #[test]
    fn beyond_the_table_it_is_computed_as_the_table_was() {
        for (per_day, clients, known) in TABLE {
            for (window, known) in WINDOWS.into_iter().zip(known) {
                let computed = by_chance(per_day, window);
                let near = known.abs_diff(computed) <= 1;
                assert!(near, "{per_day} a day, {clients} clients, {window} s: {computed}, not {known}");
            }
        }
        assert_eq!(needed(500, 1000), [4, 5, 7]);
        let beyond = [20_000, 100_000, 1_000_000, 10_000_000].map(|per_day| needed(per_day, 100_000));
        assert!(beyond.is_sorted() && beyond[0] > [7, 12, 26], "{beyond:?}");
        // At a million drops a day a minute holds 694 by chance: a burst is not far above.
        assert!((800..900).contains(&beyond[2][2]), "{beyond:?}");
    }

    #[test]
    fn a_burst_is_told_once_and_the_next_one_again() {
        let mut drops: Vec<(u64, f64)> = (0..8).map(|client| (client, 100.0 + 0.2 * float(client))).collect();
        drops.extend((0..4).map(|client| (client, 50_000.0 + 14.0 * float(client))));
        let found = claims(&fleet(20, &drops));
        let sizes: Vec<(u32, usize)> =
            found.iter().map(|claim| (claim.support, claim.members.len())).collect();
        assert_eq!(sizes, [(8, 8), (4, 4)]);
    }
}
