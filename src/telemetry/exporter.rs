//! The metrics of the exporter itself: its build, its store of readings, its configuration.
//! Reads nothing: those who know tell it.

use std::sync::Arc;

use super::metrics::Families;
use super::values::{Gauge, GaugeVec, IntCounter, IntCounterVec};
use crate::clock::Now;
use crate::config::Shard;
use crate::host::SignalKind;

/// The metrics of the exporter itself. Clones share them.
#[derive(Clone, Debug)]
pub struct ExporterMetrics(Arc<Own>);

#[derive(Debug)]
struct Own {
    shard: GaugeVec,
    series: Gauge,
    series_limit: Gauge,
    rejected_series: IntCounter,
    reload_successful: Gauge,
    reload_success_time: Gauge,
    journal_write_failures: IntCounter,
    diagnostics_write_failures: IntCounter,
    diagnostics_written: Gauge,
    host_suspends: IntCounter,
    host_clock_steps: IntCounter,
    host_network_changes: IntCounterVec,
}

/// What can change in the network of this machine. The label `kind`.
const NETWORK_CHANGES: &[&str] = &[
    "link_down",
    "link_up",
    "address_added",
    "address_removed",
    "route_added",
    "route_removed",
    "resolver_changed",
];

impl ExporterMetrics {
    pub(super) fn new(families: &Families) -> Self {
        let revision = option_env!("HANGUP_REVISION").unwrap_or("unknown");
        families.build_info.with_label_values(&[env!("CARGO_PKG_VERSION"), revision]).set(1.0);
        for kind in NETWORK_CHANGES {
            let _ = families.host_network_changes.with_label_values(&[kind]);
        }
        Self(Arc::new(Own {
            journal_write_failures: families.journal_write_failures.with_label_values::<&str>(&[]),
            diagnostics_write_failures: families.diagnostics_write_failures.with_label_values::<&str>(&[]),
            diagnostics_written: families.diagnostics_written.absent::<&str>(&[]),
            host_suspends: families.host_suspends.with_label_values::<&str>(&[]),
            host_clock_steps: families.host_clock_steps.with_label_values::<&str>(&[]),
            host_network_changes: families.host_network_changes.clone(),
            shard: families.shard.clone(),
            series: families.series.with_label_values::<&str>(&[]),
            series_limit: families.series_limit.absent::<&str>(&[]),
            rejected_series: families.rejected_series.with_label_values::<&str>(&[]),
            reload_successful: families.reload_successful.absent::<&str>(&[]),
            reload_success_time: families.reload_success_time.absent::<&str>(&[]),
        }))
    }

    /// The process runs this part of the connections.
    pub fn shard(&self, shard: Shard) {
        self.0.shard.with_label_values(&[shard.index().to_string(), shard.of().to_string()]).set(1.0);
    }

    /// So many series of readings are kept.
    #[expect(clippy::cast_precision_loss, reason = "series are limited far below 2^52")]
    pub fn series(&self, kept: usize) {
        self.0.series.set(kept as f64);
    }

    /// So many may be kept.
    #[expect(clippy::cast_precision_loss, reason = "series are limited far below 2^52")]
    pub fn series_limit(&self, limit: usize) {
        self.0.series_limit.set(limit as f64);
    }

    /// A reading was refused because its series would have been one too many, or is that of another connection.
    pub fn series_rejected(&self) {
        self.0.rejected_series.inc();
    }

    /// The configuration was read, at the start or again.
    pub fn config_read(&self, successful: bool, now: Now) {
        self.0.reload_successful.set(if successful { 1.0 } else { 0.0 });
        if successful {
            self.0.reload_success_time.set(now.unix_seconds());
        }
    }

    /// A record could not be written to the journal.
    pub fn journal_failed(&self) {
        self.0.journal_write_failures.inc();
    }

    /// The diagnostics file was written, or could not be.
    pub fn diagnostics_written(&self, successful: bool, now: Now) {
        if successful {
            self.0.diagnostics_written.set(now.unix_seconds());
        } else {
            self.0.diagnostics_write_failures.inc();
        }
    }

    /// The system does not tell of links, addresses and routes: no count of them is shown.
    pub fn network_changes_unknown(&self) {
        for kind in NETWORK_CHANGES.iter().filter(|kind| **kind != "resolver_changed") {
            self.0.host_network_changes.remove_label_values(&[kind]);
        }
    }

    /// Something happened on this machine.
    pub fn host_signal(&self, kind: &SignalKind) {
        match kind {
            SignalKind::Suspended(_) => self.0.host_suspends.inc(),
            SignalKind::ClockForward(_) | SignalKind::ClockBack(_) => self.0.host_clock_steps.inc(),
            SignalKind::LinkDown(_)
            | SignalKind::LinkUp(_)
            | SignalKind::AddressAdded(..)
            | SignalKind::AddressRemoved(..)
            | SignalKind::RouteAdded
            | SignalKind::RouteRemoved
            | SignalKind::ResolverChanged => {
                self.0.host_network_changes.with_label_values(&[kind.as_str()]).inc();
            }
        }
    }
}
