//! Energy use: lifetime totals, and the rows of today and of this month.
//!
//! Never exports a total that turned out to be one of a period: a counter must not follow the calendar. Pure.

use serde_json::Value;

use super::Writer;
use crate::reading::Quantity;
use crate::source::navien::{quantities as q, wire};

/// A calendar day in the time zone of the heater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Year.
    pub year: i16,
    /// Month, from 1.
    pub month: i8,
    /// Day of the month, from 1.
    pub day: i8,
}

/// What the totals were, so that figures of a period are found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The periods of the last answer, and its totals.
    last: Option<(Vec<Period>, [Option<f64>; 4])>,
    /// The totals followed the period that was asked for: they are no lifetime figures on this heater.
    of_period: bool,
}

/// The year and month of a group of rows; the month is absent in answers to the monthly query.
type Period = (Option<i64>, Option<i64>);

/// One of the four figures, in `total` as in every row.
struct Figure {
    key: &'static str,
    source: &'static str,
    total: &'static Quantity,
    period: &'static Quantity,
    /// The heating times of a period are diagnostic.
    diagnostic: bool,
}

const FIGURES: [Figure; 4] = [
    energy("hpUsage", "heat_pump"),
    energy("heUsage", "element"),
    time("hpTime", "heat_pump"),
    time("heTime", "element"),
];

const fn energy(key: &'static str, source: &'static str) -> Figure {
    let (total, period) = (&q::ELECTRICAL_ENERGY, &q::ELECTRICAL_ENERGY_PERIOD);
    Figure { key, source, total, period, diagnostic: false }
}

const fn time(key: &'static str, source: &'static str) -> Figure {
    Figure { key, source, total: &q::HEATING_TIME, period: &q::HEATING_TIME_PERIOD, diagnostic: true }
}

/// Watt-hours to joules, and hours to seconds: the same number.
const SECONDS_PER_HOUR: f64 = 3_600.0;

/// Turns the answer to an energy query into readings.
pub fn write(response: &Value, today: Option<Day>, memory: &mut Memory, out: &mut Writer<'_>) {
    let groups = response.get("usage").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    totals(response.get("total"), groups, memory, out);
    if let Some(today) = today {
        periods(groups, today, out);
    }
}

fn totals(total: Option<&Value>, groups: &[Value], memory: &mut Memory, out: &mut Writer<'_>) {
    let Some(total) = total else { return };
    let values = FIGURES.map(|figure| {
        let value = total.get(figure.key)?;
        let number = amount(value);
        if number.is_none() {
            out.bad(figure.key);
        }
        number
    });
    let asked: Vec<Period> = groups
        .iter()
        .map(|group| (group.get("year").and_then(wire::integer), group.get("month").and_then(wire::integer)))
        .collect();
    if let Some((before_asked, before)) = &memory.last {
        let fell =
            before.iter().zip(&values).any(|(old, new)| matches!((old, new), (Some(o), Some(n)) if n < o));
        // An answer without rows has nothing to tell; a zero in it is no evidence of anything.
        if fell && asked.is_empty() {
            return;
        }
        // The same period and less of it is a replaced controller, an ordinary counter reset. Another period
        // and less of it means that the figure belongs to the period.
        memory.of_period |= fell && asked != *before_asked;
    }
    if !memory.of_period {
        for (figure, value) in FIGURES.iter().zip(values) {
            if let Some(value) = value {
                out.put(figure.total, &[("source", figure.source)], value * SECONDS_PER_HOUR);
            }
        }
    }
    memory.last = Some((asked, values));
}

fn periods(groups: &[Value], today: Day, out: &mut Writer<'_>) {
    for group in groups {
        let is = |key: &str, number: i64| group.get(key).and_then(wire::integer) == Some(number);
        if !is("year", i64::from(today.year)) {
            continue;
        }
        let Some(rows) = group.get("data").and_then(Value::as_array) else { continue };
        if group.get("month").is_none() {
            // The monthly query: one row a month.
            if let Some(row) = row(rows, today.month) {
                write_period(std::slice::from_ref(row), "month", out);
            }
        } else if is("month", i64::from(today.month)) {
            write_period(rows, "month", out);
            if let Some(row) = row(rows, today.day) {
                write_period(std::slice::from_ref(row), "day", out);
            }
        }
    }
}

/// The row of a day or month, which count from 1.
fn row(rows: &[Value], number: i8) -> Option<&Value> {
    rows.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

/// The sum over the rows. A row without the figure used nothing; one bad row spoils the sum of its figure.
fn write_period(rows: &[Value], period: &'static str, out: &mut Writer<'_>) {
    let diagnostic = out.diagnostic;
    for figure in FIGURES.iter().filter(|figure| diagnostic || !figure.diagnostic) {
        let sum = rows.iter().try_fold(0.0, |sum, row| match row.get(figure.key) {
            None if row.is_object() => Some(sum),
            None => None,
            Some(value) => amount(value).map(|value| sum + value),
        });
        match sum {
            Some(sum) => {
                let labels = [("source", figure.source), ("period", period)];
                out.put(figure.period, &labels, sum * SECONDS_PER_HOUR);
            }
            None => out.bad(figure.key),
        }
    }
}

/// A consumed amount: a number that is not negative.
fn amount(value: &Value) -> Option<f64> {
    wire::number(value).filter(|number| *number >= 0.0)
}
