//! The metrics of the exporter itself: its build, its store of readings, its configuration.
//! Reads nothing: those who know tell it.

use std::sync::Arc;

use prometheus::{Gauge, IntCounter};

use super::handles::OptionalGauge;
use super::metrics::Families;
use crate::clock::Now;

/// The metrics of the exporter itself. Clones share them.
#[derive(Clone, Debug)]
pub struct ExporterMetrics(Arc<Own>);

#[derive(Debug)]
struct Own {
    series: Gauge,
    series_limit: OptionalGauge,
    rejected_series: IntCounter,
    reload_successful: OptionalGauge,
    reload_success_time: OptionalGauge,
}

impl ExporterMetrics {
    pub(super) fn new(families: &Families) -> Self {
        let revision = option_env!("HANGUP_REVISION").unwrap_or("unknown");
        families.build_info.with_label_values(&[env!("CARGO_PKG_VERSION"), revision]).set(1.0);
        Self(Arc::new(Own {
            series: families.series.with_label_values::<&str>(&[]),
            series_limit: OptionalGauge::new(&families.series_limit, &[]),
            rejected_series: families.rejected_series.with_label_values::<&str>(&[]),
            reload_successful: OptionalGauge::new(&families.reload_successful, &[]),
            reload_success_time: OptionalGauge::new(&families.reload_success_time, &[]),
        }))
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

    /// A reading was refused because its series would have been one too many.
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
}
