//! What happened on this machine lately: a ring of signals, shared. Written by the watcher, read by the diagnosis and the
//! pages. Never says where: no address and no name of an interface leaves it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Instant, Now};

/// Signals kept.
pub const KEPT: usize = 1000;

/// One thing that happened on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// When it was noticed.
    pub at: Now,
    /// What.
    pub kind: SignalKind,
}

/// What can happen on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// It slept for this long; `at` is the first moment after it.
    Suspended(Duration),
    /// The wall clock was stepped forward.
    ClockForward(Duration),
    /// The wall clock was stepped back.
    ClockBack(Duration),
    /// An interface (by its index) lost carrier or went down.
    LinkDown(u32),
    /// An interface has carrier and is up.
    LinkUp(u32),
    /// An address of an interface came.
    AddressAdded(u32, IpAddr),
    /// An address of an interface went.
    AddressRemoved(u32, IpAddr),
    /// A default route came.
    RouteAdded,
    /// A default route went.
    RouteRemoved,
    /// The resolver's configuration changed.
    ResolverChanged,
}

impl SignalKind {
    /// The label `kind` of `hangup_host_network_changes_total`, and the word on the page.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Suspended(_) => "suspend",
            Self::ClockForward(_) | Self::ClockBack(_) => "clock_step",
            Self::LinkDown(_) => "link_down",
            Self::LinkUp(_) => "link_up",
            Self::AddressAdded(..) => "address_added",
            Self::AddressRemoved(..) => "address_removed",
            Self::RouteAdded => "route_added",
            Self::RouteRemoved => "route_removed",
            Self::ResolverChanged => "resolver_changed",
        }
    }
}

/// The signals of this machine, oldest first. Clones share it.
#[derive(Clone, Default)]
pub struct Timeline(Arc<Mutex<VecDeque<Signal>>>);

impl Timeline {
    /// Adds a signal.
    pub fn add(&self, signal: Signal) {
        let mut signals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while signals.len() >= KEPT {
            signals.pop_front();
        }
        signals.push_back(signal);
    }

    /// The signals noticed from `from` to `to`, both included, oldest first.
    #[must_use]
    pub fn between(&self, from: Instant, to: Instant) -> Vec<Signal> {
        let signals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        signals.iter().filter(|signal| (from..=to).contains(&signal.at.at)).cloned().collect()
    }

    /// All that are kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Signal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signals = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Timeline").field("signals", &signals).finish()
    }
}
