//! Quantities of the energy and diagnostics answers.
//!
//! Never integrated here: every figure is one that the heater itself counts.

super::quantities! {
    ELECTRICAL_ENERGY: Counter "navien_electrical_energy_joules_total" ["source"] "Electrical energy used since installation in joules.";
    HEATING_TIME: Counter "navien_heating_time_seconds_total" ["source"] "Heating time since installation in seconds, in whole hours.";
    ELECTRICAL_ENERGY_PERIOD: Gauge "navien_electrical_energy_period_joules" ["source", "period"] "Electrical energy used today or in this month so far, in joules.";
    HEATING_TIME_PERIOD: Gauge "navien_heating_time_period_seconds" ["source", "period"] "Heating time of today or of this month so far, in seconds, in whole hours.";
    INSTALLED: Gauge "navien_installed_seconds" [] "Time since installation in seconds, in whole days.";
    COMPONENT_RUNTIME: Counter "navien_component_runtime_seconds_total" ["component"] "Running time of a component since installation in seconds, in whole hours.";
    COMPONENT_STARTS: Counter "navien_component_starts_total" ["component"] "Starts of a component since installation.";
    FAULT_EVENTS: Counter "navien_fault_events_total" ["kind"] "Fault events since installation.";
    DEMAND_RESPONSE_TIME: Counter "navien_demand_response_seconds_total" ["event"] "Time spent in demand response since installation in seconds, in whole hours.";
}
