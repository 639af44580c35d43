//! A command from JSON or from the words of a command line. Pure.
//!
//! Never guesses a unit: a temperature says whether it is Celsius or Fahrenheit.

use serde_json::{Value, json};

use super::{Argument, Command, ROWS, Row, row_of};
use crate::source::command::Fields;

/// No water heater is set beyond these, in half-degrees Celsius; its own range is narrower.
const HALF_DEGREES: std::ops::RangeInclusive<i64> = 0..=200;
/// A vacation, or the pause between two disinfections.
const DAYS: std::ops::RangeInclusive<i64> = 1..=30;
/// The life of an air filter in steps of [`FILTER_STEP`] hours.
const FILTER_STEPS: std::ops::RangeInclusive<i64> = 2..=20;
const FILTER_STEP: i64 = 500;

/// Reads `{"command": "…", …}`.
///
/// # Errors
/// A sentence that shows what is right.
pub fn read(fields: &Fields) -> Result<Command, String> {
    for (index, (key, _)) in fields.iter().enumerate() {
        if fields.iter().skip(index + 1).any(|(other, _)| other == key) {
            return Err(format!("`{}` is given twice", clean(key)));
        }
    }
    let field = |key: &str| fields.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let row = match field("command") {
        Some(Value::String(name)) => row_of(name).ok_or_else(|| unknown(name))?,
        Some(_) => return Err(format!("`command` must be text: write for example {}", sample())),
        None => return Err(format!("`command` is missing: write for example {}", sample())),
    };
    let keys: &[&str] = match row.argument {
        Argument::None => &[],
        Argument::Temperature => &["celsius", "fahrenheit"],
        Argument::Word(_) => &["mode"],
        Argument::Days => &["days"],
        Argument::FilterHours => &["hours"],
    };
    let strange = fields.iter().find(|(key, _)| key != "command" && !keys.contains(&key.as_str()));
    if let Some((key, _)) = strange {
        return Err(format!("`{}` is no field of `{}`: write {}", clean(key), row.name, example(row)));
    }
    let wrong = |said: String| format!("{said}: write {}", example(row));
    let value = match row.argument {
        Argument::None => 0,
        Argument::Temperature => match (field("celsius"), field("fahrenheit")) {
            (Some(celsius), None) => half_degrees(number(celsius, "celsius").map_err(wrong)?)?,
            (None, Some(fahrenheit)) => from_fahrenheit(number(fahrenheit, "fahrenheit").map_err(wrong)?)?,
            (Some(_), Some(_)) => return Err("give `celsius` or `fahrenheit`, not both".to_owned()),
            (None, None) => return Err(wrong("the temperature is missing".to_owned())),
        },
        Argument::Word(words) => {
            let given = field("mode").ok_or_else(|| wrong("`mode` is missing".to_owned()))?;
            let known = given.as_str().and_then(|given| words.iter().find(|(word, _)| *word == given));
            known
                .map(|(_, number)| *number)
                .ok_or_else(|| format!("`mode` must be one of {}", list(words)))?
        }
        Argument::Days => {
            let days = field("days").ok_or_else(|| wrong("`days` is missing".to_owned()))?;
            days.as_i64()
                .filter(|days| DAYS.contains(days))
                .ok_or("`days` must be a whole number from 1 to 30")?
        }
        Argument::FilterHours => {
            let hours = field("hours").ok_or_else(|| wrong("`hours` is missing".to_owned()))?;
            hours.as_i64().and_then(filter_steps).ok_or(
                "`hours` must be 0 (never remind) or 1000 to 10000 in steps of 500, for example 1000",
            )?
        }
    };
    Ok(Command { row, value })
}

/// The JSON object of a command as people type it: `set-temperature 55C`, `set-mode heat-pump`, `vacation 7`.
///
/// # Errors
/// A sentence that shows what is right.
pub fn from_words(name: &str, values: &[String]) -> Result<Value, String> {
    let name = name.replace('-', "_");
    let row = row_of(&name).ok_or_else(|| unknown(&name))?;
    let usage = || format!("write `{}`", usage(row));
    let mut object = json!({ "command": row.name });
    let (key, value) = match (row.argument, values) {
        (Argument::None, []) => return Ok(object),
        (Argument::None, _) => return Err(format!("`{}` takes no value: {}", row.name, usage())),
        (_, [value]) => worded(row.argument, value).ok_or_else(usage)?,
        (_, _) => return Err(usage()),
    };
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
    Ok(object)
}

/// How a command is typed.
#[must_use]
pub fn usage(row: &Row) -> String {
    let name = row.name.replace('_', "-");
    match row.argument {
        Argument::None => name,
        Argument::Temperature => format!("{name} 55C (or 131F)"),
        Argument::Word(words) => {
            let words: Vec<String> = words.iter().map(|(word, _)| word.replace('_', "-")).collect();
            format!("{name} {}", words.join("|"))
        }
        Argument::Days => format!("{name} 7 (days, 1 to 30)"),
        Argument::FilterHours => format!("{name} 1000 (hours: 0, or 1000 to 10000 in steps of 500)"),
    }
}

fn worded(argument: Argument, text: &str) -> Option<(&'static str, Value)> {
    let lower = text.to_ascii_lowercase();
    let behind = |units: &[&str]| {
        let digits = units.iter().find_map(|unit| lower.strip_suffix(unit)).unwrap_or(&lower);
        digits.trim().parse::<i64>().ok().map(Value::from)
    };
    match argument {
        Argument::None => None,
        Argument::Temperature => {
            let degrees = |unit: char| {
                let digits = lower.strip_suffix(unit)?.trim().trim_end_matches('°').trim();
                digits.parse::<f64>().ok().filter(|degrees| degrees.is_finite()).map(|degrees| json!(degrees))
            };
            degrees('c').map(|c| ("celsius", c)).or_else(|| degrees('f').map(|f| ("fahrenheit", f)))
        }
        Argument::Word(_) => Some(("mode", Value::from(lower.replace('-', "_")))),
        Argument::Days => behind(&["days", "day", "d"]).map(|days| ("days", days)),
        Argument::FilterHours => behind(&["hours", "h"]).map(|hours| ("hours", hours)),
    }
}

fn number(value: &Value, key: &str) -> Result<f64, String> {
    let number = value.as_f64().filter(|number| number.is_finite() && number.abs() < 1e6);
    number.ok_or_else(|| format!("`{key}` must be a number of degrees"))
}

/// Degrees Celsius to half-degrees; only what the wire can say exactly.
fn half_degrees(celsius: f64) -> Result<i64, String> {
    let doubled = celsius * 2.0;
    if (doubled - doubled.round()).abs() > 1e-6 {
        let (below, above) = (doubled.floor() / 2.0, doubled.ceil() / 2.0);
        return Err(format!("{celsius} °C is not a half-degree: write {below} or {above}"));
    }
    whole(doubled)
}

/// Degrees Fahrenheit to the nearest half-degree Celsius, as the front panel does it.
fn from_fahrenheit(fahrenheit: f64) -> Result<i64, String> {
    whole(((fahrenheit - 32.0) * 10.0 / 9.0).round())
}

fn whole(half_degrees: f64) -> Result<i64, String> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and the range is looked at next"
    )]
    let half_degrees = half_degrees.round() as i64;
    if HALF_DEGREES.contains(&half_degrees) {
        return Ok(half_degrees);
    }
    Err("the temperature must be that of water: 0 to 100 °C, 32 to 212 °F".to_owned())
}

fn filter_steps(hours: i64) -> Option<i64> {
    let steps = hours / FILTER_STEP;
    let exact = hours % FILTER_STEP == 0 && (steps == 0 || FILTER_STEPS.contains(&steps));
    exact.then_some(steps)
}

fn example(row: &Row) -> String {
    let mut object = json!({ "command": row.name });
    let value = match row.argument {
        Argument::None => None,
        Argument::Temperature => Some(("celsius", json!(55))),
        Argument::Word(words) => words.first().map(|(word, _)| ("mode", json!(word))),
        Argument::Days => Some(("days", json!(7))),
        Argument::FilterHours => Some(("hours", json!(1000))),
    };
    if let (Some((key, value)), Some(fields)) = (value, object.as_object_mut()) {
        fields.insert(key.to_owned(), value);
    }
    object.to_string()
}

/// A whole command that everybody understands.
fn sample() -> String {
    row_of("set_temperature").map(example).unwrap_or_default()
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    format!("there is no command `{}`; there are: {}", clean(name), names.join(", "))
}

fn list(words: &[(&str, i64)]) -> String {
    words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What a stranger wrote, short and without control characters.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(object: &Value) -> Result<Command, String> {
        let fields: Vec<_> =
            object.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        read(&fields)
    }

    #[test]
    fn every_example_is_right_in_json_and_on_the_command_line() {
        for row in ROWS {
            let object: Value = serde_json::from_str(&example(row)).unwrap();
            let command = parse(&object).unwrap();
            assert_eq!(command.name(), row.name);
            let typed = usage(row);
            let mut words = typed.split([' ', '|']);
            let name = words.next().unwrap();
            let values: Vec<String> = words.next().map(str::to_owned).into_iter().collect();
            assert_eq!(parse(&from_words(name, &values).unwrap()), Ok(command), "{typed}");
        }
    }

    #[test]
    fn a_temperature_becomes_half_degrees_celsius() {
        for (object, expected) in [
            (json!({"command": "set_temperature", "celsius": 55}), 110),
            (json!({"command": "set_temperature", "celsius": 60.5}), 121),
            (json!({"command": "set_temperature", "fahrenheit": 131}), 110),
            (json!({"command": "set_temperature", "fahrenheit": 120}), 98),
        ] {
            assert_eq!(parse(&object).unwrap().value, expected, "{object}");
        }
    }

    #[test]
    fn what_is_wrong_is_answered_with_what_is_right() {
        for (object, said) in [
            (json!({}), "`command` is missing: write for example {\"celsius\":55"),
            (json!({"command": 7}), "must be text"),
            (json!({"command": "explode"}), "there are: read_status"),
            (json!({"command": "set_temperature"}), "\"celsius\":55"),
            (json!({"command": "set_temperature", "celsius": "55"}), "must be a number of degrees"),
            (json!({"command": "set_temperature", "celsius": 55.3}), "write 55 or 55.5"),
            (json!({"command": "set_temperature", "celsius": 131}), "0 to 100 °C"),
            (json!({"command": "set_temperature", "celsius": -1e300}), "must be a number of degrees"),
            (json!({"command": "set_temperature", "celsius": 55, "fahrenheit": 131}), "not both"),
            (json!({"command": "set_temperature", "degrees": 55}), "`degrees` is no field"),
            (json!({"command": "set_mode", "mode": "vacation"}), "`heat_pump`, `electric`"),
            (json!({"command": "set_mode", "mode": 1}), "`heat_pump`, `electric`"),
            (json!({"command": "vacation", "days": 31}), "1 to 30"),
            (json!({"command": "vacation", "days": 7.5}), "1 to 30"),
            (json!({"command": "vacation", "days": u64::MAX}), "1 to 30"),
            (json!({"command": "set_air_filter_life", "hours": 500}), "1000 to 10000"),
            (json!({"command": "power_on", "mode": "x"}), "`mode` is no field of `power_on`"),
        ] {
            let fault = parse(&object).unwrap_err();
            assert!(fault.contains(said), "{object}: {fault}");
        }
        let twice = [("command".to_owned(), json!("power_on")), ("command".to_owned(), json!("power_off"))];
        assert_eq!(read(&twice), Err("`command` is given twice".to_owned()));
    }

    #[test]
    fn typed_values_want_their_unit_where_there_are_two() {
        let words = |name: &str, value: &str| from_words(name, &[value.to_owned()]);
        assert_eq!(words("set-temperature", "55.5°C").unwrap()["celsius"], 55.5);
        assert_eq!(words("set_temperature", "131 F").unwrap()["fahrenheit"], 131.0);
        assert!(words("set-temperature", "55").unwrap_err().contains("55C (or 131F)"));
        assert!(words("set-temperature", "NaNC").is_err() && words("set-temperature", "infF").is_err());
        assert_eq!(words("vacation", "7d").unwrap()["days"], 7);
        assert!(words("power-off", "now").unwrap_err().contains("takes no value"));
        assert!(from_words("vacation", &[]).unwrap_err().contains("vacation 7"));
    }
}
