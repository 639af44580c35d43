//! What came to nothing of the messages that the configuration explains.
//! Never says of which topic: that would be a label without end.

use super::metrics::Families;
use super::values::IntCounter;
use crate::mapping::Reason;

/// The counters of one connection, at zero from the start.
#[derive(Clone, Debug)]
pub struct MappingMetrics(Vec<(Reason, IntCounter)>);

impl MappingMetrics {
    pub(super) fn new(families: &Families, connection: &str) -> Self {
        let bound = |reason: &Reason| {
            (*reason, families.mapping_errors.with_label_values(&[connection, reason.as_str()]))
        };
        Self(Reason::ALL.iter().map(bound).collect())
    }

    /// Counts one.
    pub fn error(&self, reason: Reason) {
        if let Some((_, counter)) = self.0.iter().find(|(known, _)| *known == reason) {
            counter.inc();
        }
    }
}
