//! `hangup devices`: sign in, list what is there, ask each for a status, and leave.
//!
//! The one place that prints a MAC: its owner needs it to name a device.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use tracing::Level;

use super::{ConfigArguments, PROBLEM, USAGE, logs, output};
use crate::app::devices::{self, Device, DeviceReading};
use crate::config::{Connection, Log, Source};

const EXAMPLES: &str = "\
Examples:
  NAVIEN_EMAIL=… NAVIEN_PASSWORD=… hangup devices
  hangup devices --config hangup.toml --json

The first thing to do with a new account: it shows that sign-in works and which MAC is which
heater.";

/// Sign in, list the devices with a few readings, and exit
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Print JSON with all readings instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments, level: Option<Level>) -> ExitCode {
    let loaded = match arguments.config.load() {
        Ok(loaded) => loaded,
        Err(problems) => return output::problems(&problems, USAGE),
    };
    logs::start(Log { level: Level::WARN, ..loaded.config.log }, level);
    let silent: Vec<_> = loaded.config.connections.iter().filter_map(lists_nothing).collect();
    let accounts = loaded.config.connections.len() > silent.len();
    for why in &silent {
        output::note(why);
    }
    let (devices, faults) = match devices::find(loaded.config) {
        Ok(found) => found,
        Err(why) => {
            output::note(format!("hangup: {why}"));
            return ExitCode::from(PROBLEM);
        }
    };
    for why in &faults {
        output::note(format!("hangup: {why}"));
    }
    // Of accounts that could not be asked nothing is known, which is not the same as an empty list.
    let is_known = faults.is_empty() || !devices.is_empty();
    if is_known && arguments.json {
        output::result(json(&devices));
    } else if is_known && accounts {
        output::result(table(&devices).trim_end());
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) }
}

/// Why nothing can be listed of a connection; `None` where an account lists its devices.
fn lists_nothing(Connection { name, source, .. }: &Connection) -> Option<String> {
    match source {
        Source::Navien(_) => None,
        Source::Broker(_) | Source::AwsIot(_) => Some(format!(
            "connection `{name}`: a broker keeps no list of devices; whoever publishes under a `[[connection.subscribe]]` \
             is on the page of `hangup run` from its first message on"
        )),
    }
}

fn json(devices: &[Device]) -> String {
    // Strings, numbers and lists of them always serialise; a reading that is not finite becomes null.
    serde_json::to_string_pretty(devices).unwrap_or_default()
}

/// A table for people, and the lines that would name what has no name yet.
fn table(devices: &[Device]) -> String {
    if devices.is_empty() {
        return "The account has no device of a kind that hangup knows.\n".to_owned();
    }
    let heading =
        ["NAME", "MAC", "LABEL", "ONLINE", "TANK", "SETPOINT", "CHARGE", "POWER"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heading).chain(devices.iter().map(row)).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            format!("{cell:<width$}")
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    let nameless: Vec<_> = devices.iter().filter(|device| device.supported && !device.named).collect();
    if !nameless.is_empty() {
        text.push_str("\nTo choose a label, write it under [connection.source.navien]:\n\n[connection.source.navien.devices]\n");
        for device in nameless {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\"{}\" = \"{}\"", device.mac, device.label);
        }
    }
    text
}

fn row(device: &Device) -> [String; 8] {
    let online = match device.online {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let reading = |metric: &str, label: Option<(&str, &str)>| {
        let wanted = |reading: &&DeviceReading| {
            reading.metric == metric
                && label.is_none_or(|(key, value)| reading.labels.get(key).is_some_and(|is| is == value))
        };
        device.readings.iter().find(wanted).map(|reading| reading.value)
    };
    let cell = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "-".to_owned(), show);
    [
        device.name.clone(),
        device.mac.clone(),
        device.label.clone(),
        online.to_owned(),
        cell(reading("navien_temperature_celsius", Some(("sensor", "tank_upper"))), |c| format!("{c:.1} °C")),
        cell(reading("navien_setpoint_celsius", None), |c| format!("{c:.1} °C")),
        cell(reading("navien_charge_ratio", None), |ratio| format!("{:.0} %", ratio * 100.0)),
        cell(reading("navien_power_watts", None), |watts| format!("{watts:.0} W")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(named: bool) -> Device {
        let reading = |metric: &str, labels: &[(&str, &str)], value| DeviceReading {
            metric: metric.to_owned(),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            value,
        };
        Device {
            connection: "home".to_owned(),
            name: "Boiler".to_owned(),
            mac: "020000aabb01".to_owned(),
            label: "basement".to_owned(),
            named,
            supported: true,
            online: Some(true),
            readings: vec![
                reading("navien_temperature_celsius", &[("sensor", "tank_lower")], 20.0),
                reading("navien_temperature_celsius", &[("sensor", "tank_upper")], 51.25),
                reading("navien_charge_ratio", &[], 0.84),
            ],
        }
    }

    #[test]
    fn a_table_shows_what_is_known_and_a_dash_for_the_rest() {
        assert_eq!(
            table(&[device(true)]),
            "NAME    MAC           LABEL     ONLINE  TANK     SETPOINT  CHARGE  POWER\n\
             Boiler  020000aabb01  basement  yes     51.2 °C  -         84 %    -\n"
        );
    }

    #[test]
    fn a_device_without_a_name_comes_with_the_lines_that_name_it() {
        assert!(
            table(&[device(false)])
                .ends_with("[connection.source.navien.devices]\n\"020000aabb01\" = \"basement\"\n")
        );
    }

    #[test]
    fn json_holds_every_reading() {
        let parsed: serde_json::Value = serde_json::from_str(&json(&[device(true)])).unwrap();
        assert_eq!(parsed[0]["readings"].as_array().unwrap().len(), 3);
        assert_eq!(parsed[0]["online"], true);
    }
}
