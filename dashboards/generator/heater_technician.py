"""The row of "Water heater" that is filled where `diagnostic_readings = true` is configured.

Never needed in daily use, so the row is closed at first.
"""

from . import grafana as g
from .heater import HERE, KWH, UNIT, degrees, lifetime, of


def technician():
    """Control, refrigerant circuit, codes and capabilities."""
    yield g.lines(
        f"Control thresholds, {UNIT}",
        "Temperatures at which each source switches on and off.",
        g.query(degrees(of("navien_control_threshold_celsius")), "{{source}} {{sensor}} {{edge}}"),
        g.query(degrees(of("navien_setpoint_limit_celsius")), "setpoint {{limit}}"),
        g.query(degrees(of("navien_setpoint_minimum_in_mode_celsius")), "setpoint min in this mode"),
        g.query(degrees(of("navien_freeze_protection_threshold_celsius")), "freeze protection"),
        unit="degree",
        decimals=1,
        height=9,
        legend="right",
        from_zero=False,
    )
    yield g.lines(
        "Superheat and hysteresis",
        "Superheat of the refrigerant, and the differences that are added to the thresholds, in kelvin.",
        g.query(of("navien_superheat_kelvin"), "superheat {{kind}}"),
        g.query(of("navien_control_hysteresis_kelvin"), "{{source}} {{sensor}} {{edge}}"),
        unit="kelvin",
        decimals=1,
        height=9,
        legend="right",
        from_zero=False,
    )
    yield g.lines(
        "Fan and expansion valve",
        "Fan speed asked for and reached, its drive (a unit that the vendor does not explain), steps of the valve.",
        g.query(of("navien_fan_speed_rpm"), "fan rpm {{kind}}"),
        g.query(of("navien_fan_pwm"), "fan drive"),
        g.query(of("navien_expansion_valve_steps"), "valve steps"),
        unit="none",
        width=8,
    )
    yield g.lines(
        "Heat and mixing valve",
        "Heat of a complete reheat (left); position of the mixing valve (right).",
        g.query(f"{of('navien_full_recovery_energy_joules')} / {KWH}", "complete reheat"),
        g.query(of("navien_mixing_valve_ratio"), "mixing valve"),
        unit="kwatth",
        width=8,
        overrides=[
            g.named("mixing valve", unit="percentunit", min=0, max=1, custom__axisPlacement="right"),
        ],
    )
    yield g.timeline(
        "Conditions",
        "What the controller says of itself, as yes and no.",
        g.query(of("navien_hot_water_demand_active"), "demand"),
        g.query(of("navien_hot_water_in_use_sustained"), "long draw"),
        g.query(of("navien_shut_off_valve_active"), "shut-off valve"),
        g.query(of("navien_scald_warning_active"), "scald warning"),
        g.query(of("navien_controller_reloaded"), "restarted"),
        g.query(of("navien_schedule_enabled"), "schedule"),
        g.query(of("navien_air_filter_alarm_enabled"), "filter alarm"),
        table={0: ("no", "#6E7687"), 1: ("yes", "#56A64B")},
        width=8,
        height=8,
    )
    yield g.table(
        "Bare numbers",
        "Codes as the device sends them, known to us or not. For a support case, or to find out what they mean.",
        g.cells(
            f'max by (__name__, register) ({{__name__=~"navien_.*_code|navien_state_number|navien_fault_register",{HERE}}})'
        ),
        columns=[
            ("__name__", "Metric", {}),
            ("register", "Register", {"custom__width": 70}),
            ("Value", "Number", {"decimals": 0, "custom__width": 75}),
        ],
        width=10,
        height=9,
    )
    yield g.table(
        "Capabilities",
        "What the heater says it is able to do.",
        g.cells(of("navien_capability")),
        columns=[
            ("capability", "Capability", {}),
            (
                "Value",
                "Able",
                {
                    "mappings": g.words({0: ("no", "#6E7687"), 1: ("yes", "green")}),
                    "custom__width": 90,
                    "custom__cellOptions": {"type": "color-text"},
                },
            ),
        ],
        width=6,
        height=9,
    )


def lifetime_totals():
    """What was counted since installation, and recirculation."""
    yield g.table(
        "Parts since installation",
        "Running time (whole hours) and starts of each part since installation. A compressor that starts often for "
        "short runs wears out.",
        g.cells(f"max by (component) ({lifetime('navien_component_runtime_seconds_total')})"),
        g.cells(f"max by (component) ({lifetime('navien_component_starts_total')})"),
        columns=[
            ("component", "Part", {}),
            ("Value #A", "Running time", {"unit": "s", "custom__width": 110}),
            ("Value #B", "Starts", {"decimals": 0, "custom__width": 65}),
        ],
        width=8,
        height=9,
    )
    yield g.table(
        "Fault events since installation",
        "How often each kind of fault occurred since installation.",
        g.cells(f"max by (kind) ({lifetime('navien_fault_events_total')})"),
        columns=[("kind", "Kind", {}), ("Value", "Times", {"decimals": 0, "custom__width": 75})],
        width=10,
    )
    recirculation = f'max by (__name__, mode) ({{__name__=~"navien_recirculation_(mode|schedule_enabled)",{HERE}}})'
    yield g.table(
        "Recirculation",
        "How the pump is controlled and whether its schedule is in use, where one is fitted. Its codes are among the bare "
        "numbers, its temperatures and its flow in the panels above.",
        g.cells(f'{recirculation} or on() label_replace(vector(0), "mode", "not fitted", "", "")'),
        columns=[
            ("__name__", "Metric", {}),
            ("mode", "Mode", {"custom__width": 130}),
            ("Value", "Is so", {"decimals": 0, "custom__width": 80}),
        ],
        width=10,
    )
    yield g.stat(
        "Updates pending",
        "Components of the heater for which a firmware download is pending.",
        g.instant(f"sum({of('navien_firmware_update_pending')}) or vector(0)", "pending"),
        decimals=0,
        height=8,
        thresholds=g.steps((None, "text"), (0.5, "orange")),
    )
    yield g.stat(
        "Demand response",
        "Time spent in demand response since installation, in whole hours.",
        g.instant(lifetime("navien_demand_response_seconds_total"), "{{event}}"),
        unit="s",
        decimals=0,
        text="value_and_name",
        width=24,
        height=4,
    )
    yield g.stat(
        "Times",
        "Time since installation, between two disinfections, set for a vacation, and heating time of today and this month.",
        g.instant(of("navien_installed_seconds"), "installed"),
        g.instant(of("navien_anti_legionella_period_seconds"), "disinfection"),
        g.instant(of("navien_vacation_seconds"), "vacation {{kind}}"),
        g.instant(f"sum by (period) ({of('navien_heating_time_period_seconds')})", "heating, {{period}}"),
        unit="s",
        decimals=0,
        width=24,
        height=4,
        text="value_and_name",
    )
