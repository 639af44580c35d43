"""Panels of Grafana as plain dictionaries, with their queries and their looks.

Never knows a metric: what is shown is decided in the module of each dashboard.
"""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Rare events are counted in steps of at least this: shorter than a scrape interval, a step would be empty.
COUNTING_STEP = "1m"
REFS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def query(expr, legend="__auto", **more):
    """One query over the time range. `legend` may hold {{label}}."""
    return {"expr": expr, "legendFormat": legend, **more}


def instant(expr, legend="__auto"):
    """One query at the end of the time range."""
    return query(expr, legend, instant=True, range=False)


def cells(expr):
    """One query at the end of the time range, for a table: labels become columns."""
    return query(expr, instant=True, range=False, format="table")


def buckets(expr):
    """One query by `le`, for a heatmap."""
    return query(expr, "{{le}}", format="heatmap")


def either(**parts):
    """One query for what is not always there: the parts that are, told apart by the label `what`."""
    return " or ".join(
        f'label_replace({expr}, "what", "{name.replace("_", " ")}", "", "")' for name, expr in parts.items()
    )


def override(matcher, options, **properties):
    """Properties of the fields that match. `custom__x` stands for `custom.x`."""
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def named(name, **properties):
    """Properties of the field with this name."""
    return override("byName", name, **properties)


def fixed(color):
    """Always this colour."""
    return {"mode": "fixed", "fixedColor": color}


def steps(*pairs):
    """Thresholds: the first colour from the bottom, each further one from its value on."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in pairs]}


def words(table):
    """Value mappings: number -> (text, colour)."""
    return [
        {
            "type": "value",
            "options": {
                str(value): {"text": text, "color": color, "index": index}
                for index, (value, (text, color)) in enumerate(table.items())
            },
        }
    ]


def _panel(kind, title, description, targets, *, unit, options, custom=None, width, height, **more):
    defaults = {"unit": unit}
    for key in ("min", "max", "decimals", "color", "mappings", "thresholds", "noValue", "links"):
        if key in more:
            defaults[key] = more.pop(key)
    defaults["custom"] = custom or {}
    panel = {
        "type": kind,
        "title": title,
        "description": description,
        "gridPos": {"w": width, "h": height},
        "datasource": DATASOURCE,
        "targets": [{"refId": REFS[i], "datasource": DATASOURCE, **target} for i, target in enumerate(targets)],
        "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])},
        "options": options,
    }
    panel.update(more)
    return panel


def stat(title, description, *targets, unit="none", width=4, height=4, text="auto", color="value", **more):
    """The newest value, large."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": text,
        "colorMode": color,
        "graphMode": more.pop("graph", "none"),
        "justifyMode": "auto",
        "orientation": "auto",
    }
    more.setdefault("thresholds", steps((None, "text")))
    more.setdefault("noValue", "not told")
    return _panel(
        "stat", title, description, targets, unit=unit, options=options, width=width, height=height, **more
    )


def gauge_bars(title, description, *targets, unit, width=8, height=8, **more):
    """The newest values as horizontal bars."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "gradient",
        "valueMode": "color",
        "showUnfilled": True,
        "minVizHeight": 10,
        "minVizWidth": 0,
    }
    more.setdefault("min", 0)
    more.setdefault("color", fixed("blue"))
    return _panel(
        "bargauge", title, description, targets, unit=unit, options=options, width=width, height=height, **more
    )


def _series(title, description, targets, unit, custom, width, height, calcs, log, from_zero=True, **more):
    options = {
        "legend": {
            "showLegend": True,
            "displayMode": "list",
            "placement": more.pop("legend", "bottom"),
            "calcs": calcs,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {"showPoints": "never", "fillOpacity": 0, "lineWidth": 1, **custom}
    if log:
        custom["scaleDistribution"] = {"type": "log", "log": log}
    elif from_zero:
        custom["axisSoftMin"] = 0
    more.setdefault("color", {"mode": "palette-classic"})
    return _panel(
        "timeseries",
        title,
        description,
        targets,
        unit=unit,
        options=options,
        custom=custom,
        width=width,
        height=height,
        **more,
    )


def lines(title, description, *targets, unit="short", width=12, height=8, log=None, custom=None, **more):
    """Values over time, on a logarithmic axis to the base `log` if given. What was not told is not drawn."""
    return _series(title, description, targets, unit, custom or {}, width, height, more.pop("calcs", []), log, **more)


def points(title, description, *targets, unit="s", width=12, height=8, log=10, **more):
    """Single events, each at its height."""
    custom = {"drawStyle": "points", "showPoints": "always", "pointSize": 6}
    more.setdefault("decimals", 1)
    return _series(title, description, targets, unit, custom, width, height, [], log, **more)


def count_bars(title, description, *targets, unit="short", width=12, height=8, **more):
    """Events of each step, stacked. The queries must be exact differences over `$__interval`."""
    custom = {
        "drawStyle": "bars",
        "barAlignment": -1,
        "barWidthFactor": 0.9,
        "fillOpacity": 85,
        "lineWidth": 0,
        "stacking": {"mode": "normal", "group": "A"},
    }
    more.setdefault("interval", COUNTING_STEP)
    more.setdefault("decimals", 0)
    more.setdefault("min", 0)
    # Room for one event: an axis from 0 to 0.4 events helps nobody.
    custom["axisSoftMax"] = more.pop("soft_max", 4)
    return _series(title, description, targets, unit, custom, width, height, ["sum"], False, **more)


def timeline(title, description, *targets, table, width=24, height=5, unit="none", **more):
    """What holds when, as coloured stretches with words."""
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "single"},
    }
    custom = {"fillOpacity": 80, "lineWidth": 0}
    return _panel(
        "state-timeline",
        title,
        description,
        targets,
        unit=unit,
        options=options,
        custom=custom,
        width=width,
        height=height,
        mappings=words(table),
        thresholds=steps((None, "text")),
        **more,
    )


def heatmap(title, description, target, *, unit="s", width=12, height=8, scheme="Oranges", **more):
    """How many events fell into each bucket in each step."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short", "decimals": 0},
        "color": {"mode": "scheme", "scheme": scheme, "steps": 64, "scale": "exponential", "exponent": 0.5, "fill": "orange"},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "le"},
        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
    }
    more.setdefault("interval", COUNTING_STEP)
    # Rows of a heatmap are buckets: more columns than this cannot be told apart.
    more.setdefault("maxDataPoints", 200)
    return _panel(
        "heatmap", title, description, [target], unit=unit, options=options, width=width, height=height, **more
    )


def table(title, description, *targets, columns, newest=None, most=None, unit="none", width=12, height=8, **more):
    """Newest values side by side. `columns` are (source, name, properties) in their order; others are left out.

    `newest` names a column with ages: the smallest comes first. `most` names one whose largest comes first.
    """
    rename = {source: name for source, name, _ in columns}
    more.setdefault("overrides", [])
    more["overrides"] += [named(name, **properties) for _, name, properties in columns if properties]
    # `keep` names what stays; it wants final names, because it comes last.
    transformations = [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True},
                "indexByName": {source: index for index, (source, _, _) in enumerate(columns)},
                "renameByName": rename,
            },
        },
        {"id": "filterFieldsByName", "options": {"include": {"names": [name for _, name, _ in columns]}}},
    ]
    options = {"showHeader": True, "cellHeight": "sm"}
    if newest:
        options["sortBy"] = [{"displayName": newest, "desc": False}]
    if most:
        options["sortBy"] = [{"displayName": most, "desc": True}]
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False}
    return _panel(
        "table",
        title,
        description,
        targets,
        unit=unit,
        options=options,
        custom=custom,
        width=width,
        height=height,
        transformations=transformations,
        **more,
    )
