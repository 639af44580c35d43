"""What the rows of "Water heater" share: selectors, units, words and colours.

Never draws anything.
"""

from . import grafana as g
from . import words as w

HERE = w.HERE + ',device=~"$device"'
KWH = 3_600_000
UNIT = "${temperature:text}"
VOLUME = "${volume:text}"

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


def lifetime(metric):
    """A counter since installation as it stands: its height is the message, not its rate."""
    return once(f"max_over_time({raw(metric)}[5m])")


def number_of(metric, label, table):
    """A family with one series a value, as the number of the value that is 1."""
    parts = [f"({raw(metric, is_(label, name))} == 1) * {number}" for number, (name, _) in table.items()]
    return f"max by (device) ({' or '.join(parts)})"


def degrees(expr):
    """Celsius to what the variable says. Its value is a factor, or a factor and a sum."""
    return f"{expr} * $temperature"
