//! Figures and how they are printed: median, range, number of runs, target.
//!
//! Never rounds a miss into a hit: the target is compared with the value as measured.

use std::fmt;

/// One line of the table.
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) what: String,
    /// As measured, in any order; not empty.
    pub(crate) values: Vec<f64>,
    /// Their unit.
    pub(crate) unit: &'static str,
    /// The median shall not be above this.
    pub(crate) at_most: Option<f64>,
    /// What else was seen, for example error names.
    pub(crate) remark: String,
}

impl Figure {
    /// Whether the median keeps within the target.
    pub(crate) fn met(&self) -> bool {
        self.at_most.is_none_or(|most| self.median() <= most)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    fn median(&self) -> f64 {
        let values = self.sorted();
        let middle = values.len() / 2;
        let upper = values.get(middle).copied().unwrap_or(f64::NAN);
        if values.len() % 2 == 1 {
            return upper;
        }
        let lower = middle.checked_sub(1).and_then(|below| values.get(below)).copied().unwrap_or(f64::NAN);
        f64::midpoint(lower, upper)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.sorted();
        let (least, most) = (values.first().unwrap_or(&f64::NAN), values.last().unwrap_or(&f64::NAN));
        let target = match self.at_most {
            None => "–".to_owned(),
            Some(target) if !self.met() => format!("≤ {target} MISSED"),
            Some(target) if *most > target => format!("≤ {target} (not always)"),
            Some(target) => format!("≤ {target} met"),
        };
        write!(
            f,
            "{:<46} {:>8} {:>18} {:<14} {:>4}  {:<20} {}",
            self.what,
            short(self.median()),
            format!("{} – {}", short(*least), short(*most)),
            self.unit,
            values.len(),
            target,
            self.remark,
        )
    }
}

/// Three digits tell enough.
fn short(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        3
    };
    format!("{value:.decimals$}")
}

/// The heading of the table.
pub(crate) fn heading() {
    say(format_args!(
        "{:<46} {:>8} {:>18} {:<14} {:>4}  {:<20} remark",
        "figure", "median", "min – max", "unit", "runs", "target"
    ));
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
pub(crate) fn say(line: fmt::Arguments<'_>) {
    println!("{line}");
}
