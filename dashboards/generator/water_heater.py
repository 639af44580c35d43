"""Dashboard "Water heater": what an owner looks at daily. Is there hot water, what does it cost, is anything wrong?

Never shows connections. Temperatures, volumes and cost follow the variables at the top.
"""

from . import grafana as g
from . import words as w

HERE = w.HERE + ',device=~"$device"'
KWH = 3_600_000
UNIT = "${temperature:text}"
VOLUME = "${volume:text}"
RED = g.steps((None, "text"), (0.5, "red"))

# What the heater does, as numbers for the timeline: each list has its own range of numbers.
MODES = {
    0: ("standby", "#6E7687"),
    1: ("heat_pump", "#56A64B"),
    2: ("hybrid_efficiency", "#96D98D"),
    3: ("hybrid_boost", "#FF9830"),
}
SETTINGS = {
    10: ("heat_pump", "#56A64B"),
    11: ("electric", "#F2495C"),
    12: ("energy_saver", "#96D98D"),
    13: ("high_demand", "#FF9830"),
    14: ("vacation", "#5794F2"),
    15: ("power_off", "#6E7687"),
}
SOURCES = {
    20: ("none", "#6E7687"),
    21: ("heat_pump", "#56A64B"),
    22: ("element", "#F2495C"),
    23: ("both", "#FF9830"),
}
SENSORS = {
    "tank_upper": "#F2495C",
    "tank_lower": "#5794F2",
    "hot_water": "#FF9830",
}
ENERGY = [
    g.override("byRegexp", "/^heat_pump/", color=g.fixed("#56A64B")),
    g.override("byRegexp", "/^element/", color=g.fixed("#F2495C")),
]


def raw(metric, *more):
    """The series of a metric for the chosen heater."""
    return w.of(metric, *more, scope=HERE)


def once(expr):
    """Each value once, although two exporters may tell it."""
    return f"max without (job, instance, connection) ({expr})"


def of(metric, *more):
    """The newest values of a metric, each once."""
    return once(raw(metric, *more))


def is_(label, value):
    """One matcher."""
    return f'{label}="{value}"'


def words(table):
    """The words of a table as an owner reads them."""
    return {number: (text.replace("_", " "), color) for number, (text, color) in table.items()}


def number_of(metric, label, table):
    """A family with one series a value, as the number of the value that is 1."""
    parts = [f"({raw(metric, is_(label, name))} == 1) * {number}" for number, (name, _) in table.items()]
    return f"max by (device) ({' or '.join(parts)})"


def lifetime(metric):
    """A counter since installation as it stands: its height is the message, not its rate."""
    return once(f"max_over_time({raw(metric)}[5m])")


def degrees(expr):
    """Celsius to what the variable says. Its value is a factor, or a factor and a sum."""
    return f"{expr} * $temperature"


def build():
    return g.dashboard(
        "hangup-water-heater",
        "hangup / Water heater",
        "One Navien water heater: is there hot water, what does it cost, is anything wrong?",
        variables=[
            g.datasource_variable(),
            g.label_variable("job", "Job", "navien_temperature_celsius"),
            g.label_variable("instance", "Instance", 'navien_temperature_celsius{job=~"$job"}'),
            g.label_variable("device", "Heater", f"navien_temperature_celsius{{{w.HERE}}}", many=False),
            g.choice_variable(
                "temperature", "Temperature", "Unit of temperatures", {"°C": "1", "°F": "1.8 + 32"}
            ),
            g.choice_variable(
                "volume", "Volume", "Unit of volumes", {"litres": "1", "US gallons": "0.264172"}
            ),
            g.text_variable("tariff", "Cents a kWh", "What a kilowatt hour costs, in cents", "30"),
        ],
        annotations=[
            g.annotation(
                "Faults",
                "red",
                f"max by (device) ({of('navien_error_code')}) > 0.5",
                "{{device}} reports a fault",
                "",
            ),
            g.annotation(
                "Offline",
                "orange",
                f"max by (device) ({of('navien_device_online')}) < 0.5",
                "{{device}} is offline",
                "",
            ),
        ],
        rows=[
            g.row(None, *_today()),
            g.row("Hot water", *_hot_water()),
            g.row("Energy and cost", *_energy()),
            g.row("Air, refrigerant, parts", *_parts()),
            g.row("Faults, protection, care", *_care()),
            g.row("For a technician (needs diagnostic_readings = true)", *_technician(), *_lifetime(), collapsed=True),
        ],
        time="now-24h",
    )


def _today():
    yield g.stat(
        f"Hot water, {UNIT}",
        "Temperature of the water at the outlet.",
        g.instant(degrees(of("navien_temperature_celsius", 'sensor="hot_water"')), "hot water"),
        unit="degree",
        decimals=1,
        width=3,
        height=5,
        color="value",
        thresholds=g.steps((None, "orange")),
    )
    yield g.stat(
        f"Setpoint, {UNIT}",
        "The temperature that is asked for.",
        g.instant(degrees(of("navien_setpoint_celsius")), "setpoint"),
        unit="degree",
        decimals=1,
        width=3,
        height=5,
    )
    yield g.gauge_bars(
        "Tank",
        "Charge of the tank, as the vendor's app shows it.",
        g.instant(of("navien_charge_ratio"), "charge"),
        unit="percentunit",
        decimals=0,
        width=4,
        height=5,
        max=1,
        color={"mode": "thresholds"},
        thresholds=g.steps((None, "red"), (0.2, "orange"), (0.4, "green")),
    )
    yield g.stat(
        "Does now",
        "What the heater does, and what heats.",
        g.instant(number_of("navien_operation_mode", "mode", MODES), "mode"),
        g.instant(number_of("navien_heat_source", "source", SOURCES), "heats with"),
        mappings=g.words(words({**MODES, **SOURCES})),
        text="value_and_name",
        width=5,
        height=5,
    )
    yield g.stat(
        "Set to",
        "The mode that the user chose.",
        g.instant(number_of("navien_operation_setting", "setting", SETTINGS), "setting"),
        mappings=g.words(words(SETTINGS)),
        width=3,
        height=5,
    )
    yield g.stat(
        "Power",
        "Electrical power drawn now.",
        g.instant(of("navien_power_watts"), "power"),
        unit="watt",
        width=3,
        height=5,
        graph="area",
        thresholds=g.steps((None, "blue")),
    )
    yield g.stat(
        "Fault",
        "The fault code that the heater reports.",
        g.instant(of("navien_error_code"), "fault"),
        mappings=g.words({0: ("none", "green")}),
        color="background",
        decimals=0,
        width=3,
        height=5,
        thresholds=g.steps((None, "green"), (0.5, "red")),
    )


def _hot_water():
    yield g.lines(
        f"Tank temperatures, {UNIT}",
        "Upper and lower tank, hot water at the outlet, and what is asked for (dashed). The upper tank decides whether a "
        "shower stays warm; the lower one shows how much is left.",
        g.query(
            degrees(of("navien_temperature_celsius", 'sensor=~"tank_upper|tank_lower|hot_water"')), "{{sensor}}"
        ),
        g.query(degrees(of("navien_setpoint_celsius")), "setpoint"),
        unit="degree",
        decimals=1,
        width=14,
        height=9,
        custom={"lineWidth": 2},
        from_zero=False,
        overrides=[
            *(g.named(name, color=g.fixed(color)) for name, color in SENSORS.items()),
            g.named(
                "setpoint",
                color=g.fixed("text"),
                custom__lineStyle={"fill": "dash", "dash": [8, 6]},
                custom__lineWidth=1,
            ),
        ],
    )
    yield g.timeline(
        "What it does",
        "What the user chose, the mode it is in, what heats, and whether hot water is drawn.",
        g.query(number_of("navien_operation_setting", "setting", SETTINGS), "setting"),
        g.query(number_of("navien_operation_mode", "mode", MODES), "mode"),
        g.query(number_of("navien_heat_source", "source", SOURCES), "heats with"),
        g.query(f"{of('navien_heating_active')} + 30", "heating"),
        g.query(f"{of('navien_hot_water_in_use')} + 32", "water"),
        g.query(f"{of('navien_powered_on')} + 30", "switched on"),
        table=words(
            {
                **SETTINGS,
                **MODES,
                **SOURCES,
                30: ("off", "#6E7687"),
                31: ("on", "#56A64B"),
                32: ("closed", "#6E7687"),
                33: ("drawn", "#5794F2"),
            }
        ),
        width=10,
        height=9,
    )
    yield g.lines(
        f"Flow, {VOLUME} a minute",
        "Hot water drawn, and the flow in the recirculation loop where one is fitted.",
        g.query(
            "("
            + g.either(
                hot_water=of("navien_hot_water_flow_litres_per_second"),
                recirculation=of("navien_recirculation_flow_litres_per_second"),
            )
            + ") * 60 * $volume",
            "{{what}}",
        ),
        unit="none",
        decimals=1,
        width=8,
        overrides=[g.named("hot water", color=g.fixed("blue"), custom__fillOpacity=25)],
    )
    litres = raw("navien_hot_water_litres_total")
    yield g.count_bars(
        f"Hot water used, {VOLUME}",
        "Hot water delivered in each step, by the heater's own meter.",
        g.query(f"{once(w.by_step(litres))} * $volume", "used"),
        width=8,
        maxDataPoints=48,
        unit="none",
        overrides=[g.named("used", color=g.fixed("blue"))],
    )
    yield g.lines(
        "Heat in the tank",
        "Heat stored above the lowest reference of the heater, heat that is missing up to the setpoint, and charge (right).",
        g.query(f"{of('navien_usable_energy_joules')} / {KWH}", "stored"),
        g.query(f"{of('navien_energy_to_setpoint_joules')} / {KWH}", "missing"),
        g.query(of("navien_charge_ratio"), "charge"),
        unit="kwatth",
        width=8,
        overrides=[
            g.named("stored", color=g.fixed("orange"), custom__fillOpacity=15),
            g.named("missing", color=g.fixed("#6E7687")),
            g.named(
                "charge",
                unit="percentunit",
                min=0,
                max=1,
                color=g.fixed("green"),
                custom__axisPlacement="right",
            ),
        ],
    )


def _energy():
    used = raw("navien_electrical_energy_joules_total")
    period_energy = "navien_electrical_energy_period_joules"

    def period(name):
        return f"sum({of(period_energy, is_('period', name))}) / {KWH}"

    for title, text, expr in (
        ("Today", "Electrical energy used today, by the heater's own meter, and what it cost.", period("day")),
        ("This month", "Electrical energy used in this month so far, and what it cost.", period("month")),
        (
            "Time range",
            "Electrical energy used in the time range, and what it cost.",
            f"sum({once(w.in_range(used))}) / {KWH}",
        ),
    ):
        yield g.stat(
            title,
            text + " The price of a kWh is the variable `Cents a kWh` at the top.",
            g.instant(expr, "energy"),
            g.instant(f"({expr}) * $tariff / 100", "cost"),
            unit="kwatth",
            decimals=1,
            text="value_and_name",
            height=4,
            overrides=[
                g.named("energy", thresholds=g.steps((None, "blue"))),
                g.named("cost", unit="none", decimals=2, thresholds=g.steps((None, "orange"))),
            ],
        )
    yield g.stat(
        "Part of the heat pump",
        "Part of the electrical energy of this month that the heat pump used. The rest went into the elements, which need "
        "three times as much for the same heat.",
        g.instant(
            f"sum({of(period_energy, is_('source', 'heat_pump'), is_('period', 'month'))})"
            f" / sum({of(period_energy, is_('period', 'month'))})",
            "heat pump",
        ),
        unit="percentunit",
        decimals=0,
        height=4,
        thresholds=g.steps((None, "red"), (0.5, "orange"), (0.8, "green")),
    )
    yield g.stat(
        "Since installation",
        "Electrical energy used since installation, by the heater's own meter.",
        g.instant(f"{lifetime('navien_electrical_energy_joules_total')} / {KWH}", "{{source}}"),
        unit="kwatth",
        decimals=1,
        text="value_and_name",
        height=4,
        width=8,
        overrides=[
            g.named("heat_pump", thresholds=g.steps((None, "green"))),
            g.named("element", thresholds=g.steps((None, "red"))),
        ],
    )
    yield g.lines(
        "Power",
        "Electrical power drawn, as the heater tells it. The heat pump takes some 500 W, an element up to 5 kW.",
        g.query(of("navien_power_watts"), "power"),
        unit="watt",
        overrides=[g.named("power", color=g.fixed("orange"), custom__fillOpacity=20)],
    )
    yield g.count_bars(
        "Energy used",
        "Electrical energy of each step, by the heater's own meter. The heater tells it every energy_interval, so steps "
        "shorter than that are empty in turns.",
        g.query(f"{once(w.by_step(used))} / {KWH}", "{{source}}"),
        unit="kwatth",
        decimals=2,
        soft_max=0.1,
        maxDataPoints=48,
        overrides=ENERGY,
    )
    heating = raw("navien_heating_time_seconds_total")
    yield g.stat(
        "Heating time in the time range",
        "How long each source heated in the time range; the heater counts whole hours.",
        g.instant(once(w.in_range(heating)), "{{source}}"),
        unit="s",
        text="value_and_name",
        width=12,
        height=4,
    )
    yield g.stat(
        "Utility",
        "Whether a time-of-use plan is in force, whether it is overridden, and whether the utility asks for a change "
        "(0 is no event).",
        g.instant(of("navien_time_of_use_enabled"), "time of use"),
        g.instant(of("navien_time_of_use_override_active"), "override"),
        g.instant(of("navien_demand_response_event", 'event="none"') + " == bool 0", "demand response"),
        mappings=g.words({0: ("no", "#6E7687"), 1: ("yes", "#56A64B")}),
        text="value_and_name",
        width=12,
        height=4,
    )


def _parts():
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


def _care():
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


def _technician():
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


def _lifetime():
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
