//! The commands that a heater takes: their names, values, wording and what a heater must have for them. Pure.
//!
//! Never more than what is known to be safe. Left out: firmware and schedule writes, what was never seen answered
//! (`reservation-mode`, `intelligent-on`), and the reset of the condensate fault, which needs a look at the drain.

mod limits;
mod read;

use serde_json::{Value, json};

use super::requests::Kind;

pub use limits::{Abilities, check};
pub use read::{from_words, read, usage};

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name. The label `command`.
    pub name: &'static str,
    /// What it does, for people.
    pub about: &'static str,
    /// The value that it takes.
    pub argument: Argument,
    /// The features that must be there for it, as they are called on the wire.
    needs: &'static [&'static str],
    wire: Wire,
}

/// The value of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// None.
    None,
    /// A water temperature. Half-degrees Celsius on the wire.
    Temperature,
    /// One of these words, with its number on the wire.
    Word(&'static [(&'static str, i64)]),
    /// Days, 1 to 30.
    Days,
    /// Hours: 0, or 1000 to 10000 in steps of 500. Counted in those steps on the wire.
    FilterHours,
}

#[derive(Debug, PartialEq, Eq)]
enum Wire {
    /// A question that is asked now instead of in its turn.
    Ask(Kind),
    /// A number, a mode, and what stands in `param` before the value.
    Control(i64, &'static str, &'static [i64]),
}

/// Modes of operation, as the status calls them.
pub const MODES: &[(&str, i64)] =
    &[("heat_pump", 1), ("electric", 2), ("energy_saver", 3), ("high_demand", 4)];
/// Modes of the recirculation pump.
pub const RECIRCULATION_MODES: &[(&str, i64)] =
    &[("always", 1), ("button", 2), ("schedule", 3), ("temperature", 4)];

const fn row(
    name: &'static str,
    about: &'static str,
    argument: Argument,
    needs: &'static [&'static str],
    wire: Wire,
) -> Row {
    Row { name, about, argument, needs, wire }
}

/// Every command (navien-cloud.md section 6.4).
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("read_status", "ask for the readings now", Argument::None, &[], Wire::Ask(Kind::Status)),
    row("read_features", "ask for model, firmware and limits now", Argument::None, &[], Wire::Ask(Kind::Features)),
    row("set_temperature", "set the hot water temperature", Argument::Temperature, &[], Wire::Control(33_554_464, "dhw-temperature", &[])),
    row("set_mode", "choose how it heats", Argument::Word(MODES), &[], Wire::Control(33_554_437, "dhw-mode", &[])),
    row("power_on", "switch on, in the mode from before", Argument::None, &["powerUse"], Wire::Control(33_554_434, "power-on", &[])),
    row("power_off", "switch off; freeze protection stays", Argument::None, &["powerUse"], Wire::Control(33_554_433, "power-off", &[])),
    row("vacation", "go on vacation for so many days", Argument::Days, &["holidayUse"], Wire::Control(33_554_437, "dhw-mode", &[5])),
    row("set_vacation_days", "set the length of a vacation without starting one", Argument::Days, &["holidayUse"], Wire::Control(33_554_466, "goout-day", &[])),
    row("anti_legionella_on", "disinfect once in so many days", Argument::Days, &["antiLegionellaSettingUse"], Wire::Control(33_554_472, "anti-leg-on", &[])),
    row("anti_legionella_off", "do not disinfect by itself", Argument::None, &["antiLegionellaSettingUse"], Wire::Control(33_554_471, "anti-leg-off", &[])),
    row("time_of_use_on", "follow the time-of-use plan", Argument::None, &[], Wire::Control(33_554_476, "tou-on", &[])),
    row("time_of_use_off", "ignore the time-of-use plan", Argument::None, &[], Wire::Control(33_554_475, "tou-off", &[])),
    row("demand_response_on", "follow the utility's requests", Argument::None, &["drSettingUse"], Wire::Control(33_554_470, "dr-on", &[])),
    row("demand_response_off", "ignore the utility's requests", Argument::None, &["drSettingUse"], Wire::Control(33_554_469, "dr-off", &[])),
    row("recirculation_hot_button", "run the recirculation pump once, as its button does", Argument::None, &["recirculationUse"], Wire::Control(33_554_444, "recirc-hotbtn", &[1])),
    row("set_recirculation_mode", "choose when the recirculation pump runs", Argument::Word(RECIRCULATION_MODES), &["recirculationUse"], Wire::Control(33_554_445, "recirc-mode", &[])),
    row("reset_air_filter", "count the hours of the air filter from zero", Argument::None, &[], Wire::Control(33_554_473, "air-filter-reset", &[])),
    row("set_air_filter_life", "remind of the air filter after so many hours; 0 never", Argument::FilterHours, &[], Wire::Control(33_554_474, "air-filter-life", &[])),
];

/// The line of this name.
#[must_use]
pub fn row_of(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// A command, right in form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    row: &'static Row,
    /// In the unit of the wire; 0 without an argument.
    value: i64,
}

impl Command {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.row.name
    }

    /// Whether it changes the heater, and does not just ask.
    #[must_use]
    pub const fn changes(&self) -> bool {
        match self.row.wire {
            Wire::Ask(_) => false,
            Wire::Control(..) => true,
        }
    }

    /// The question that it asks, if it is one.
    #[must_use]
    pub const fn question(&self) -> Option<Kind> {
        match self.row.wire {
            Wire::Ask(kind) => Some(kind),
            Wire::Control(..) => None,
        }
    }

    /// `command`, `mode` and `param` of the request, if it is a control.
    #[must_use]
    pub fn control(&self) -> Option<(i64, &'static str, Value)> {
        let Wire::Control(number, mode, before) = self.row.wire else { return None };
        let value = (self.row.argument != Argument::None).then_some(self.value);
        let param: Vec<i64> = before.iter().copied().chain(value).collect();
        Some((number, mode, json!(param)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_numbers_belong_to_one_mode() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", row.name);
            assert!(ROWS.iter().skip(index + 1).all(|other| other.name != row.name), "{}", row.name);
            if let Wire::Control(number, mode, _) = row.wire {
                let same = |other: &Row| match other.wire {
                    Wire::Control(n, m, _) => (n == number) == (m == mode),
                    Wire::Ask(_) => true,
                };
                assert!(ROWS.iter().all(same), "{}", row.name);
            }
        }
    }

    #[test]
    fn values_stand_behind_what_the_command_begins_with() {
        let param = |name: &str, value| Command { row: row_of(name).unwrap(), value }.control().unwrap().2;
        assert_eq!(param("vacation", 7), json!([5, 7]));
        assert_eq!(param("set_temperature", 120), json!([120]));
        assert_eq!(param("recirculation_hot_button", 0), json!([1]));
        assert_eq!(param("power_on", 0), json!([]));
    }
}
