//! Quantities of the status message.
//!
//! Never named after the wire where the wire says the opposite of what it means.

super::quantities! {
    // Mode and faults.
    OPERATION_MODE: Gauge "navien_operation_mode" ["mode"] "What the heater is doing now: 1 for the mode it is in, 0 for the others.";
    OPERATION_MODE_CODE: Gauge "navien_operation_mode_code" [] "The operation mode as the bare number of the device, known or not.";
    OPERATION_SETTING: Gauge "navien_operation_setting" ["setting"] "The mode that the user chose: 1 for that one, 0 for the others.";
    OPERATION_SETTING_CODE: Gauge "navien_operation_setting_code" [] "The chosen mode as the bare number of the device, known or not.";
    POWERED_ON: Gauge "navien_powered_on" [] "Whether the heater is switched on, by the chosen mode.";
    HEATING_ACTIVE: Gauge "navien_heating_active" [] "Whether a heating operation is in progress.";
    HOT_WATER_DEMAND_ACTIVE: Gauge "navien_hot_water_demand_active" [] "Whether the heater is heating to meet a hot water demand.";
    HEAT_SOURCE: Gauge "navien_heat_source" ["source"] "What heats at the moment: 1 for that source, 0 for the others.";
    HEAT_SOURCE_CODE: Gauge "navien_heat_source_code" [] "The heat source as the bare number of the device, known or not.";
    ERROR_CODE: Gauge "navien_error_code" [] "The main fault code of the heater, for example 799; 0 means no fault.";
    ERROR_SUB_CODE: Gauge "navien_error_sub_code" [] "The detail of the fault; its meaning depends on the main fault code.";
    ERROR_INFO: Gauge "navien_error_info" ["code", "sub_code", "name"] "The fault in force with its name, 1 while there is one.";
    FAULT_REGISTER: Gauge "navien_fault_register" ["register"] "A fault register of the controller, whose bits the vendor does not explain.";
    SMART_DIAGNOSTIC_CODE: Gauge "navien_smart_diagnostic_code" [] "The result of the heater's self diagnosis; 0 means that nothing was found.";
    SPECIAL_FUNCTION_CODE: Gauge "navien_special_function_code" [] "The special routine in force, such as freeze protection; 0 means none.";
    STATE_NUMBER: Gauge "navien_state_number" [] "The number of the controller's internal state, which the vendor does not explain.";
    CONTROLLER_RELOADED: Gauge "navien_controller_reloaded" [] "Whether the controller restarted recently.";
    WIFI_SIGNAL: Gauge "navien_wifi_signal_dbm" [] "Strength of the Wi-Fi signal at the heater in dBm.";
    // Temperatures.
    TEMPERATURE: Gauge "navien_temperature_celsius" ["sensor"] "A measured temperature in degrees Celsius.";
    SETPOINT: Gauge "navien_setpoint_celsius" [] "The hot water temperature that is asked for, in degrees Celsius.";
    SUPERHEAT: Gauge "navien_superheat_kelvin" ["kind"] "Superheat of the refrigerant, a difference in kelvin.";
    CONTROL_THRESHOLD: Gauge "navien_control_threshold_celsius" ["source", "sensor", "edge"] "A temperature at which a heat source switches on or off, in degrees Celsius.";
    CONTROL_HYSTERESIS: Gauge "navien_control_hysteresis_kelvin" ["source", "sensor", "edge"] "The difference added to a control threshold, in kelvin.";
    SETPOINT_MINIMUM_IN_MODE: Gauge "navien_setpoint_minimum_in_mode_celsius" [] "The lowest setpoint that the current mode allows, in degrees Celsius.";
    FREEZE_PROTECTION_THRESHOLD: Gauge "navien_freeze_protection_threshold_celsius" [] "The temperature below which freeze protection starts, in degrees Celsius.";
    // Power, charge, water.
    POWER: Gauge "navien_power_watts" [] "Electrical power drawn now in watts, as the heater tells it.";
    CHARGE: Gauge "navien_charge_ratio" [] "Charge of the tank from 0 to 1, as the vendor's app shows it.";
    USABLE_ENERGY: Gauge "navien_usable_energy_joules" [] "Heat stored above the lowest reference of the heater, in joules; the setpoint cancels out.";
    ENERGY_TO_SETPOINT: Gauge "navien_energy_to_setpoint_joules" [] "Heat still missing to reach the setpoint, in joules; 0 when the tank is full.";
    FULL_RECOVERY_ENERGY: Gauge "navien_full_recovery_energy_joules" [] "Heat of a complete reheat up to the present setpoint, in joules; moves with the setpoint.";
    HOT_WATER_FLOW: Gauge "navien_hot_water_flow_litres_per_second" [] "Hot water drawn now in litres per second.";
    HOT_WATER: Counter "navien_hot_water_litres_total" [] "Hot water delivered since installation in litres.";
    HOT_WATER_IN_USE: Gauge "navien_hot_water_in_use" [] "Whether hot water is being drawn.";
    HOT_WATER_IN_USE_SUSTAINED: Gauge "navien_hot_water_in_use_sustained" [] "Whether hot water has been drawn for a longer time.";
    MIXING_VALVE: Gauge "navien_mixing_valve_ratio" [] "Position of the mixing valve from 0 to 1.";
    // Components.
    COMPONENT_RUNNING: Gauge "navien_component_running" ["component"] "Whether a component of the heater is running.";
    FAN_SPEED: Gauge "navien_fan_speed_rpm" ["kind"] "Speed of the evaporator fan in revolutions per minute.";
    FAN_PWM: Gauge "navien_fan_pwm" [] "Drive of the evaporator fan, in a unit that the vendor does not explain.";
    EXPANSION_VALVE: Gauge "navien_expansion_valve_steps" [] "Position of the expansion valve in steps.";
    EVAPORATOR_FAN_RUNTIME: Counter "navien_evaporator_fan_runtime_seconds_total" [] "Running time of the evaporator fan since installation in seconds, in whole hours.";
    SHUT_OFF_VALVE: Gauge "navien_shut_off_valve_active" [] "Whether the heater reports its shut-off valve as active; the polarity is not certain.";
    // Protection.
    FREEZE_PROTECTION_ACTIVE: Gauge "navien_freeze_protection_active" [] "Whether freeze protection is at work.";
    WATER_LEAK_SENSOR: Gauge "navien_water_leak_sensor_active" [] "Whether the heater reports its leak sensor as active; alert on error code 799 as well.";
    CONDENSATE_OVERFLOW_SENSOR: Gauge "navien_condensate_overflow_sensor_active" [] "Whether the heater reports its condensate overflow sensor as active; alert on error code 990 as well.";
    OVERHEAT_CUTOFF: Gauge "navien_overheat_cutoff_active" [] "Whether the high temperature cut-off has tripped.";
    SCALD_WARNING: Gauge "navien_scald_warning_active" [] "Whether the heater warns of scalding.";
    ANTI_LEGIONELLA_ENABLED: Gauge "navien_anti_legionella_enabled" [] "Whether periodic disinfection is enabled.";
    ANTI_LEGIONELLA_ACTIVE: Gauge "navien_anti_legionella_active" [] "Whether a disinfection cycle is running.";
    ANTI_LEGIONELLA_PERIOD: Gauge "navien_anti_legionella_period_seconds" [] "Time between two disinfection cycles in seconds.";
    AIR_FILTER_ALARM_ENABLED: Gauge "navien_air_filter_alarm_enabled" [] "Whether the reminder to clean the air filter is enabled.";
    AIR_FILTER_ELAPSED: Gauge "navien_air_filter_elapsed_seconds" [] "Running time since the air filter was reset, in seconds.";
    AIR_FILTER_PERIOD: Gauge "navien_air_filter_period_seconds" [] "Running time after which the air filter is due, in seconds; 0 means off.";
    // Schedules and grid.
    TIME_OF_USE_ENABLED: Gauge "navien_time_of_use_enabled" [] "Whether a time-of-use plan is in force.";
    TIME_OF_USE_OVERRIDE: Gauge "navien_time_of_use_override_active" [] "Whether the user overrode the time-of-use plan.";
    DEMAND_RESPONSE_EVENT: Gauge "navien_demand_response_event" ["event"] "The demand response event of the utility: 1 for that one, 0 for the others.";
    DEMAND_RESPONSE_EVENT_CODE: Gauge "navien_demand_response_event_code" [] "The demand response event as the bare number of the device, known or not.";
    DEMAND_RESPONSE_OVERRIDE_CODE: Gauge "navien_demand_response_override_code" [] "The override of demand response as the bare number of the device: hours or a flag, which is not settled.";
    SCHEDULE_ENABLED: Gauge "navien_schedule_enabled" [] "Whether the user's schedule is enabled.";
    VACATION: Gauge "navien_vacation_seconds" ["kind"] "Length of the vacation that was set, or its part that is over, in seconds.";
    // Recirculation, only where it is fitted.
    RECIRCULATION_SETPOINT: Gauge "navien_recirculation_setpoint_celsius" [] "The temperature asked for in the recirculation loop, in degrees Celsius.";
    RECIRCULATION_FLOW: Gauge "navien_recirculation_flow_litres_per_second" [] "Flow in the recirculation loop in litres per second.";
    RECIRCULATION_PUMP_STATUS_CODE: Gauge "navien_recirculation_pump_status_code" [] "State of the recirculation pump as the bare number of the device.";
    RECIRCULATION_MODE: Gauge "navien_recirculation_mode" ["mode"] "How the recirculation pump is controlled: 1 for that mode, 0 for the others.";
    RECIRCULATION_ERROR_CODE: Gauge "navien_recirculation_error_code" [] "Fault of the recirculation pump as the bare number of the device; 0 means none.";
    RECIRCULATION_HOT_BUTTON_CODE: Gauge "navien_recirculation_hot_button_code" [] "State of the hot button as the bare number of the device.";
    RECIRCULATION_REASON_CODE: Gauge "navien_recirculation_reason_code" [] "Why the recirculation pump runs, as the bare number of the device.";
    RECIRCULATION_SCHEDULE_ENABLED: Gauge "navien_recirculation_schedule_enabled" [] "Whether the schedule of the recirculation pump is in use.";
}
