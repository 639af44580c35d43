//! What one heater can do, as its features say, and whether a command keeps to it. Pure.
//!
//! Never lets a command through to a heater whose features are not known.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Argument, Command, MODES};
use crate::connection::order::Refusal;
use crate::source::navien::wire;

/// What the features of one heater say of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Lowest and highest setpoint in half-degrees Celsius, where both are told.
    setpoint: Option<(i64, i64)>,
    /// `dhwTemperatureSettingUse`: 1 not at all, 2 half-degrees, 3 whole degrees, 4 three stages.
    step: Option<i64>,
    /// The features that are there, as they are called on the wire.
    has: BTreeSet<&'static str>,
}

/// Features that a command can need, in their order on the wire.
const KNOWN: &[&str] = &[
    "powerUse",
    "holidayUse",
    "antiLegionellaSettingUse",
    "drSettingUse",
    "recirculationUse",
    "heatpumpUse",
    "electricUse",
    "energySaverUse",
    "highDemandUse",
];

/// The feature behind each of the [`MODES`].
const MODE_FEATURES: [&str; 4] = ["heatpumpUse", "electricUse", "energySaverUse", "highDemandUse"];

impl Abilities {
    /// What a feature object says.
    #[must_use]
    pub fn of(feature: &Value) -> Self {
        let number = |key: &str| feature.get(key).and_then(wire::integer);
        let has = |key: &&&'static str| number(key) == Some(2);
        Self {
            setpoint: number("dhwTemperatureMin")
                .zip(number("dhwTemperatureMax"))
                .filter(|(min, max)| min < max),
            step: number("dhwTemperatureSettingUse"),
            has: KNOWN.iter().filter(has).copied().collect(),
        }
    }
}

/// Whether a heater with these abilities can obey.
///
/// # Errors
/// Why not, and what it could.
pub fn check(command: &Command, abilities: Option<&Abilities>) -> Result<(), Refusal> {
    if command.question().is_some() {
        return Ok(());
    }
    let abilities = abilities.ok_or(Refusal::FeaturesUnknown)?;
    if let Some(missing) = command.row.needs.iter().find(|feature| !abilities.has.contains(*feature)) {
        return Err(Refusal::Unsupported(format!(
            "the heater does not have what `{}` needs: its features do not say `{missing}`",
            command.name()
        )));
    }
    match command.row.argument {
        Argument::Temperature => temperature(command.value, abilities),
        Argument::Word(words) if words == MODES => mode(command.value, abilities),
        Argument::Word(_) | Argument::None | Argument::Days | Argument::FilterHours => Ok(()),
    }
}

fn temperature(half_degrees: i64, abilities: &Abilities) -> Result<(), Refusal> {
    let Some((min, max)) = abilities.setpoint else { return Err(Refusal::FeaturesUnknown) };
    if !(min..=max).contains(&half_degrees) {
        return Err(Refusal::BadValue(format!(
            "the heater takes {} to {} °C ({} to {} °F), not {} °C",
            celsius(min),
            celsius(max),
            fahrenheit(min),
            fahrenheit(max),
            celsius(half_degrees)
        )));
    }
    match abilities.step {
        Some(1) => Err(Refusal::Unsupported("the heater does not let its temperature be set".to_owned())),
        Some(3) if half_degrees % 2 != 0 => Err(Refusal::BadValue(format!(
            "the heater takes whole degrees Celsius: write {} or {}",
            celsius(half_degrees - 1),
            celsius(half_degrees + 1)
        ))),
        Some(4) => Err(Refusal::Unsupported(
            "the heater takes three stages instead of a temperature, and which they are is not known"
                .to_owned(),
        )),
        Some(_) | None => Ok(()),
    }
}

fn mode(number: i64, abilities: &Abilities) -> Result<(), Refusal> {
    let features = || MODES.iter().zip(MODE_FEATURES);
    let there = features().any(|((_, mode), feature)| *mode == number && abilities.has.contains(feature));
    if there {
        return Ok(());
    }
    let possible: Vec<String> = features()
        .filter(|(_, feature)| abilities.has.contains(feature))
        .map(|((word, _), _)| format!("`{word}`"))
        .collect();
    Err(Refusal::Unsupported(format!("the heater does not have this mode; it has {}", possible.join(", "))))
}

#[expect(clippy::cast_precision_loss, reason = "temperatures of water")]
fn celsius(half_degrees: i64) -> f64 {
    half_degrees as f64 / 2.0
}

fn fahrenheit(half_degrees: i64) -> f64 {
    (celsius(half_degrees) * 9.0 / 5.0 + 32.0).round()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{ROWS, row_of};
    use super::*;

    fn command(name: &str, value: i64) -> Command {
        Command { row: row_of(name).unwrap(), value }
    }

    fn abilities(step: i64) -> Abilities {
        Abilities::of(&json!({
            "dhwTemperatureMin": 81, "dhwTemperatureMax": 131, "dhwTemperatureSettingUse": step,
            "powerUse": 2, "holidayUse": 1, "heatpumpUse": 2, "electricUse": 0, "energySaverUse": "2",
        }))
    }

    #[test]
    fn a_temperature_keeps_to_the_range_and_the_steps_of_the_heater() {
        for (value, step, expected) in [
            (81, 2, Ok(())),
            (131, 2, Ok(())),
            (80, 2, Err("40.5 to 65.5 °C (105 to 150 °F), not 40 °C")),
            (132, 2, Err("not 66 °C")),
            (111, 3, Err("write 55 or 56")),
            (110, 3, Ok(())),
            (110, 1, Err("does not let")),
            (110, 4, Err("three stages")),
        ] {
            let checked = check(&command("set_temperature", value), Some(&abilities(step)));
            match (checked, expected) {
                (Ok(()), Ok(())) => {}
                (Err(refusal), Err(said)) => assert!(refusal.to_string().contains(said), "{refusal}"),
                (checked, _) => panic!("{value}: {checked:?}"),
            }
        }
    }

    #[test]
    fn a_mode_that_is_not_fitted_is_refused_with_those_that_are() {
        assert_eq!(check(&command("set_mode", 1), Some(&abilities(2))), Ok(()));
        assert_eq!(check(&command("set_mode", 3), Some(&abilities(2))), Ok(()));
        let refusal = check(&command("set_mode", 2), Some(&abilities(2))).unwrap_err();
        assert!(refusal.to_string().ends_with("it has `heat_pump`, `energy_saver`"), "{refusal}");
    }

    #[test]
    fn what_is_not_fitted_is_not_commanded() {
        assert_eq!(check(&command("power_off", 0), Some(&abilities(2))), Ok(()));
        let refusal = check(&command("vacation", 7), Some(&abilities(2))).unwrap_err();
        assert!(refusal.to_string().contains("holidayUse"), "{refusal}");
    }

    #[test]
    fn without_features_only_questions_pass() {
        for row in ROWS {
            let command = Command { row, value: 0 };
            let expected = if command.changes() { Err(Refusal::FeaturesUnknown) } else { Ok(()) };
            assert_eq!(check(&command, None), expected, "{}", row.name);
        }
    }

    #[test]
    fn every_feature_that_a_command_needs_is_read() {
        for feature in ROWS.iter().flat_map(|row| row.needs).chain(&MODE_FEATURES) {
            assert!(KNOWN.contains(feature), "{feature}");
        }
    }
}
