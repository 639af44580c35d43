//! From a device's answer to readings, field by field: what is good is kept, what is bad is counted.
//!
//! Never invents a value: a field that is missing, null, malformed or unknown yields no reading. Pure.

pub mod diagnostics;
pub mod energy;
pub mod feature;
pub mod field;
pub mod status;

use std::time::Duration;

use crate::reading::{Quantity, Reading};
use crate::source::Sink;

/// One device's readings on their way to the sink.
pub struct Writer<'a> {
    /// The label `device`.
    pub device: &'a str,
    /// Where they go.
    pub sink: &'a mut dyn Sink,
    /// How long they may be shown.
    pub lifetime: Duration,
    /// Whether diagnostic readings are wanted too.
    pub diagnostic: bool,
}

impl Writer<'_> {
    /// Emits one value, unless a conversion made it infinite.
    pub fn put(&mut self, quantity: &Quantity, labels: &[(&str, &str)], value: f64) {
        if value.is_finite() {
            let reading = Reading { quantity, device: self.device, labels, value, lifetime: self.lifetime };
            self.sink.reading(&reading);
        }
    }

    /// Takes a series off the page: the same labels, shown for no time.
    pub fn withdraw(&mut self, quantity: &Quantity, labels: &[(&str, &str)]) {
        let reading = Reading { quantity, device: self.device, labels, value: 0.0, lifetime: Duration::ZERO };
        self.sink.reading(&reading);
    }

    /// Counts a field that could not be read.
    pub fn bad(&mut self, field: &'static str) {
        self.sink.field_error(self.device, field);
    }
}

/// 1 for yes, 0 for no.
#[must_use]
pub fn truth(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}
