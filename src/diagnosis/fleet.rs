//! From the drops of many connections to what one of them needs to know: did it drop with the others? Pure.
//! Never looks into a connection: that they dropped together is all that counts here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claim::{Claim, Pattern};
use super::pattern::burst::{self, Fleet, FleetDrop};

/// A drop of one of many connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// Which connection.
    pub connection: Arc<str>,
    /// The session that it ended.
    pub session: u64,
    /// When: seconds since the Unix epoch.
    pub at: f64,
    /// Connects failed afterwards.
    pub connects_failed: bool,
}

const DAY: f64 = 86_400.0;

/// The bursts of these drops, newest last; their members are positions among the drops.
#[must_use]
pub fn bursts(drops: &[Dropped], connections: usize) -> Vec<Claim> {
    let mut clients: BTreeMap<&str, u64> = BTreeMap::new();
    for drop in drops {
        let next = number(clients.len());
        clients.entry(&drop.connection).or_insert(next);
    }
    let fleet = Fleet {
        clients: number(connections),
        days: days(drops),
        drops: drops
            .iter()
            .map(|drop| FleetDrop {
                client: clients.get(&*drop.connection).copied().unwrap_or_default(),
                at: drop.at,
                connects_failed: drop.connects_failed,
            })
            .collect(),
    };
    burst::claims(&fleet)
}

/// The newest burst in which a connection dropped, as a claim on that connection.
#[must_use]
pub fn burst(connection: &str, bursts: &[Claim], drops: &[Dropped], connections: usize) -> Option<Claim> {
    bursts.iter().rev().find_map(|claim| of(connection, claim, drops, connections))
}

/// The burst as this connection sees it: its members are sessions of its own.
fn of(connection: &str, claim: &Claim, drops: &[Dropped], connections: usize) -> Option<Claim> {
    let positions = claim.members.iter().filter_map(|position| usize::try_from(*position).ok());
    let own =
        positions.filter_map(|position| drops.get(position)).filter(|drop| *drop.connection == *connection);
    let mut members: Vec<u64> = own.map(|drop| drop.session).collect();
    members.sort_unstable();
    let all = u32::try_from(connections).unwrap_or(u32::MAX).max(claim.support);
    (!members.is_empty()).then(|| Claim { members, of: all, ..claim.clone() })
}

/// Whether a drop came in a burst.
#[must_use]
pub(super) fn came_with(drop: &Dropped, together: &Pattern) -> bool {
    matches!(together, Pattern::Burst { at, window, .. } if (*at..=at + window).contains(&drop.at))
}

fn days(drops: &[Dropped]) -> f64 {
    let times = || drops.iter().map(|drop| drop.at).filter(|at| at.is_finite());
    let span = times().reduce(f64::max).zip(times().reduce(f64::min));
    span.map_or(0.0, |(last, first)| (last - first) / DAY)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop(connection: u32, session: u64, at: f64) -> Dropped {
        Dropped { connection: format!("c{connection}").into(), session, at: 1e9 + at, connects_failed: false }
    }

    fn told(connection: &str, drops: &[Dropped], connections: usize) -> Option<Claim> {
        burst(connection, &bursts(drops, connections), drops, connections)
    }

    #[test]
    fn a_connection_learns_which_of_its_own_sessions_ended_with_those_of_others() {
        let drops =
            [drop(0, 3, -9_000.0), drop(0, 4, 0.0), drop(1, 9, 0.7), drop(2, 5, 1.9), drop(1, 10, 7_000.0)];
        let claim = told("c1", &drops, 5).unwrap();
        let pattern = Pattern::Burst { clients: 3, window: 2.0, at: 1e9, connects_failed: false };
        assert_eq!((claim.pattern, claim.support, claim.of, claim.members), (pattern, 3, 5, vec![9]));
        assert_eq!(told("c3", &drops, 5), None, "it did not drop");
    }

    #[test]
    fn the_newest_burst_is_told() {
        let twice =
            |at: f64| (0..3).map(move |c| drop(c, if at > 0.0 { 2 } else { 1 }, at + f64::from(c) / 2.0));
        let drops: Vec<_> = twice(50_000.0).chain(twice(0.0)).collect();
        assert_eq!(told("c2", &drops, 3).unwrap().members, [2]);
    }

    #[test]
    fn two_connections_together_are_no_burst() {
        assert_eq!(told("c0", &[drop(0, 1, 0.0), drop(1, 1, 0.0)], 5), None);
    }
}
