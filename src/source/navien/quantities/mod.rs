//! Every quantity of a heater: metric name, type, help, label names.
//!
//! Never holds a conversion: what a wire field becomes is said in `decode`.
//!
//! Every series has the label `device`; `labels` names the further ones.

mod energy;
mod info;
mod status;

pub use energy::*;
pub use info::*;
pub use status::*;

use crate::reading::{Kind, Quantity};

/// A quantity with the names of its further labels, for the catalogue and the tests.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// The quantity.
    pub quantity: &'static Quantity,
    /// Label names besides `device`.
    pub labels: &'static [&'static str],
}

/// Every quantity that this source can produce.
pub fn all() -> impl Iterator<Item = &'static Described> {
    [status::ALL, energy::ALL, info::ALL].into_iter().flatten()
}

/// The quantities as rows of the catalogue that [`crate::telemetry::catalogue::markdown`] begins.
#[must_use]
pub fn markdown() -> String {
    let row = |Described { quantity, labels }: &Described| {
        let kind = match quantity.kind {
            Kind::Counter => "counter",
            Kind::Gauge if quantity.name.ends_with("_info") => "info",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels = [&["device"], *labels].concat().join(", ");
        format!("| `{}` | {kind} | {labels} | {} | stable |\n", quantity.name, quantity.help)
    };
    all().map(row).collect()
}

/// Declares the quantities of one file and lists them in `ALL`.
macro_rules! quantities {
    ($($name:ident: $kind:ident $metric:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub static $name: crate::reading::Quantity =
            crate::reading::Quantity::fixed($metric, crate::reading::Kind::$kind, $help);)*
        pub(super) const ALL: &[super::Described] =
            &[$(super::Described { quantity: &$name, labels: &[$($label),*] },)*];
    };
}
use quantities;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_prefixed_and_typed_by_their_ending() {
        let names: std::collections::BTreeSet<_> = all().map(|d| d.quantity.name.as_ref()).collect();
        assert_eq!(names.len(), all().count());
        for described in all() {
            let name = &described.quantity.name;
            assert!(
                name.starts_with("navien_")
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
            assert_eq!(described.quantity.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(!described.labels.contains(&"device"), "{name}");
        }
    }

    #[test]
    fn every_help_is_a_sentence() {
        for described in all() {
            let help = &described.quantity.help;
            assert!(help.ends_with('.') && help.chars().next().is_some_and(char::is_uppercase), "{help}");
        }
    }
}
