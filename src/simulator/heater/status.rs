//! What a heater says of itself: the status and the features, as numbers on the wire (navien-cloud.md §9, §11). Pure.
//!
//! Never invents a field: the keys are those of the reference, all of them.

use serde_json::{Map, Value, json};

use super::{Heater, Mode, Thresholds, whole};

/// Lowest setpoint in degrees Celsius; the zero point of the energy fields too.
pub const LOWEST_SETPOINT: f64 = 40.5;
/// Highest setpoint in degrees Celsius.
pub const HIGHEST_SETPOINT: f64 = 65.5;

/// Joules of one count of the energy fields: 4 Wh.
const JOULES_PER_COUNT: f64 = 14_400.0;
/// A draw longer than this counts as sustained, in seconds.
const SUSTAINED: f64 = 120.0;

/// Which snapshot a status is: the answer to a question, or to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// The standard one.
    Asked,
    /// The extended one, after a command.
    Commanded,
}

/// The status object.
#[must_use]
pub fn status(heater: &Heater, snapshot: Snapshot) -> Value {
    let mut fields = Map::new();
    let groups = [
        identity(heater, snapshot).as_slice(),
        water(heater).as_slice(),
        air(heater).as_slice(),
        power(heater).as_slice(),
        thresholds(heater).as_slice(),
        &SETTINGS,
        &NOT_FITTED,
    ]
    .concat();
    for (key, value) in groups {
        fields.insert(key.to_owned(), heater.settings.get(key).copied().unwrap_or(value).into());
    }
    Value::Object(fields)
}

/// The feature object.
#[must_use]
pub fn features(heater: &Heater, serial: &str) -> Value {
    let mut fields = Map::new();
    for (key, value) in FEATURES {
        fields.insert(key.to_owned(), value.into());
    }
    fields.insert("volumeCode".to_owned(), heater.build.volume.code().into());
    fields.insert("dhwTemperatureMin".to_owned(), half(LOWEST_SETPOINT).into());
    fields.insert("dhwTemperatureMax".to_owned(), half(HIGHEST_SETPOINT).into());
    fields.insert("controllerSerialNumber".to_owned(), json!(serial));
    Value::Object(fields)
}

type Field = (&'static str, i64);

fn half(celsius: f64) -> i64 {
    whole(celsius * 2.0)
}

fn tenth(value: f64) -> i64 {
    whole(value * 10.0)
}

/// Most flags: 2 is true, 1 is false.
fn flag(on: bool) -> i64 {
    if on { 2 } else { 1 }
}

fn identity(heater: &Heater, snapshot: Snapshot) -> [Field; 10] {
    let running = heater.running;
    let operation = match heater.mode {
        _ if !running.any() => 0,
        Mode::HeatPump => 32,
        Mode::EnergySaver | Mode::Electric => 64,
        Mode::HighDemand => 96,
        Mode::Vacation | Mode::Off => 0,
    };
    let source = i64::from(running.pump) + 2 * i64::from(running.upper || running.lower);
    let state = match source {
        1 => 12,
        2 => 16,
        3 => 14,
        _ => 0,
    };
    [
        ("command", if snapshot == Snapshot::Asked { 67_108_883 } else { 67_108_892 }),
        ("operationMode", operation),
        ("dhwOperationSetting", heater.mode.number()),
        ("operationBusy", flag(running.any())),
        ("dhwOperationBusy", flag(running.any())),
        ("currentHeatUse", source),
        ("currentStatenum", state),
        ("wifiRssi", whole(heater.signal)),
        ("vacationDaySetting", heater.vacation_days),
        ("freezeProtectionUse", flag(heater.tank.lower < super::FREEZE_LIMIT)),
    ]
}

fn water(heater: &Heater) -> [Field; 13] {
    let tank = &heater.tank;
    [
        ("tankUpperTemperature", tenth(tank.upper)),
        ("tankLowerTemperature", tenth(tank.lower)),
        ("dhwTemperature", half(tank.upper)),
        // The role of the second reading is unknown; the mean of the tank is as good a guess as any.
        ("dhwTemperature2", half(tank.mean())),
        ("dhwTemperatureSetting", half(heater.setpoint)),
        ("dhwTargetTemperatureSetting", half(heater.setpoint)),
        ("currentInletTemperature", half(heater.inlet())),
        ("dhwUse", flag(heater.flow.rate > 0.0)),
        ("dhwUseSustained", flag(heater.flow.rate > 0.0 && heater.flow.open_for > SUSTAINED)),
        ("currentDhwFlowRate", tenth(heater.flow.rate)),
        ("cumulatedDhwFlowRate", whole(heater.litres.floor())),
        ("mixingRate", 40),
        ("scaldUse", flag(tank.upper > 60.0)),
    ]
}

fn air(heater: &Heater) -> [Field; 14] {
    let circuit = &heater.circuit;
    let hours = heater.ledger.total().heat_pump_seconds / 3600.0;
    [
        ("ambientTemperature", tenth(heater.ambient())),
        ("outsideTemperature", half(heater.outside())),
        ("dischargeTemperature", tenth(circuit.discharge)),
        ("suctionTemperature", tenth(circuit.suction)),
        ("evaporatorTemperature", tenth(circuit.evaporator)),
        ("targetSuperHeat", 30),
        ("currentSuperHeat", tenth(circuit.super_heat())),
        ("compUse", flag(heater.running.pump)),
        ("eevUse", flag(heater.running.pump)),
        ("eevStep", whole(circuit.valve)),
        ("evaFanUse", flag(heater.running.pump)),
        ("targetFanRpm", whole(circuit.fan_target)),
        ("currentFanRpm", whole(circuit.fan)),
        ("cumulatedOpTimeEvaFan", whole(hours.floor())),
    ]
}

fn power(heater: &Heater) -> [Field; 7] {
    let (complete, missing) = energy_counts(heater);
    let charge = if complete > 0.0 { 100.0 * (1.0 - missing / complete) } else { 100.0 };
    [
        ("heatUpperUse", flag(heater.running.upper)),
        ("heatLowerUse", flag(heater.running.lower)),
        ("currentInstPower", whole(heater.watts())),
        ("dhwChargePer", whole(charge.clamp(0.0, 100.0))),
        ("totalEnergyCapacity", whole(complete)),
        ("availableEnergyCapacity", whole(missing)),
        ("fanPwm", whole(heater.circuit.fan / 24.0)),
    ]
}

/// Heat for a complete reheat and heat still missing, in counts of 4 Wh.
fn energy_counts(heater: &Heater) -> (f64, f64) {
    let litres = heater.tank.upper_litres + heater.tank.lower_litres;
    let complete = litres * super::tank::JOULES_PER_LITRE_KELVIN * (heater.setpoint - LOWEST_SETPOINT);
    (complete / JOULES_PER_COUNT, heater.tank.joules_missing(heater.setpoint) / JOULES_PER_COUNT)
}

fn thresholds(heater: &Heater) -> [Field; 16] {
    let set = heater.setpoint;
    let below = Thresholds::of(heater.mode);
    [
        ("hpUpperOnTempSetting", half(set - below.pump_upper)),
        ("hpUpperOffTempSetting", half(set)),
        ("hpLowerOnTempSetting", half(set - below.pump_lower)),
        ("hpLowerOffTempSetting", half(set)),
        ("heUpperOnTempSetting", half(set - below.element_upper)),
        ("heUpperOffTempSetting", half(set)),
        ("heLowerOnTempSetting", half(set - below.element_lower)),
        ("heLowerOffTempSetting", half(set)),
        ("hpUpperOnDiffTempSetting", tenth(below.pump_upper)),
        ("hpUpperOffDiffTempSetting", 0),
        ("hpLowerOnDiffTempSetting", tenth(below.pump_lower)),
        ("hpLowerOffDiffTempSetting", 0),
        ("heUpperOnDiffTempSetting", tenth(below.element_upper)),
        ("heUpperOffDiffTempSetting", 0),
        // The key really is misspelled on the wire.
        ("heLowerOnTDiffempSetting", tenth(below.element_lower)),
        ("heLowerOffDiffTempSetting", 0),
    ]
}

/// Settings and states that the model leaves alone.
const SETTINGS: [Field; 31] = [
    ("specialFunctionStatus", 0),
    ("didReload", 1),
    ("errorCode", 0),
    ("subErrorCode", 0),
    ("smartDiagnostic", 0),
    ("faultStatus1", 0),
    ("faultStatus2", 0),
    ("errorBuzzerUse", 1),
    ("temperatureType", 2),
    ("tempFormulaType", 1),
    ("ecoUse", 1),
    ("shutOffValveUse", 1),
    ("conOvrSensorUse", 1),
    ("wtrOvrSensorUse", 1),
    ("drEventStatus", 0),
    ("drOverrideStatus", 0),
    ("touStatus", 0),
    ("touOverrideStatus", 2),
    ("vacationDayElapsed", 0),
    ("freezeProtectionTemperature", 12),
    ("freezeProtectionTempMin", 12),
    ("freezeProtectionTempMax", 20),
    ("antiLegionellaUse", 1),
    ("antiLegionellaPeriod", 7),
    ("antiLegionellaOperationBusy", 1),
    ("programReservationUse", 1),
    ("programReservationType", 0),
    ("airFilterAlarmUse", 2),
    ("airFilterAlarmPeriod", 1000),
    ("airFilterAlarmElapsed", 312),
    ("heatMinOpTemperature", 81),
];

/// Recirculation: no loop is fitted.
const NOT_FITTED: [Field; 11] = [
    ("recircOperationMode", 0),
    ("recircPumpOperationStatus", 0),
    ("recircHotBtnReady", 0),
    ("recircOperationReason", 0),
    ("recircErrorStatus", 0),
    ("recircOperationBusy", 1),
    ("recircReservationUse", 1),
    ("recircTempSetting", 0),
    ("recircTemperature", 0),
    ("recircFaucetTemperature", 0),
    ("recircDhwFlowRate", 0),
];

const FEATURES: [Field; 39] = [
    ("countryCode", 3),
    ("modelTypeCode", 513),
    ("controlTypeCode", 100),
    ("controllerSwVersion", super::replies::CONTROLLER_VERSION),
    ("panelSwVersion", 60_454),
    ("wifiSwVersion", super::replies::WIFI_VERSION),
    ("controllerSwCode", super::replies::CONTROLLER_CODE),
    ("panelSwCode", 268_435_777),
    ("wifiSwCode", super::replies::WIFI_CODE),
    ("recircSwVersion", 0),
    ("recircModelTypeCode", 0),
    ("temperatureType", 2),
    ("tempFormulaType", 1),
    ("dhwTemperatureSettingUse", 2),
    ("freezeProtectionTempMin", 12),
    ("freezeProtectionTempMax", 20),
    ("recircTemperatureMin", 0),
    ("recircTemperatureMax", 0),
    ("powerUse", 2),
    ("holidayUse", 2),
    ("programReservationUse", 2),
    ("dhwUse", 2),
    ("smartDiagnosticUse", 2),
    ("wifiRssiUse", 2),
    ("energyUsageUse", 2),
    ("freezeProtectionUse", 2),
    // As the vendor's app spells it; the other spelling is only an assumption of clients.
    ("mixingValueUse", 1),
    ("drSettingUse", 2),
    ("antiLegionellaSettingUse", 2),
    ("hpwhUse", 2),
    ("dhwRefillUse", 1),
    ("ecoUse", 2),
    ("electricUse", 2),
    ("heatpumpUse", 2),
    ("energySaverUse", 2),
    ("highDemandUse", 2),
    ("recirculationUse", 1),
    ("recircReservationUse", 1),
    ("title24Use", 1),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::simulator::heater::{Build, Volume};

    fn heater(mode: Mode) -> Heater {
        let build = Build {
            volume: Volume::Gallons65,
            mode,
            setpoint: 60.5,
            litres_a_day: 250.0,
            hour: 6.5,
            first_shower: Some(600.0),
        };
        Heater::new(build, 11, jiff::civil::date(2026, 1, 2), 30)
    }

    fn keys(value: &Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    fn fixture(name: &str) -> Value {
        let path = format!("{}/tests/fixtures/navien/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_status_has_the_fields_of_a_real_one() {
        let real = fixture("mqtt-status-standby.json");
        assert_eq!(
            keys(&status(&heater(Mode::EnergySaver), Snapshot::Asked)),
            keys(&real["response"]["status"])
        );
    }

    #[test]
    fn the_features_have_the_fields_of_a_real_one() {
        let real = fixture("mqtt-feature-mixing-value-spelling.json");
        let ours = keys(&features(&heater(Mode::EnergySaver), "0"));
        assert_eq!(ours, keys(&real["response"]["feature"]));
    }

    #[test]
    fn the_complete_reheat_is_what_a_real_unit_reported() {
        let status = status(&heater(Mode::EnergySaver), Snapshot::Asked);
        let counts = status["totalEnergyCapacity"].as_i64().unwrap();
        assert!((counts - 1404).abs() <= 2, "1404 at 60.5 degC and 65 gallons, not {counts}");
    }

    #[test]
    fn fields_agree_with_each_other_while_it_lives() {
        let mut heater = heater(Mode::HighDemand);
        let today = jiff::civil::date(2026, 1, 2);
        let (mut litres, mut drew, mut warmed) = (0, false, false);
        for minute in 1..1440 {
            heater.live_until(f64::from(minute) * 60.0, today);
            let s = status(&heater, Snapshot::Asked);
            let at = |key: &str| s[key].as_i64().unwrap();
            assert_eq!(at("dhwUse") == 2, at("currentDhwFlowRate") > 0);
            assert_eq!(at("operationMode") != 0, at("currentHeatUse") != 0);
            assert_eq!(at("currentInstPower") > 10, at("operationBusy") == 2);
            assert!(at("cumulatedDhwFlowRate") >= litres && at("dhwChargePer") <= 100);
            litres = at("cumulatedDhwFlowRate");
            drew |= at("dhwUse") == 2;
            warmed |= at("compUse") == 2;
        }
        assert!(drew && warmed);
    }
}
