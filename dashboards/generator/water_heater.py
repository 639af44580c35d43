"""Dashboard "Water heater": what an owner looks at daily. Is there hot water, what does it cost, is anything wrong?

Never shows connections. Temperatures, volumes and cost follow the variables at the top.
"""

from . import document as d
from . import grafana as g
from . import heater_care, heater_technician
from . import words as w
from .heater import (
    ENERGY,
    KWH,
    MODES,
    SENSORS,
    SETTINGS,
    SOURCES,
    UNIT,
    VOLUME,
    degrees,
    is_,
    lifetime,
    number_of,
    of,
    once,
    raw,
    words,
)


def build():
    return d.dashboard(
        "hangup-water-heater",
        "hangup / Water heater",
        "One Navien water heater: is there hot water, what does it cost, is anything wrong?",
        variables=[
            d.datasource_variable(),
            d.label_variable("job", "Job", "navien_temperature_celsius"),
            d.label_variable("instance", "Instance", 'navien_temperature_celsius{job=~"$job"}'),
            d.label_variable("device", "Heater", f"navien_temperature_celsius{{{w.HERE}}}", many=False),
            d.choice_variable(
                "temperature", "Temperature", "Unit of temperatures", {"°C": "1", "°F": "1.8 + 32"}
            ),
            d.choice_variable(
                "volume", "Volume", "Unit of volumes", {"litres": "1", "US gallons": "0.264172"}
            ),
            d.text_variable("tariff", "Cents a kWh", "What a kilowatt hour costs, in cents", "30"),
        ],
        annotations=[
            d.annotation(
                "Faults",
                "red",
                f"max by (device) ({of('navien_error_code')}) > 0.5",
                "{{device}} reports a fault",
                "",
            ),
            d.annotation(
                "Offline",
                "orange",
                f"max by (device) ({of('navien_device_online')}) < 0.5",
                "{{device}} is offline",
                "",
            ),
        ],
        rows=[
            d.row(None, *_today()),
            d.row("Hot water", *_hot_water()),
            d.row("Energy and cost", *_energy()),
            d.row("Air, refrigerant, parts", *heater_care.parts()),
            d.row("Faults, protection, care", *heater_care.care()),
            d.row("For a technician (needs diagnostic_readings = true)", *heater_technician.technician(), *heater_technician.lifetime_totals(), collapsed=True),
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
