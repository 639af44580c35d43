//! The status: every key that is known, and what it becomes. The order is that of `navien-metrics-candidates`.
//!
//! Never drops a message for one bad field. Pure.

use serde_json::Value;

use super::field::{Field, Scale, peek};
use super::{Writer, truth};
use crate::source::navien::quantities as q;

/// What of a status must be known to read the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The fault shown last: code and sub code.
    error: Option<(i64, i64)>,
}

/// Turns a status object into readings. `recirculation`: the features say that a loop is fitted.
pub fn write(status: &Value, recirculation: bool, memory: &mut Memory, out: &mut Writer<'_>) {
    for field in FIELDS {
        field.write(status, recirculation, out);
    }
    powered_on(status, out);
    usable_energy(status, out);
    error_info(status, memory, out);
}

/// The chosen mode is the only reliable power indicator; an unknown mode says nothing about it.
fn powered_on(status: &Value, out: &mut Writer<'_>) {
    if let Some(setting) = whole(status, "dhwOperationSetting").filter(|setting| (1..=6).contains(setting)) {
        out.put(&q::POWERED_ON, &[], truth(setting != 6));
    }
}

/// Full recovery minus what is missing: the setpoint, which moves both, cancels out.
fn usable_energy(status: &Value, out: &mut Writer<'_>) {
    let full = peek(status, "totalEnergyCapacity", Scale::FourWattHours);
    let missing = peek(status, "availableEnergyCapacity", Scale::FourWattHours);
    if let (Some(full), Some(missing)) = (full, missing) {
        out.put(&q::USABLE_ENERGY, &[], (full - missing).max(0.0));
    }
}

/// The fault in words while there is one. The series of a fault that is over leaves the page at once.
fn error_info(status: &Value, memory: &mut Memory, out: &mut Writer<'_>) {
    let Some(code) = whole(status, "errorCode") else { return };
    let sub = whole(status, "subErrorCode").unwrap_or(0);
    let error = (code != 0).then_some((code, sub));
    if let Some(past) = memory.error.filter(|past| Some(*past) != error) {
        with_error_labels(past, |labels| out.withdraw(&q::ERROR_INFO, labels));
    }
    if let Some(error) = error {
        with_error_labels(error, |labels| out.put(&q::ERROR_INFO, labels, 1.0));
    }
    memory.error = error;
}

fn with_error_labels((code, sub): (i64, i64), with: impl FnOnce(&[(&str, &str)])) {
    let name =
        ERRORS.iter().find(|(number, _)| i64::from(*number) == code).map_or("unknown", |(_, name)| name);
    with(&[("code", &format!("E{code:03}")), ("sub_code", &sub.to_string()), ("name", name)]);
}

#[expect(clippy::cast_possible_truncation, reason = "a code is whole and within 2^53")]
fn whole(status: &Value, key: &str) -> Option<i64> {
    peek(status, key, Scale::Code).map(|code| code as i64)
}

const OPERATION_MODES: &[(i32, &str)] =
    &[(0, "standby"), (32, "heat_pump"), (64, "hybrid_efficiency"), (96, "hybrid_boost")];
const OPERATION_SETTINGS: &[(i32, &str)] = &[
    (1, "heat_pump"),
    (2, "electric"),
    (3, "energy_saver"),
    (4, "high_demand"),
    (5, "vacation"),
    (6, "power_off"),
];
const HEAT_SOURCES: &[(i32, &str)] = &[(0, "none"), (1, "heat_pump"), (2, "element"), (3, "both")];
const DEMAND_RESPONSE_EVENTS: &[(i32, &str)] = &[
    (0, "none"),
    (1, "run_normal"),
    (2, "shed"),
    (3, "load_up"),
    (4, "advanced_load_up"),
    (5, "peak_event"),
];
const RECIRCULATION_MODES: &[(i32, &str)] =
    &[(1, "always"), (2, "button"), (3, "schedule"), (4, "temperature")];

/// Fault codes and what they are about.
pub const ERRORS: &[(i32, &str)] = &[
    (96, "upper_element"),
    (97, "lower_element"),
    (326, "dry_fire"),
    (407, "hot_water_sensor"),
    (445, "mixing_valve"),
    (480, "tank_upper_sensor"),
    (481, "tank_lower_sensor"),
    (515, "relay"),
    (517, "dip_switch"),
    (593, "panel_key"),
    (594, "eeprom"),
    (595, "power_meter"),
    (596, "wifi"),
    (598, "real_time_clock"),
    (615, "feedback"),
    (781, "cta_2045"),
    (798, "shut_off_valve"),
    (799, "water_leak"),
    (901, "overheat_cutoff"),
    (907, "compressor_power"),
    (908, "compressor"),
    (909, "evaporator_fan"),
    (910, "discharge_sensor"),
    (911, "discharge_too_hot"),
    (912, "suction_sensor"),
    (913, "suction_too_cold"),
    (914, "evaporator_sensor"),
    (915, "discharge_suction_difference"),
    (916, "evaporator_temperature"),
    (920, "ambient_sensor"),
    (940, "refrigerant_blockage"),
    (990, "condensate_overflow"),
];

const fn temperature(
    keys: &'static [&'static str],
    sensor: &'static [(&'static str, &'static str)],
    scale: Scale,
) -> Field {
    Field::number(keys, &q::TEMPERATURE, sensor, scale)
}

const fn running(
    keys: &'static [&'static str],
    component: &'static [(&'static str, &'static str)],
    scale: Scale,
) -> Field {
    Field::number(keys, &q::COMPONENT_RUNNING, component, scale)
}

const fn plain(
    keys: &'static [&'static str],
    quantity: &'static crate::reading::Quantity,
    scale: Scale,
) -> Field {
    Field::number(keys, quantity, &[], scale)
}

/// Every key of the status.
pub const FIELDS: &[Field] = &[
    // Mode and faults.
    Field::one_of(
        &["operationMode"],
        &q::OPERATION_MODE,
        "mode",
        OPERATION_MODES,
        Some(&q::OPERATION_MODE_CODE),
    ),
    Field::one_of(
        &["dhwOperationSetting"],
        &q::OPERATION_SETTING,
        "setting",
        OPERATION_SETTINGS,
        Some(&q::OPERATION_SETTING_CODE),
    ),
    plain(&["operationBusy"], &q::HEATING_ACTIVE, Scale::TriState),
    plain(&["dhwOperationBusy"], &q::HOT_WATER_DEMAND_ACTIVE, Scale::Flag).diagnostic(),
    Field::one_of(&["currentHeatUse"], &q::HEAT_SOURCE, "source", HEAT_SOURCES, Some(&q::HEAT_SOURCE_CODE)),
    plain(&["errorCode"], &q::ERROR_CODE, Scale::Code),
    plain(&["subErrorCode"], &q::ERROR_SUB_CODE, Scale::Code),
    Field::number(&["faultStatus1"], &q::FAULT_REGISTER, &[("register", "1")], Scale::Code).diagnostic(),
    Field::number(&["faultStatus2"], &q::FAULT_REGISTER, &[("register", "2")], Scale::Code).diagnostic(),
    plain(&["smartDiagnostic"], &q::SMART_DIAGNOSTIC_CODE, Scale::Code).diagnostic(),
    plain(&["specialFunctionStatus"], &q::SPECIAL_FUNCTION_CODE, Scale::Code).diagnostic(),
    plain(&["currentStatenum"], &q::STATE_NUMBER, Scale::Code).diagnostic(),
    plain(&["didReload"], &q::CONTROLLER_RELOADED, Scale::Flag).diagnostic(),
    plain(&["wifiRssi"], &q::WIFI_SIGNAL, Scale::Plain),
    Field::left_out(&["errorBuzzerUse"], "a setting that nobody plots"),
    Field::left_out(&["temperatureType"], "a label of navien_device_info, from the features"),
    Field::left_out(&["tempFormulaType"], "how the front panel rounds Fahrenheit"),
    Field::left_out(&["command"], "which kind of snapshot this is, not a state"),
    Field::left_out(&["macAddress"], "becomes the label device, through the alias"),
    // Temperatures.
    temperature(&["tankUpperTemperature"], &[("sensor", "tank_upper")], Scale::Tenth),
    temperature(&["tankLowerTemperature"], &[("sensor", "tank_lower")], Scale::Tenth),
    temperature(&["dhwTemperature"], &[("sensor", "hot_water")], Scale::Half),
    temperature(&["outsideTemperature"], &[("sensor", "outside")], Scale::Half),
    temperature(&["ambientTemperature"], &[("sensor", "ambient")], Scale::Tenth),
    // Half-degrees by the newest reading of the protocol; an older one says tenths.
    temperature(&["currentInletTemperature"], &[("sensor", "inlet")], Scale::Half),
    temperature(&["dischargeTemperature"], &[("sensor", "discharge")], Scale::Tenth),
    temperature(&["suctionTemperature"], &[("sensor", "suction")], Scale::Tenth).diagnostic(),
    temperature(&["evaporatorTemperature"], &[("sensor", "evaporator")], Scale::Tenth),
    temperature(&["dhwTemperature2"], &[("sensor", "hot_water_2")], Scale::Half).diagnostic(),
    plain(&["dhwTargetTemperatureSetting", "dhwTemperatureSetting"], &q::SETPOINT, Scale::Half),
    Field::number(&["targetSuperHeat"], &q::SUPERHEAT, &[("kind", "target")], Scale::Tenth).diagnostic(),
    Field::number(&["currentSuperHeat"], &q::SUPERHEAT, &[("kind", "current")], Scale::Tenth).diagnostic(),
    plain(&["heatMinOpTemperature"], &q::SETPOINT_MINIMUM_IN_MODE, Scale::Half).diagnostic(),
    plain(&["freezeProtectionTemperature"], &q::FREEZE_PROTECTION_THRESHOLD, Scale::Half).diagnostic(),
    Field::left_out(&["freezeProtectionTempMin"], "a limit that nobody plots"),
    Field::left_out(&["freezeProtectionTempMax"], "a limit that nobody plots"),
    // Control thresholds and their hysteresis.
    threshold(&["hpUpperOnTempSetting"], HEAT_PUMP_UPPER_ON),
    threshold(&["hpUpperOffTempSetting"], HEAT_PUMP_UPPER_OFF),
    threshold(&["hpLowerOnTempSetting"], HEAT_PUMP_LOWER_ON),
    threshold(&["hpLowerOffTempSetting"], HEAT_PUMP_LOWER_OFF),
    threshold(&["heUpperOnTempSetting"], ELEMENT_UPPER_ON),
    threshold(&["heUpperOffTempSetting"], ELEMENT_UPPER_OFF),
    threshold(&["heLowerOnTempSetting"], ELEMENT_LOWER_ON),
    threshold(&["heLowerOffTempSetting"], ELEMENT_LOWER_OFF),
    hysteresis(&["hpUpperOnDiffTempSetting"], HEAT_PUMP_UPPER_ON),
    hysteresis(&["hpUpperOffDiffTempSetting"], HEAT_PUMP_UPPER_OFF),
    hysteresis(&["hpLowerOnDiffTempSetting"], HEAT_PUMP_LOWER_ON),
    hysteresis(&["hpLowerOffDiffTempSetting"], HEAT_PUMP_LOWER_OFF),
    hysteresis(&["heUpperOnDiffTempSetting"], ELEMENT_UPPER_ON),
    hysteresis(&["heUpperOffDiffTempSetting"], ELEMENT_UPPER_OFF),
    // The first spelling is what heaters send; the second is what it should be.
    hysteresis(&["heLowerOnTDiffempSetting", "heLowerOnDiffTempSetting"], ELEMENT_LOWER_ON),
    hysteresis(&["heLowerOffDiffTempSetting"], ELEMENT_LOWER_OFF),
    // Power, charge, water.
    plain(&["currentInstPower"], &q::POWER, Scale::Plain),
    plain(&["dhwChargePer"], &q::CHARGE, Scale::Percent),
    // The name is backwards: it falls to zero when the tank is full.
    plain(&["availableEnergyCapacity"], &q::ENERGY_TO_SETPOINT, Scale::FourWattHours),
    plain(&["totalEnergyCapacity"], &q::FULL_RECOVERY_ENERGY, Scale::FourWattHours).diagnostic(),
    plain(&["currentDhwFlowRate"], &q::HOT_WATER_FLOW, Scale::Flow),
    plain(&["cumulatedDhwFlowRate"], &q::HOT_WATER, Scale::Plain),
    plain(&["dhwUse"], &q::HOT_WATER_IN_USE, Scale::Flag),
    plain(&["dhwUseSustained"], &q::HOT_WATER_IN_USE_SUSTAINED, Scale::Flag).diagnostic(),
    plain(&["mixingRate"], &q::MIXING_VALVE, Scale::Percent).diagnostic(),
    // Components.
    running(&["compUse"], &[("component", "compressor")], Scale::TriState),
    running(&["heatUpperUse"], &[("component", "element_upper")], Scale::TriState),
    running(&["heatLowerUse"], &[("component", "element_lower")], Scale::TriState),
    running(&["evaFanUse"], &[("component", "evaporator_fan")], Scale::Flag),
    running(&["eevUse"], &[("component", "expansion_valve")], Scale::Flag).diagnostic(),
    Field::number(&["currentFanRpm"], &q::FAN_SPEED, &[("kind", "current")], Scale::Plain).diagnostic(),
    Field::number(&["targetFanRpm"], &q::FAN_SPEED, &[("kind", "target")], Scale::Plain).diagnostic(),
    plain(&["fanPwm"], &q::FAN_PWM, Scale::Plain).diagnostic(),
    plain(&["eevStep"], &q::EXPANSION_VALVE, Scale::Plain).diagnostic(),
    plain(&["cumulatedOpTimeEvaFan"], &q::EVAPORATOR_FAN_RUNTIME, Scale::Hours),
    plain(&["shutOffValveUse"], &q::SHUT_OFF_VALVE, Scale::Flag).diagnostic(),
    // Protection.
    plain(&["freezeProtectionUse"], &q::FREEZE_PROTECTION_ACTIVE, Scale::Flag),
    plain(&["wtrOvrSensorUse"], &q::WATER_LEAK_SENSOR, Scale::Flag),
    plain(&["conOvrSensorUse"], &q::CONDENSATE_OVERFLOW_SENSOR, Scale::Flag),
    plain(&["ecoUse"], &q::OVERHEAT_CUTOFF, Scale::Flag),
    plain(&["scaldUse"], &q::SCALD_WARNING, Scale::Flag).diagnostic(),
    plain(&["antiLegionellaUse"], &q::ANTI_LEGIONELLA_ENABLED, Scale::TriState),
    plain(&["antiLegionellaOperationBusy"], &q::ANTI_LEGIONELLA_ACTIVE, Scale::TriState),
    plain(&["antiLegionellaPeriod"], &q::ANTI_LEGIONELLA_PERIOD, Scale::Days).diagnostic(),
    plain(&["airFilterAlarmUse"], &q::AIR_FILTER_ALARM_ENABLED, Scale::TriState).diagnostic(),
    plain(&["airFilterAlarmElapsed"], &q::AIR_FILTER_ELAPSED, Scale::Hours),
    plain(&["airFilterAlarmPeriod"], &q::AIR_FILTER_PERIOD, Scale::Hours),
    // Schedules and grid.
    plain(&["touStatus"], &q::TIME_OF_USE_ENABLED, Scale::NonZero),
    plain(&["touOverrideStatus"], &q::TIME_OF_USE_OVERRIDE, Scale::OneIsYes),
    Field::one_of(
        &["drEventStatus"],
        &q::DEMAND_RESPONSE_EVENT,
        "event",
        DEMAND_RESPONSE_EVENTS,
        Some(&q::DEMAND_RESPONSE_EVENT_CODE),
    ),
    plain(&["drOverrideStatus"], &q::DEMAND_RESPONSE_OVERRIDE_CODE, Scale::Code).diagnostic(),
    plain(&["programReservationUse"], &q::SCHEDULE_ENABLED, Scale::Flag).diagnostic(),
    Field::left_out(&["programReservationType"], "a code that the vendor does not explain"),
    Field::number(&["vacationDaySetting"], &q::VACATION, &[("kind", "setting")], Scale::Days).diagnostic(),
    Field::number(&["vacationDayElapsed"], &q::VACATION, &[("kind", "elapsed")], Scale::Days).diagnostic(),
    // Recirculation.
    temperature(&["recircTemperature"], &[("sensor", "recirculation")], Scale::Half).with_recirculation(),
    temperature(&["recircFaucetTemperature"], &[("sensor", "faucet")], Scale::Half).with_recirculation(),
    plain(&["recircTempSetting"], &q::RECIRCULATION_SETPOINT, Scale::Half).with_recirculation().diagnostic(),
    plain(&["recircDhwFlowRate"], &q::RECIRCULATION_FLOW, Scale::Flow).with_recirculation(),
    running(&["recircOperationBusy"], &[("component", "recirculation")], Scale::Flag).with_recirculation(),
    plain(&["recircPumpOperationStatus"], &q::RECIRCULATION_PUMP_STATUS_CODE, Scale::Code)
        .with_recirculation()
        .diagnostic(),
    Field::one_of(&["recircOperationMode"], &q::RECIRCULATION_MODE, "mode", RECIRCULATION_MODES, None)
        .with_recirculation()
        .diagnostic(),
    plain(&["recircErrorStatus"], &q::RECIRCULATION_ERROR_CODE, Scale::Code).with_recirculation(),
    plain(&["recircHotBtnReady"], &q::RECIRCULATION_HOT_BUTTON_CODE, Scale::Code)
        .with_recirculation()
        .diagnostic(),
    plain(&["recircOperationReason"], &q::RECIRCULATION_REASON_CODE, Scale::Code)
        .with_recirculation()
        .diagnostic(),
    plain(&["recircReservationUse"], &q::RECIRCULATION_SCHEDULE_ENABLED, Scale::TriState)
        .with_recirculation()
        .diagnostic(),
];

type Labels = &'static [(&'static str, &'static str)];
const HEAT_PUMP_UPPER_ON: Labels = &[("source", "heat_pump"), ("sensor", "upper"), ("edge", "on")];
const HEAT_PUMP_UPPER_OFF: Labels = &[("source", "heat_pump"), ("sensor", "upper"), ("edge", "off")];
const HEAT_PUMP_LOWER_ON: Labels = &[("source", "heat_pump"), ("sensor", "lower"), ("edge", "on")];
const HEAT_PUMP_LOWER_OFF: Labels = &[("source", "heat_pump"), ("sensor", "lower"), ("edge", "off")];
const ELEMENT_UPPER_ON: Labels = &[("source", "element"), ("sensor", "upper"), ("edge", "on")];
const ELEMENT_UPPER_OFF: Labels = &[("source", "element"), ("sensor", "upper"), ("edge", "off")];
const ELEMENT_LOWER_ON: Labels = &[("source", "element"), ("sensor", "lower"), ("edge", "on")];
const ELEMENT_LOWER_OFF: Labels = &[("source", "element"), ("sensor", "lower"), ("edge", "off")];

const fn threshold(keys: &'static [&'static str], labels: Labels) -> Field {
    Field::number(keys, &q::CONTROL_THRESHOLD, labels, Scale::Half).diagnostic()
}

const fn hysteresis(keys: &'static [&'static str], labels: Labels) -> Field {
    Field::number(keys, &q::CONTROL_HYSTERESIS, labels, Scale::Tenth).diagnostic()
}
