//! Lifetime counters of the diagnostics answer, and pending firmware downloads.
//!
//! Never exports the draw statistics: their units are not known. Pure.

use serde_json::Value;

use super::field::{Field, Scale};
use super::{Writer, truth};
use crate::reading::Quantity;
use crate::source::navien::{quantities as q, wire};

/// Turns `response.data` of a diagnostics answer into readings.
pub fn write(data: &Value, recirculation: bool, out: &mut Writer<'_>) {
    for (object, fields) in [("tsData", TS_FIELDS), ("taData", TA_FIELDS)] {
        if let Some(object) = data.get(object) {
            for field in fields {
                field.write(object, recirculation, out);
            }
        }
    }
}

/// Turns the list of downloads into readings; a component whose code is 0 is an empty slot.
pub fn write_firmware(list: &Value, out: &mut Writer<'_>) {
    if !out.diagnostic {
        return;
    }
    for download in list.as_array().map_or(&[][..], Vec::as_slice) {
        let number = |key: &str| download.get(key).and_then(wire::integer);
        let component = match number("swCode") {
            Some(33_556_241) => "controller",
            Some(268_435_985) => "wifi",
            Some(268_435_777) => "panel",
            Some(0) => continue,
            Some(_) => "other",
            None => {
                out.bad("swCode");
                continue;
            }
        };
        let pending = number("swVersion").is_some_and(|version| version != 0);
        out.put(&q::FIRMWARE_UPDATE_PENDING, &[("component", component)], truth(pending));
    }
}

type Labels = &'static [(&'static str, &'static str)];

const fn counter(
    keys: &'static [&'static str],
    quantity: &'static Quantity,
    labels: Labels,
    scale: Scale,
) -> Field {
    Field::number(keys, quantity, labels, scale)
}

/// Counters by event. The energy among them is the same as in the energy answer and is taken from there.
pub const TS_FIELDS: &[Field] = &[
    counter(&["daysSinceInstallation"], &q::INSTALLED, &[], Scale::Days).diagnostic(),
    counter(&["cumulatedOccNumEco"], &q::FAULT_EVENTS, &[("kind", "overheat_cutoff")], Scale::Plain),
    counter(&["cumulatedOccNumDryFire"], &q::FAULT_EVENTS, &[("kind", "dry_fire")], Scale::Plain),
    counter(&["numOffRostProtectBurn"], &q::FAULT_EVENTS, &[("kind", "frost_protection")], Scale::Plain),
    counter(
        &["cumulatedOccNumConOvrFlow"],
        &q::FAULT_EVENTS,
        &[("kind", "condensate_overflow")],
        Scale::Plain,
    ),
    counter(&["cumulatedOccNumWtrOvrFlow"], &q::FAULT_EVENTS, &[("kind", "water_leak")], Scale::Plain),
    counter(
        &["cumulatedOccNumAbDisTmp"],
        &q::FAULT_EVENTS,
        &[("kind", "discharge_temperature")],
        Scale::Plain,
    ),
    counter(&["cumulatedOccNumAbHpo"], &q::FAULT_EVENTS, &[("kind", "heat_pump_operation")], Scale::Plain),
    counter(&["cumulatedOccNumAbSucTmp"], &q::FAULT_EVENTS, &[("kind", "suction_temperature")], Scale::Plain),
    counter(
        &["cumulatedOccNumAbDisSucTmp"],
        &q::FAULT_EVENTS,
        &[("kind", "discharge_suction_difference")],
        Scale::Plain,
    ),
    counter(&["cumulatedOpTimeDrShed"], &q::DEMAND_RESPONSE_TIME, &[("event", "shed")], Scale::Hours)
        .diagnostic(),
    counter(&["cumulatedOpTimeDrLoadUp"], &q::DEMAND_RESPONSE_TIME, &[("event", "load_up")], Scale::Hours)
        .diagnostic(),
    counter(
        &["cumulatedOpTimeDrAdvLoadUp"],
        &q::DEMAND_RESPONSE_TIME,
        &[("event", "advanced_load_up")],
        Scale::Hours,
    )
    .diagnostic(),
    counter(&["cumulatedOpTimeDrCpp"], &q::DEMAND_RESPONSE_TIME, &[("event", "critical_peak")], Scale::Hours)
        .diagnostic(),
    counter(
        &["cumulatedOpTimeDrGridEmg"],
        &q::DEMAND_RESPONSE_TIME,
        &[("event", "grid_emergency")],
        Scale::Hours,
    )
    .diagnostic(),
];

/// Running times and starts by component.
pub const TA_FIELDS: &[Field] = &[
    counter(&["cumulatedOpTimeComp"], &q::COMPONENT_RUNTIME, COMPRESSOR, Scale::Hours),
    counter(&["cumulatedOpTimeEvaFan"], &q::COMPONENT_RUNTIME, EVAPORATOR_FAN, Scale::Hours),
    counter(&["cumulatedOpTimeUhe"], &q::COMPONENT_RUNTIME, ELEMENT_UPPER, Scale::Hours),
    counter(&["cumulatedOpTimeLhe"], &q::COMPONENT_RUNTIME, ELEMENT_LOWER, Scale::Hours),
    counter(&["cumulatedOpTimeRecircPump"], &q::COMPONENT_RUNTIME, RECIRCULATION, Scale::Hours)
        .with_recirculation(),
    counter(&["cumulatedOpNumComp"], &q::COMPONENT_STARTS, COMPRESSOR, Scale::Plain),
    counter(&["cumulatedOpNumEvaFan"], &q::COMPONENT_STARTS, EVAPORATOR_FAN, Scale::Plain),
    counter(&["cumulatedOpNumUhe"], &q::COMPONENT_STARTS, ELEMENT_UPPER, Scale::Plain),
    counter(&["cumulatedOpNumLhe"], &q::COMPONENT_STARTS, ELEMENT_LOWER, Scale::Plain),
    counter(
        &["cumulatedOpNumShutOffVv"],
        &q::COMPONENT_STARTS,
        &[("component", "shut_off_valve")],
        Scale::Plain,
    ),
    counter(&["cumulatedOpNumRecircPump"], &q::COMPONENT_STARTS, RECIRCULATION, Scale::Plain)
        .with_recirculation(),
];

const COMPRESSOR: Labels = &[("component", "compressor")];
const EVAPORATOR_FAN: Labels = &[("component", "evaporator_fan")];
const ELEMENT_UPPER: Labels = &[("component", "element_upper")];
const ELEMENT_LOWER: Labels = &[("component", "element_lower")];
const RECIRCULATION: Labels = &[("component", "recirculation")];
