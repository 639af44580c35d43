//! The clients that drop most, as the page and the API show them. Pure.
//! Never shows a client id that the configuration keeps hidden: a short number stands for it, in this process only.

use std::time::Duration;

/// The clients that drop most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offenders {
    /// Clients that dropped in the last day.
    pub clients: usize,
    /// The worst of them: most drops first, of as many the one with the shortest session.
    pub worst: Vec<Offender>,
}

/// One of them.
#[derive(Clone, PartialEq)]
pub struct Offender {
    /// What stands for its id.
    pub key: u64,
    /// Its id, where that may be shown.
    pub id: Option<String>,
    /// Drops in the last day.
    pub drops: u32,
    /// Its shortest session that a drop ended.
    pub shortest: Option<Duration>,
    /// Whether it is connected, if that is known.
    pub connected: Option<bool>,
    /// How long ago the broker last spoke of it.
    pub heard_ago: Duration,
}

impl Offender {
    /// What it is called: its id, or what stands for it.
    #[must_use]
    pub fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("#{:08x}", self.key >> 32))
    }
}

/// A client id is not printed by accident.
impl std::fmt::Debug for Offender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offender").field("drops", &self.drops).finish_non_exhaustive()
    }
}
