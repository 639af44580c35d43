//! The readings on the page, written piece by piece: sorted by name and labels, fresh ones only.
//!
//! Never holds a lock while it writes, and never writes a value that its type cannot have: a strict reader would refuse the
//! whole page.

use std::sync::Arc;

use super::family::List;
use super::key::{Place, Role};
use super::series::Cell;
use super::{Kind, Quantity};
use crate::telemetry::text::{self, FamilyType, Format};

/// The readings of one moment, as far as they are not written yet.
#[derive(Debug)]
pub struct Readings {
    families: std::vec::IntoIter<(Arc<Quantity>, Arc<List>)>,
    current: Option<Current>,
    format: Format,
    /// In nanoseconds since boot.
    now: u64,
}

#[derive(Debug)]
struct Current {
    quantity: Arc<Quantity>,
    kind: FamilyType,
    cells: Arc<Vec<Cell>>,
    /// How many of them are done.
    done: usize,
    headed: bool,
}

impl Readings {
    pub(super) fn new(families: Vec<(Arc<Quantity>, Arc<List>)>, format: Format, now: u64) -> Self {
        Self { families: families.into_iter(), current: None, format, now }
    }

    /// Leaves out the families whose names do not fit.
    pub fn retain(&mut self, fits: impl Fn(&str) -> bool) {
        let mut families: Vec<_> = std::mem::take(&mut self.families).collect();
        families.retain(|(quantity, _)| fits(&quantity.name));
        self.families = families.into_iter();
    }

    /// Writes on until `out` holds this many bytes or a little more. Whether there may be more to write.
    pub fn write(&mut self, out: &mut Vec<u8>, full: usize) -> bool {
        while out.len() < full {
            let Some(current) = &mut self.current else {
                let Some((quantity, list)) = self.families.next() else { return false };
                self.current = Some(Current::new(quantity, &list));
                continue;
            };
            if !current.write(out, full, self.format, self.now) {
                self.current = None;
            }
        }
        true
    }
}

impl Current {
    fn new(quantity: Arc<Quantity>, list: &List) -> Self {
        let kind = match quantity.kind {
            Kind::Counter => FamilyType::Counter,
            Kind::Gauge => FamilyType::gauge(&quantity.name),
            Kind::Histogram => FamilyType::Histogram,
        };
        let cells = list.in_order(quantity.kind);
        Self { quantity, kind, cells, done: 0, headed: false }
    }

    /// A family without a fresh value is left out.
    fn write(&mut self, out: &mut Vec<u8>, full: usize, format: Format, now: u64) -> bool {
        let cells = Arc::clone(&self.cells);
        while out.len() < full {
            let Some(rest) = cells.get(self.done..).filter(|rest| !rest.is_empty()) else { return false };
            match self.kind {
                FamilyType::Histogram => {
                    let group = group(rest);
                    self.done += group.len();
                    if let Some(values) = consistent(group, now) {
                        self.head(out, format);
                        for (cell, value) in values {
                            sample(out, &self.quantity.name, cell, value);
                        }
                    }
                }
                FamilyType::Counter | FamilyType::Gauge | FamilyType::Info => {
                    for cell in rest {
                        if out.len() >= full {
                            break;
                        }
                        self.done += 1;
                        let fresh = cell.fresh(now);
                        if let Some(value) = fresh.filter(|value| self.kind.allows(*value)) {
                            self.head(out, format);
                            sample(out, &self.quantity.name, cell, value);
                        }
                    }
                }
            }
        }
        true
    }

    fn head(&mut self, out: &mut Vec<u8>, format: Format) {
        if !std::mem::replace(&mut self.headed, true) {
            text::header(out, format, &self.quantity.name, self.kind, &self.quantity.help);
        }
    }
}

fn sample(out: &mut Vec<u8>, name: &str, cell: &Cell, value: f64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(cell.text());
    out.push(b' ');
    text::number(out, value);
    out.push(b'\n');
}

/// The parts of the first label set.
fn group(cells: &[Cell]) -> &[Cell] {
    let Some(first) = cells.first() else { return cells };
    let labels = Place::of(first.text()).group;
    let end = cells.iter().position(|cell| Place::of(cell.text()).group != labels).unwrap_or(cells.len());
    cells.get(..end).unwrap_or(cells)
}

/// The values of one histogram that may stand beside each other; `None` while one of its parts is missing or stale, or where
/// numbers are none that a histogram can have.
///
/// An observation comes part by part, and a scrape may come in between: counts that must rise from bucket to bucket are
/// made to, so that the page is right up to the observation under way.
fn consistent(group: &[Cell], now: u64) -> Option<Vec<(&Cell, f64)>> {
    let (mut most, mut total, mut sum) = (0.0_f64, 0, 0);
    let mut values = Vec::with_capacity(group.len());
    for cell in group {
        let value = cell.fresh(now)?;
        let role = Place::of(cell.text()).role;
        if value.is_nan() || value < 0.0 {
            return None;
        }
        match role {
            Role::Finite => most = most.max(value),
            Role::Infinite | Role::Count => (most, total) = (most.max(value), total + 1),
            Role::Sum => sum += 1,
        }
        values.push((cell, role, if role == Role::Sum { value } else { most }));
    }
    let shown = |(cell, role, value)| match role {
        Role::Finite | Role::Sum => (cell, value),
        Role::Infinite | Role::Count => (cell, most),
    };
    (total == 2 && sum == 1).then(|| values.into_iter().map(shown).collect())
}
