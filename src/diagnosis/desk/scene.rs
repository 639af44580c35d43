//! What all looks of one round have in common: with many connections it is most of the work.
//!
//! Never changes while a round looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::super::fleet::{Dropped, Forgotten, Moment, bursts, forgotten, known_since, moments, shares};
use super::super::gather::{self, Beside, Settings, is_explained};
use super::super::{Claim, Pattern};
use super::{Desk, Subject, lock};
use crate::clock::{self, Now};
use crate::host::Signal;

/// The process at the beginning of a round of looks.
pub(super) struct Scene {
    pub(super) subjects: BTreeMap<String, Subject>,
    pub(super) settings: Settings,
    pub(super) fleet: Vec<Dropped>,
    /// When they dropped, for those beside them.
    pub(super) moments: Vec<Moment>,
    /// Of whom not all drops are among them.
    pub(super) forgotten: Vec<Forgotten>,
    /// The burst that each of them was in.
    pub(super) together: BTreeMap<Arc<str>, Claim>,
    pub(super) host: Vec<Signal>,
    /// Bursts that looks of this round found.
    pub(super) found: Mutex<Vec<Pattern>>,
}

impl Desk {
    /// The scene of a round that begins now.
    pub(super) fn scene(&self, now: Now) -> Scene {
        #[cfg(test)]
        self.0.rounds.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let subjects = lock(&self.0.subjects).clone();
        let settings = self.settings(now);
        let fleet = fleet(&subjects, settings.scale);
        let together = shares(&bursts(&fleet, subjects.len()), &fleet, subjects.len());
        let moments = moments(&fleet, settings.scale);
        let forgotten = forgotten(&fleet, gather::DROPS);
        Scene {
            host: self.0.host.all(),
            subjects,
            settings,
            fleet,
            moments,
            forgotten,
            together,
            found: Mutex::default(),
        }
    }
}

/// The drops of all connections that direct evidence leaves open.
fn fleet(subjects: &BTreeMap<String, Subject>, scale: f64) -> Vec<Dropped> {
    if subjects.len() < 2 {
        return Vec::new();
    }
    let mut fleet = Vec::new();
    for (name, subject) in subjects {
        let connection: Arc<str> = name.as_str().into();
        subject.history.read(|history| {
            let open =
                history.drops().rev().filter(|drop| !history.verdict(drop.number).is_some_and(is_explained));
            fleet.extend(open.take(gather::DROPS).map(|drop| Dropped {
                connection: Arc::clone(&connection),
                session: drop.number,
                at: clock::unix_seconds(drop.end.wall) * scale,
                connects_failed: gather::afterwards(history, drop).1,
            }));
        });
    }
    fleet
}

/// What happened beside this connection.
pub(super) fn beside(name: &str, scene: &Scene) -> Beside {
    let Scene { moments, forgotten, host, settings, .. } = scene;
    let others = moments.iter().filter_map(|moment| moment.for_others_than(name));
    let wall = |at: f64| {
        SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(at / settings.scale).unwrap_or_default()
    };
    Beside {
        host: host.clone(),
        other_drops: others.map(wall).collect(),
        other_drops_since: known_since(name, forgotten).map(wall),
    }
}
