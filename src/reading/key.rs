//! What tells one series of a family from another: the text that follows the family's name on the page. [pure]
//!
//! Never spells one label set in two ways: a page with a series twice is refused as a whole.

use std::cmp::Ordering;

use super::{Kind, Part, Quantity};
use crate::telemetry::catalogue;
use crate::telemetry::text;

/// Suffix and labels as they stand on the page, in whatever order the labels are given. Who has no device has no such
/// label. `None` where the type has no such part, and where a label has no name that the formats allow, or that of another.
pub(super) fn of(kind: Kind, part: Part, device: &str, labels: &[(&str, &str)]) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(96);
    let mut bound = Vec::new();
    match (kind, part) {
        (Kind::Gauge | Kind::Counter, Part::Value) => {}
        // A negative bound would forbid the sum.
        (Kind::Histogram, Part::Bucket(upper)) if upper >= 0.0 => {
            key.extend_from_slice(b"_bucket");
            text::bound(&mut bound, upper);
        }
        (Kind::Histogram, Part::Sum) => key.extend_from_slice(b"_sum"),
        (Kind::Histogram, Part::Count) => key.extend_from_slice(b"_count"),
        (Kind::Gauge | Kind::Counter, Part::Bucket(_) | Part::Sum | Part::Count)
        | (Kind::Histogram, Part::Value | Part::Bucket(_)) => return None,
    }
    let bound = std::str::from_utf8(&bound).unwrap_or_default();
    let device = [("device", device)].into_iter().filter(|(_, device)| !device.is_empty());
    let bound = [("le", bound)].into_iter().filter(|(_, bound)| !bound.is_empty());
    let mut sorted = Vec::new();
    let labels = if labels.is_sorted() {
        labels
    } else {
        sorted.extend_from_slice(labels);
        sorted.sort_unstable();
        &sorted
    };
    let twice = labels.iter().zip(labels.iter().skip(1)).any(|((one, _), (next, _))| one == next);
    let reserved = |name: &str| name == "le" || (name == "device" && device.clone().count() > 0);
    if twice || labels.iter().any(|(name, _)| reserved(name) || !is_label(name)) {
        return None;
    }
    text::labels(&mut key, device.chain(labels.iter().copied()).chain(bound));
    key.shrink_to_fit();
    Some(key)
}

/// The only series of a gauge or a counter as it stands on the page; `None` where [`of`] has none.
pub(crate) fn shown(quantity: &Quantity, device: &str, labels: &[(&str, &str)]) -> Option<String> {
    let key = of(quantity.kind, Part::Value, device, labels)?;
    Some(format!("{}{}", quantity.name, String::from_utf8_lossy(&key)))
}

fn is_label(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit()) && name.chars().all(word)
}

/// The order of the series of one family on the page.
pub(super) fn compare(kind: Kind, one: &[u8], other: &[u8]) -> Ordering {
    match kind {
        Kind::Gauge | Kind::Counter => one.cmp(other),
        Kind::Histogram => {
            let (one, other) = (Place::of(one), Place::of(other));
            one.group.cmp(other.group).then(one.rank.total_cmp(&other.rank))
        }
    }
}

/// Where a part of a histogram stands: its label set, and among the parts of that.
pub(super) struct Place<'a> {
    /// The labels without `le`, the last brace left out.
    pub(super) group: &'a [u8],
    /// Which of the parts.
    pub(super) role: Role,
    /// Buckets by their bound, the last one infinite; then sum and count.
    rank: f64,
}

/// The parts of a histogram on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A bucket with a finite bound.
    Finite,
    /// The bucket that holds all.
    Infinite,
    /// The sum.
    Sum,
    /// The count.
    Count,
}

impl<'a> Place<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        if let Some(labels) = text.strip_prefix(b"_sum") {
            return Self { group: without_brace(labels), role: Role::Sum, rank: f64::from_bits(SUM) };
        }
        if let Some(labels) = text.strip_prefix(b"_count") {
            return Self { group: without_brace(labels), role: Role::Count, rank: f64::from_bits(SUM + 1) };
        }
        let labels = text.strip_prefix(b"_bucket").unwrap_or(text);
        // The bound is the last label, and in a value every quote is escaped: the last such text is the label.
        let at = labels.windows(MARK.len()).rposition(|window| window == MARK).unwrap_or(0);
        let (before, le) = labels.split_at(at);
        let group = before.strip_suffix(b",").or_else(|| before.strip_suffix(b"{")).unwrap_or(before);
        let bound = le.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(b"\"}")).unwrap_or_default();
        let bound = std::str::from_utf8(bound).unwrap_or_default();
        let rank = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap_or(f64::INFINITY) };
        let role = if rank.is_finite() { Role::Finite } else { Role::Infinite };
        Self { group, role, rank }
    }
}

const MARK: &[u8] = b"le=\"";

/// The bits of a number that stands behind infinity in the total order.
const SUM: u64 = 0x7FF8_0000_0000_0000;

fn without_brace(labels: &[u8]) -> &[u8] {
    labels.strip_suffix(b"}").unwrap_or(labels)
}

/// The names that a family takes on a page of either format, so that no other may have them; none where the name cannot
/// be that of such a family.
pub(super) fn names(quantity: &Quantity) -> Vec<String> {
    let name = &*quantity.name;
    let legal = !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let (base, suffixes): (_, &[&str]) = match quantity.kind {
        Kind::Gauge => (Some(name.strip_suffix("_info").unwrap_or(name)), &["", "_info"]),
        Kind::Counter => (name.strip_suffix("_total"), &["", "_total", "_created"]),
        Kind::Histogram => (Some(name), &["", "_bucket", "_sum", "_count", "_created"]),
    };
    let Some(base) = base.filter(|base| legal && !base.is_empty()) else { return Vec::new() };
    if quantity.kind == Kind::Gauge && base.len() == name.len() {
        return vec![name.to_owned()];
    }
    suffixes.iter().map(|suffix| format!("{base}{suffix}")).collect()
}

/// Whether one of our own metrics has this name on some page.
pub(super) fn is_ours(name: &str) -> bool {
    let suffixes = ["", "_total", "_info", "_bucket", "_sum", "_count", "_created"];
    let base =
        |name: &'static str| name.strip_suffix("_total").or(name.strip_suffix("_info")).unwrap_or(name);
    catalogue::entries().any(|ours| {
        ours.name == name || name.strip_prefix(base(ours.name)).is_some_and(|rest| suffixes.contains(&rest))
    })
}
