"""Rows of "Water heater" for its owner: parts, faults, protection, care.

Never shows what needs `diagnostic_readings`: that is heater_technician.
"""

from . import grafana as g
from .heater import UNIT, degrees, lifetime, of


def parts():
    """Temperatures of air and refrigerant, and which part runs."""
    yield g.lines(
        f"Air, {UNIT}",
        "Around the heater and outside, and the water that comes in (or goes round in a loop). Cold air makes the heat pump work harder.",
        g.query(
            degrees(
                "("
                + of("navien_temperature_celsius", 'sensor=~"ambient|outside|inlet|recirculation|faucet"')
                + " or "
                + f'label_replace({of("navien_recirculation_setpoint_celsius")}, "sensor", "loop setpoint", "", "")'
                + ")"
            ),
            "{{sensor}}",
        ),
        unit="degree",
        decimals=1,
        width=8,
        from_zero=False,
    )
    yield g.lines(
        f"Refrigerant, {UNIT}",
        "Discharge: hot gas behind the compressor. Evaporator: where heat is taken from the air; far below zero for long, "
        "it ices.",
        g.query(
            degrees(of("navien_temperature_celsius", 'sensor=~"discharge|suction|evaporator|hot_water_2"')),
            "{{sensor}}",
        ),
        unit="degree",
        decimals=1,
        width=8,
        from_zero=False,
    )
    yield g.timeline(
        "Parts",
        "Which part runs when.",
        g.query(of("navien_component_running"), "{{component}}"),
        table={0: ("off", "#6E7687"), 1: ("runs", "#56A64B")},
        width=8,
        height=8,
    )


def care():
    """Faults, protection, filter, Wi-Fi, versions."""
    no_fault = (
        f'label_replace(label_replace({of("navien_error_code")} == 0, "code", "none", "", ""),'
        ' "name", "no fault", "", "")'
    )
    yield g.table(
        "Fault in force",
        "The fault that the heater reports, with its name. Switching the heater off and on does not remove its cause.",
        g.cells(
            f"max by (device, code, sub_code, name) ({of('navien_error_info')} or on(device) {no_fault})"
        ),
        g.cells(f"max by (device) ({of('navien_error_sub_code')})"),
        columns=[
            ("device", "Heater", {}),
            ("code", "Code", {"custom__width": 70}),
            ("Value #B", "Detail", {"decimals": 0, "custom__width": 70}),
            ("name", "Fault", {}),
        ],
        width=8,
        height=6,
    )
    yield g.timeline(
        "Protection",
        "Sensors and functions that protect house and heater. Red needs a person.",
        g.query(of("navien_water_leak_sensor_active"), "water leak"),
        g.query(of("navien_condensate_overflow_sensor_active"), "condensate"),
        g.query(of("navien_overheat_cutoff_active"), "overheat"),
        g.query(f"{of('navien_freeze_protection_active')} * 2", "freeze prot."),
        g.query(f"{of('navien_anti_legionella_active')} * 2", "legionella"),
        g.query(f"({of('navien_device_online')} == bool 0) * 3", "cloud sees it"),
        table={
            0: ("fine", "#56A64B"),
            1: ("ACTIVE", "#F2495C"),
            2: ("at work", "#5794F2"),
            3: ("offline", "#FF9830"),
        },
        width=16,
        height=6,
    )
    yield g.gauge_bars(
        "Air filter",
        "Running time since the air filter was reset, against the time after which it is due. Clean it at 100 %.",
        g.instant(
            f"{of('navien_air_filter_elapsed_seconds')} / ({of('navien_air_filter_period_seconds')} > 0)", "used up"
        ),
        unit="percentunit",
        decimals=0,
        width=4,
        height=4,
        max=1,
        color={"mode": "thresholds"},
        noValue="reminder off",
        thresholds=g.steps((None, "green"), (0.8, "orange"), (1, "red")),
    )
    yield g.stat(
        "Wi-Fi at the heater",
        "Strength of the signal: above -67 dBm good, below -80 dBm the heater will drop off.",
        g.instant(of("navien_wifi_signal_dbm"), "signal"),
        unit="dBm",
        width=4,
        height=4,
        graph="area",
        thresholds=g.steps((None, "red"), (-80, "orange"), (-67, "green")),
    )
    yield g.stat(
        "Disinfection",
        "Whether periodic disinfection against legionella is enabled.",
        g.instant(of("navien_anti_legionella_enabled"), "disinfection"),
        mappings=g.words({0: ("off", "#6E7687"), 1: ("enabled", "green")}),
        width=3,
        height=4,
    )
    yield g.stat(
        "Fan run time",
        "Running time of the evaporator fan since installation, in whole hours.",
        g.instant(lifetime("navien_evaporator_fan_runtime_seconds_total"), "fan"),
        unit="s",
        width=3,
        height=4,
    )
    yield g.table(
        "Model and firmware",
        "What the heater says of itself: versions as bare numbers.",
        g.cells(
            "max by (device, model_code, controller_version, wifi_version, panel_version)"
            f" ({of('navien_device_info')})"
        ),
        g.cells(f"max by (device) ({of('navien_tank_volume_litres')}) * $volume"),
        columns=[
            ("device", "Heater", {"custom__minWidth": 100}),
            ("Value #B", "Tank", {"decimals": 0, "custom__width": 50}),
            ("model_code", "Model", {"custom__width": 60}),
            ("controller_version", "Controller", {"custom__width": 95}),
            ("wifi_version", "Wi-Fi", {"custom__width": 90}),
            ("panel_version", "Panel", {"custom__width": 65}),
        ],
        width=10,
        height=4,
    )
