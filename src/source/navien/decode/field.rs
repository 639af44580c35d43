//! The machinery of the field tables: one row says what a key of the wire becomes.
//!
//! Never knows a particular field; those are in the tables of `status` and `feature`. Pure.

use serde_json::Value;

use super::{Writer, truth};
use crate::reading::{Kind, Quantity};
use crate::source::navien::wire;

/// How a number on the wire becomes a value in the unit of its metric. All temperatures are Celsius on the wire,
/// whatever unit the front panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As it is: watts, litres, dBm, steps, rpm.
    Plain,
    /// A number with no arithmetic meaning; must be whole.
    Code,
    /// Half-degrees: raw / 2.
    Half,
    /// Tenths, of a degree or a difference: raw / 10.
    Tenth,
    /// Percent to a ratio: raw / 100.
    Percent,
    /// Tenths of a litre per minute to litres per second: raw / 600.
    Flow,
    /// Counts of 4 Wh to joules.
    FourWattHours,
    /// Watt-hours to joules.
    WattHours,
    /// Hours to seconds.
    Hours,
    /// Days to seconds.
    Days,
    /// 2 is yes, any other number is no.
    Flag,
    /// 2 is on, 1 is off, 0 is not reported.
    TriState,
    /// Non-zero is yes: only the time-of-use status.
    NonZero,
    /// 1 is yes, any other number is no: only the time-of-use override.
    OneIsYes,
}

/// What the reading of one field came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Read {
    /// A value.
    Value(f64),
    /// Present and well-formed, but it says that nothing is known.
    Unknown,
    /// Null, of a wrong type, not whole where it should be, out of all bounds.
    Bad,
}

impl Scale {
    /// Reads a value in this scale.
    #[must_use]
    pub fn read(self, value: &Value) -> Read {
        // A JSON boolean means itself, in whatever way the numbers of this field say yes.
        if let (Value::Bool(yes), true) = (value, self.is_yes_or_no()) {
            return Read::Value(truth(*yes));
        }
        let Some(raw) = wire::number(value) else { return Read::Bad };
        if self.is_whole() && raw.fract() != 0.0 {
            return Read::Bad;
        }
        Read::Value(match self {
            Self::Plain | Self::Code => raw,
            Self::Half => raw / 2.0,
            Self::Tenth => raw / 10.0,
            Self::Percent => raw / 100.0,
            Self::Flow => raw / 600.0,
            Self::FourWattHours => raw * 14_400.0,
            Self::WattHours | Self::Hours => raw * 3_600.0,
            Self::Days => raw * 86_400.0,
            Self::Flag => truth(is(raw, 2)),
            Self::TriState if is(raw, 0) => return Read::Unknown,
            Self::TriState if is(raw, 1) || is(raw, 2) => truth(is(raw, 2)),
            Self::TriState => return Read::Bad,
            Self::NonZero => truth(!is(raw, 0)),
            Self::OneIsYes => truth(is(raw, 1)),
        })
    }

    const fn is_yes_or_no(self) -> bool {
        matches!(self, Self::Flag | Self::TriState | Self::NonZero | Self::OneIsYes)
    }

    const fn is_whole(self) -> bool {
        self.is_yes_or_no() || matches!(self, Self::Code)
    }
}

#[expect(clippy::float_cmp, reason = "whole numbers, exact in a float")]
fn is(raw: f64, number: i32) -> bool {
    raw == f64::from(number)
}

/// Whether a field is exported by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// By default: essential or useful.
    Default,
    /// Only with `diagnostic_readings`.
    Diagnostic,
}

/// When a field means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitted {
    /// On every heater.
    Always,
    /// Only with a recirculation loop; otherwise it is a constant zero that would look like 0 °C.
    WithRecirculation,
}

/// What a field becomes.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// One value of one quantity.
    Number(&'static Quantity, &'static [(&'static str, &'static str)], Scale),
    /// One of several states: 1 for that one, 0 for the others, and the bare number where unknown ones are likely.
    OneOf {
        /// The one-hot quantity.
        quantity: &'static Quantity,
        /// Its label.
        label: &'static str,
        /// Numbers and their names.
        states: &'static [(i32, &'static str)],
        /// The bare number.
        code: Option<&'static Quantity>,
    },
    /// Known and left out, for this reason.
    LeftOut(&'static str),
}

/// One row: a key of the wire and what it becomes.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key, and further spellings in order of preference.
    pub keys: &'static [&'static str],
    /// Whether it is exported by default.
    pub rank: Rank,
    /// When it means something.
    pub fitted: Fitted,
    /// What it becomes.
    pub meaning: Meaning,
}

impl Field {
    /// A single value, exported by default.
    pub(super) const fn number(
        keys: &'static [&'static str],
        quantity: &'static Quantity,
        labels: &'static [(&'static str, &'static str)],
        scale: Scale,
    ) -> Self {
        Self {
            keys,
            rank: Rank::Default,
            fitted: Fitted::Always,
            meaning: Meaning::Number(quantity, labels, scale),
        }
    }

    /// One of several states, exported by default.
    pub(super) const fn one_of(
        keys: &'static [&'static str],
        quantity: &'static Quantity,
        label: &'static str,
        states: &'static [(i32, &'static str)],
        code: Option<&'static Quantity>,
    ) -> Self {
        let meaning = Meaning::OneOf { quantity, label, states, code };
        Self { keys, rank: Rank::Default, fitted: Fitted::Always, meaning }
    }

    /// Known and left out.
    pub(super) const fn left_out(keys: &'static [&'static str], why: &'static str) -> Self {
        Self { keys, rank: Rank::Default, fitted: Fitted::Always, meaning: Meaning::LeftOut(why) }
    }

    /// The same, only with `diagnostic_readings`.
    pub(super) const fn diagnostic(mut self) -> Self {
        self.rank = Rank::Diagnostic;
        self
    }

    /// The same, only where a recirculation loop is fitted.
    pub(super) const fn with_recirculation(mut self) -> Self {
        self.fitted = Fitted::WithRecirculation;
        self
    }

    /// Turns this field of `object` into readings.
    pub fn write(&self, object: &Value, recirculation: bool, out: &mut Writer<'_>) {
        let wanted = match self.rank {
            Rank::Default => true,
            Rank::Diagnostic => out.diagnostic,
        };
        let fitted = match self.fitted {
            Fitted::Always => true,
            Fitted::WithRecirculation => recirculation,
        };
        if !wanted || !fitted {
            return;
        }
        match self.meaning {
            Meaning::LeftOut(_) => {}
            Meaning::Number(quantity, labels, scale) => {
                let value = first_good(self.keys, object, scale, out);
                // What only rises never was below zero.
                let impossible = quantity.kind == Kind::Counter && value.is_some_and(|value| value < 0.0);
                match (value, self.keys.first()) {
                    (Some(_), Some(key)) if impossible => out.bad(key),
                    (Some(value), _) => out.put(quantity, labels, value),
                    (None, _) => {}
                }
            }
            Meaning::OneOf { quantity, label, states, code } => {
                if let Some(value) = first_good(self.keys, object, Scale::Code, out) {
                    for (number, name) in states {
                        out.put(quantity, &[(label, name)], truth(is(value, *number)));
                    }
                    if let Some(code) = code {
                        out.put(code, &[], value);
                    }
                }
            }
        }
    }
}

/// The value under the first key that has a good one; bad ones on the way are counted.
fn first_good(keys: &[&'static str], object: &Value, scale: Scale, out: &mut Writer<'_>) -> Option<f64> {
    for key in keys {
        match object.get(key).map(|value| scale.read(value)) {
            Some(Read::Value(value)) => return Some(value),
            Some(Read::Bad) => out.bad(key),
            Some(Read::Unknown) | None => {}
        }
    }
    None
}

/// Whether a flag of `object` is set, without counting faults; `None` when it does not say.
#[must_use]
pub fn peek(object: &Value, key: &str, scale: Scale) -> Option<f64> {
    match scale.read(object.get(key)?) {
        Read::Value(value) => Some(value),
        Read::Unknown | Read::Bad => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_four_encodings_of_yes_and_no() {
        use Read::{Bad, Unknown, Value};
        for (scale, zero, one, two, three) in [
            (Scale::Flag, Value(0.0), Value(0.0), Value(1.0), Value(0.0)),
            (Scale::TriState, Unknown, Value(0.0), Value(1.0), Bad),
            (Scale::NonZero, Value(0.0), Value(1.0), Value(1.0), Value(1.0)),
            (Scale::OneIsYes, Value(0.0), Value(1.0), Value(0.0), Value(0.0)),
        ] {
            for (raw, expected) in [zero, one, two, three].into_iter().enumerate() {
                assert_eq!(scale.read(&json!(raw)), expected, "{scale:?} {raw}");
                assert_eq!(scale.read(&json!(raw.to_string())), expected, "{scale:?} {raw} as text");
            }
            assert_eq!(scale.read(&json!(true)), Value(1.0));
            assert_eq!(scale.read(&json!(false)), Value(0.0));
        }
    }

    #[test]
    fn zero_is_a_temperature_and_null_is_not() {
        assert_eq!(Scale::Half.read(&json!(0)), Read::Value(0.0));
        assert_eq!(Scale::Tenth.read(&json!(-55)), Read::Value(-5.5));
        assert_eq!(Scale::Half.read(&json!(null)), Read::Bad);
        assert_eq!(Scale::Half.read(&json!(true)), Read::Bad);
    }

    #[test]
    fn a_code_must_be_whole_and_a_measured_value_need_not() {
        assert_eq!(Scale::Code.read(&json!(12.5)), Read::Bad);
        assert_eq!(Scale::Plain.read(&json!(12.5)), Read::Value(12.5));
    }

    #[test]
    fn counts_of_four_watt_hours_are_joules() {
        assert_eq!(Scale::FourWattHours.read(&json!(102)), Read::Value(102.0 * 4.0 * 3_600.0));
        assert_eq!(Scale::Flow.read(&json!(60)), Read::Value(0.1));
    }
}
