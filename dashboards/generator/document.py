"""A Grafana dashboard as a plain dictionary: variables, annotations, rows, and the places of panels.

Never knows what a panel shows.
"""

from .grafana import COUNTING_STEP, DATASOURCE


def datasource_variable():
    """Which Prometheus: works for provisioning and import alike."""
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "skipUrlSync": False,
        "current": {},
        "options": [],
    }


def label_variable(name, label, selector, *, many=True):
    """The values of a label. `many` allows several and all."""
    text = f"label_values({selector}, {name})"
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    variable = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": text, "refId": "StandardVariableQuery"},
        "definition": text,
        "refresh": 2,
        "sort": 1,
        "includeAll": many,
        "multi": many,
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
        "current": everything if many else {},
        "options": [],
    }
    if many:
        variable["allValue"] = ".+"
    return variable


def choice_variable(name, label, description, choices):
    """One of some texts, each with what it puts into a query."""
    options = [
        {"selected": index == 0, "text": text, "value": value} for index, (text, value) in enumerate(choices.items())
    ]
    return {
        "name": name,
        "label": label,
        "description": description,
        "type": "custom",
        "query": ", ".join(f"{text} : {value}" for text, value in choices.items()),
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "skipUrlSync": False,
        "current": options[0],
        "options": options,
    }


def text_variable(name, label, description, value):
    """A value that the reader types."""
    current = {"selected": True, "text": value, "value": value}
    return {
        "name": name,
        "label": label,
        "description": description,
        "type": "textbox",
        "query": value,
        "hide": 0,
        "skipUrlSync": False,
        "current": current,
        "options": [current],
    }


def annotation(name, color, expr, title, text):
    """A mark on all panels where the expression has a value."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": expr,
        "step": COUNTING_STEP,
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": "error",
        "useValueForTime": False,
    }


def _place(panels, top):
    """Left to right, then the next line below the tallest. Gives the first free line."""
    x = line = 0
    for panel in panels:
        grid = panel["gridPos"]
        if x + grid["w"] > 24:
            x, top, line = 0, top + line, 0
        panel["gridPos"] = {"x": x, "y": top, "w": grid["w"], "h": grid["h"]}
        x, line = x + grid["w"], max(line, grid["h"])
    return top + line


def row(title, *panels, collapsed=False):
    """A titled row of panels."""
    return {"title": title, "panels": list(panels), "collapsed": collapsed}


def dashboard(uid, title, description, *, variables, annotations, rows, time="now-6h", tags=("hangup",)):
    """The whole document. Panels get their ids and places in the order they are written in."""
    panels, y, number = [], 0, 0
    for part in rows:
        if part["title"]:
            number += 1
            head = {
                "id": number,
                "type": "row",
                "title": part["title"],
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
                "collapsed": part["collapsed"],
                "panels": [],
            }
            panels.append(head)
            y += 1
        y = _place(part["panels"], y)
        numbered = []
        for panel in part["panels"]:
            number += 1
            numbered.append({"id": number, **panel})
        if part["collapsed"]:
            head["panels"] = numbered
        else:
            panels += numbered
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": list(tags),
        "schemaVersion": 39,
        "version": 1,
        "id": None,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": time, "to": "now"},
        "timepicker": {},
        "timezone": "",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "links": [
            {
                "type": "dashboards",
                "title": "hangup",
                "tags": ["hangup"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
        "annotations": {"list": annotations},
        "templating": {"list": variables},
        "panels": panels,
    }
