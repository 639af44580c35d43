//! Quantities of the features and of the device list.
//!
//! Never holds a serial number, a MAC or the owner's name for the device.

super::quantities! {
    DEVICE_INFO: Gauge "navien_device_info" ["device_type", "model_code", "controller_version", "wifi_version", "panel_version", "recirculation_version", "recirculation_model_code", "display_unit"] "Model and firmware of the heater, always 1; labels that do not apply are empty.";
    DEVICE_ONLINE: Gauge "navien_device_online" [] "Whether the vendor's cloud sees the heater.";
    TANK_VOLUME: Gauge "navien_tank_volume_litres" [] "Volume of the tank in litres.";
    SETPOINT_LIMIT: Gauge "navien_setpoint_limit_celsius" ["limit"] "The lowest and highest setpoint that can be chosen, in degrees Celsius.";
    SETPOINT_STEP_CODE: Gauge "navien_setpoint_step_code" [] "The steps in which the setpoint can be chosen, as the bare number of the device.";
    CAPABILITY: Gauge "navien_capability" ["capability"] "Whether the heater is able to do something, by its own features.";
    FIRMWARE_UPDATE_PENDING: Gauge "navien_firmware_update_pending" ["component"] "Whether a firmware download is pending for a component.";
}
