//! The features: what the heater is and can do.
//!
//! Never exports the serial number: it identifies the owner's unit. Pure.

use serde_json::Value;

use super::Writer;
use super::field::{Field, Scale, peek};
use crate::source::navien::command::Abilities;
use crate::source::navien::quantities as q;
use crate::source::navien::topics::DEVICE_TYPE;
use crate::source::navien::wire;

/// What of the features must be known elsewhere or next time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// A recirculation loop is fitted. No until the features say so.
    pub recirculation: bool,
    /// What the heater can be commanded; `None` until the features say so.
    pub abilities: Option<Abilities>,
    /// Label values of the info series shown last.
    info: Option<Info>,
}

/// Turns a feature object into readings.
pub fn write(feature: &Value, memory: &mut Memory, out: &mut Writer<'_>) {
    if let Some(fitted) = peek(feature, "recirculationUse", Scale::Flag) {
        memory.recirculation = fitted > 0.0;
    }
    memory.abilities = Some(Abilities::of(feature));
    for field in FIELDS {
        field.write(feature, memory.recirculation, out);
    }
    tank_volume(feature, out);
    device_info(feature, memory, out);
}

fn tank_volume(feature: &Value, out: &mut Writer<'_>) {
    let Some(code) = feature.get("volumeCode") else { return };
    match wire::integer(code) {
        // 50, 65 and 80 US gallons.
        Some(1) => out.put(&q::TANK_VOLUME, &[], 189.2),
        Some(2) => out.put(&q::TANK_VOLUME, &[], 246.0),
        Some(3) => out.put(&q::TANK_VOLUME, &[], 302.8),
        _ => out.bad("volumeCode"),
    }
}

/// Label values of `navien_device_info`; empty where they do not apply.
type Info = [String; 8];
const INFO_LABELS: [&str; 8] = [
    "device_type",
    "model_code",
    "controller_version",
    "wifi_version",
    "panel_version",
    "recirculation_version",
    "recirculation_model_code",
    "display_unit",
];

/// A new firmware is a new series: the one with the old labels leaves the page at once.
fn device_info(feature: &Value, memory: &mut Memory, out: &mut Writer<'_>) {
    let mut code = |key: &'static str, wanted: bool| {
        let Some(value) = feature.get(key).filter(|_| wanted) else { return String::new() };
        let code = wire::integer(value);
        if code.is_none() {
            out.bad(key);
        }
        code.map(|code| code.to_string()).unwrap_or_default()
    };
    let recirculation = memory.recirculation;
    let versions = [
        code("modelTypeCode", true),
        code("controllerSwVersion", true),
        code("wifiSwVersion", true),
        code("panelSwVersion", true),
        code("recircSwVersion", recirculation),
        code("recircModelTypeCode", recirculation),
    ];
    let unit = match code("temperatureType", true).as_str() {
        "1" => "celsius",
        "2" => "fahrenheit",
        _ => "",
    };
    let [model, controller, wifi, panel, recirculation_version, recirculation_model] = versions;
    let info = [
        DEVICE_TYPE.to_string(),
        model,
        controller,
        wifi,
        panel,
        diagnostic(out, recirculation_version),
        diagnostic(out, recirculation_model),
        diagnostic(out, unit.to_owned()),
    ];
    if let Some(past) = memory.info.as_ref().filter(|past| **past != info) {
        out.withdraw(&q::DEVICE_INFO, &labels(past));
    }
    out.put(&q::DEVICE_INFO, &labels(&info), 1.0);
    memory.info = Some(info);
}

fn diagnostic(out: &Writer<'_>, text: String) -> String {
    if out.diagnostic { text } else { String::new() }
}

fn labels(info: &Info) -> [(&str, &str); 8] {
    let mut labels = [("", ""); 8];
    for (slot, (name, value)) in labels.iter_mut().zip(INFO_LABELS.into_iter().zip(info)) {
        *slot = (name, value);
    }
    labels
}

const fn capability(keys: &'static [&'static str], name: &'static [(&'static str, &'static str)]) -> Field {
    Field::number(keys, &q::CAPABILITY, name, Scale::Flag).diagnostic()
}

/// Every key of the features.
pub const FIELDS: &[Field] = &[
    Field::number(&["dhwTemperatureMin"], &q::SETPOINT_LIMIT, &[("limit", "min")], Scale::Half).diagnostic(),
    Field::number(&["dhwTemperatureMax"], &q::SETPOINT_LIMIT, &[("limit", "max")], Scale::Half).diagnostic(),
    Field::number(&["dhwTemperatureSettingUse"], &q::SETPOINT_STEP_CODE, &[], Scale::Code).diagnostic(),
    capability(&["powerUse"], &[("capability", "power")]),
    capability(&["holidayUse"], &[("capability", "vacation")]),
    capability(&["programReservationUse"], &[("capability", "schedule")]),
    capability(&["dhwUse"], &[("capability", "hot_water")]),
    capability(&["smartDiagnosticUse"], &[("capability", "smart_diagnostic")]),
    capability(&["wifiRssiUse"], &[("capability", "wifi_signal")]),
    capability(&["energyUsageUse"], &[("capability", "energy_usage")]),
    capability(&["freezeProtectionUse"], &[("capability", "freeze_protection")]),
    // Two spellings are in use for the same thing.
    capability(&["mixingValveUse", "mixingValueUse"], &[("capability", "mixing_valve")]),
    capability(&["drSettingUse"], &[("capability", "demand_response")]),
    capability(&["antiLegionellaSettingUse"], &[("capability", "anti_legionella")]),
    capability(&["hpwhUse"], &[("capability", "heat_pump_water_heater")]),
    capability(&["dhwRefillUse"], &[("capability", "refill_detection")]),
    capability(&["ecoUse"], &[("capability", "overheat_cutoff")]),
    capability(&["electricUse"], &[("capability", "electric_mode")]),
    capability(&["heatpumpUse"], &[("capability", "heat_pump_mode")]),
    capability(&["energySaverUse"], &[("capability", "energy_saver_mode")]),
    capability(&["highDemandUse"], &[("capability", "high_demand_mode")]),
    capability(&["recirculationUse"], &[("capability", "recirculation")]),
    capability(&["recircReservationUse"], &[("capability", "recirculation_schedule")]),
    capability(&["title24Use"], &[("capability", "title_24")]),
    Field::left_out(&["volumeCode"], "becomes the tank volume"),
    Field::left_out(&["modelTypeCode"], "a label of navien_device_info"),
    Field::left_out(&["controllerSwVersion"], "a label of navien_device_info"),
    Field::left_out(&["wifiSwVersion"], "a label of navien_device_info"),
    Field::left_out(&["panelSwVersion"], "a label of navien_device_info"),
    Field::left_out(&["recircSwVersion"], "a label of navien_device_info"),
    Field::left_out(&["recircModelTypeCode"], "a label of navien_device_info"),
    Field::left_out(&["temperatureType"], "a label of navien_device_info"),
    Field::left_out(&["tempFormulaType"], "how the front panel rounds Fahrenheit"),
    Field::left_out(&["countryCode"], "a constant of the product"),
    Field::left_out(&["controlTypeCode"], "a constant of the product"),
    Field::left_out(&["controllerSwCode"], "a constant of the product"),
    Field::left_out(&["panelSwCode"], "a constant of the product"),
    Field::left_out(&["wifiSwCode"], "a constant of the product"),
    Field::left_out(&["controllerSerialNumber"], "identifies the owner's unit"),
    Field::left_out(&["macAddress"], "becomes the label device, through the alias"),
    Field::left_out(&["freezeProtectionTempMin"], "a limit that nobody plots"),
    Field::left_out(&["freezeProtectionTempMax"], "a limit that nobody plots"),
    Field::left_out(&["recircTemperatureMin"], "a limit that nobody plots"),
    Field::left_out(&["recircTemperatureMax"], "a limit that nobody plots"),
];
