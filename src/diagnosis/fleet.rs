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

/// For each connection the newest burst in which it dropped, as a claim on that connection: its members are sessions of its
/// own.
#[must_use]
pub fn shares(bursts: &[Claim], drops: &[Dropped], connections: usize) -> BTreeMap<Arc<str>, Claim> {
    let mut shares: BTreeMap<Arc<str>, Claim> = BTreeMap::new();
    for claim in bursts.iter().rev() {
        let mut own: BTreeMap<&Arc<str>, Vec<u64>> = BTreeMap::new();
        let positions = claim.members.iter().filter_map(|position| usize::try_from(*position).ok());
        for drop in positions.filter_map(|position| drops.get(position)) {
            own.entry(&drop.connection).or_default().push(drop.session);
        }
        let all = u32::try_from(connections).unwrap_or(u32::MAX).max(claim.support);
        for (connection, mut members) in own {
            members.sort_unstable();
            shares.entry(Arc::clone(connection)).or_insert_with(|| Claim {
                members,
                of: all,
                pattern: claim.pattern.clone(),
                ..*claim
            });
        }
    }
    shares
}

/// Drops so close together are one moment to everybody else.
const MOMENT: f64 = 0.1;

/// A moment at which somebody dropped.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    at: f64,
    who: Arc<str>,
    /// The first drop of another connection in the same moment.
    another: Option<f64>,
}

impl Moment {
    /// When another connection than this one dropped.
    pub(super) fn for_others_than(&self, connection: &str) -> Option<f64> {
        if *self.who == *connection { self.another } else { Some(self.at) }
    }
}

/// The moments of these drops, in order. A storm of a thousand connections is a few of them, so that each connection can look
/// at all.
pub(super) fn moments(drops: &[Dropped], scale: f64) -> Vec<Moment> {
    let mut drops: Vec<&Dropped> = drops.iter().filter(|drop| drop.at.is_finite()).collect();
    drops.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut moments: Vec<Moment> = Vec::new();
    for drop in drops {
        match moments.last_mut().filter(|moment| drop.at - moment.at < MOMENT * scale) {
            Some(moment) if moment.who == drop.connection => {}
            Some(moment) => {
                moment.another.get_or_insert(drop.at);
            }
            None => moments.push(Moment { at: drop.at, who: Arc::clone(&drop.connection), another: None }),
        }
    }
    moments
}

/// A connection of which only the newest drops are looked at, and from when on: seconds since the Unix epoch.
pub(super) type Forgotten = (f64, Arc<str>);

/// The connections of which `most` drops are here, so that those before may be missing: the two that are known for the
/// shortest time, which is all that anybody beside one of them needs.
pub(super) fn forgotten(drops: &[Dropped], most: usize) -> Vec<Forgotten> {
    let mut known: BTreeMap<&Arc<str>, (usize, f64)> = BTreeMap::new();
    for drop in drops.iter().filter(|drop| drop.at.is_finite()) {
        let (count, oldest) = known.entry(&drop.connection).or_insert((0, drop.at));
        *count += 1;
        *oldest = oldest.min(drop.at);
    }
    let full = known.into_iter().filter(|(_, (count, _))| *count >= most);
    let mut forgotten: Vec<Forgotten> = full.map(|(name, (_, oldest))| (oldest, Arc::clone(name))).collect();
    forgotten.sort_by(|one, other| other.0.total_cmp(&one.0));
    forgotten.truncate(2);
    forgotten
}

/// From when on all drops of others than this connection are known; `None`: all that there were.
pub(super) fn known_since(connection: &str, forgotten: &[Forgotten]) -> Option<f64> {
    forgotten.iter().find(|(_, name)| **name != *connection).map(|(since, _)| *since)
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
        shares(&bursts(drops, connections), drops, connections).remove(connection)
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
    fn a_storm_is_a_moment_in_which_everybody_but_the_one_dropped() {
        let drops = [drop(1, 1, 0.0), drop(1, 2, 0.01), drop(2, 1, 0.03), drop(0, 1, 0.05), drop(0, 2, 9.0)];
        let moments = moments(&drops, 1.0);
        let seen = |who: &str| -> Vec<f64> {
            moments.iter().filter_map(|moment| moment.for_others_than(who)).map(|at| at - 1e9).collect()
        };
        assert_eq!(seen("c2").len(), 2);
        assert!((seen("c2")[0]).abs() < 1e-6, "{:?}", seen("c2"));
        assert_eq!(seen("c0").len(), 1);
        assert!((seen("c1")[0] - 0.03).abs() < 1e-6, "its own drop came first: {:?}", seen("c1"));
    }

    #[test]
    fn whose_drops_were_forgotten_says_from_when_on_the_others_know_all() {
        let many = |connection: u32, from: f64, drops: u32| {
            (0..drops).map(move |number| drop(connection, number.into(), from + 10.0 * f64::from(number)))
        };
        let drops: Vec<_> = many(0, 0.0, 5).chain(many(1, 700.0, 5)).chain(many(2, 900.0, 4)).collect();
        let forgotten = forgotten(&drops, 5);
        let since = |name: &str| known_since(name, &forgotten).map(|at| at - 1e9);
        assert_eq!((since("c0"), since("c1"), since("c2")), (Some(700.0), Some(0.0), Some(700.0)));
        assert_eq!(known_since("c0", &super::forgotten(&drops, 6)), None);
    }

    #[test]
    fn two_connections_together_are_no_burst() {
        assert_eq!(told("c0", &[drop(0, 1, 0.0), drop(1, 1, 0.0)], 5), None);
    }
}
