"""Checks of the committed JSON: `python3 -m generator.verify shape | colours | metrics | coverage | rules …`.

Never trusts the generator: everything is read back from the files that Grafana will read.
"""

import json
import pathlib
import re
import sys

from . import words

HERE = pathlib.Path(__file__).resolve().parent.parent
# Metrics that Prometheus itself makes for each target.
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
# Names in a query that are not metrics: functions, operators, label lists, labels in braces, durations, strings.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
BY_PATTERN = re.compile(r'__name__=~"([^"]*)"')
METRIC = re.compile(r"(?<![\w$:])[a-z][a-z0-9_]*(?![\w(]|\s*\()")
WORDS = {"or", "and", "unless", "bool", "offset", "on", "by", "without", "inf", "nan"}


def dashboards():
    """Every dashboard with its file name."""
    for file in sorted(HERE.glob("*.json")):
        yield file.name, json.loads(file.read_text(encoding="utf-8"))


def panels(document):
    """All panels, those inside of collapsed rows too."""
    for panel in document["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(document):
    """Where and what of every PromQL expression: panels, annotations, variables."""
    for panel in panels(document):
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for mark in document["annotations"]["list"]:
        yield f"annotation {mark['name']}", mark["expr"]
    for variable in document["templating"]["list"]:
        if variable["type"] == "query":
            inner = re.fullmatch(r"label_values\((.+), *(\w+)\)", variable["query"]["query"])
            if inner is None:
                raise SystemExit(f"variable {variable['name']}: not label_values(selector, label)")
            yield f"variable {variable['name']}", inner.group(1)


def substituted(expr, document, choice=0):
    """A query as Prometheus gets it: every variable replaced by a value it can have, choices by the one of that number."""
    values = {"__interval": "1m", "__rate_interval": "5m", "__range": "6h"}
    for variable in document["templating"]["list"]:
        options = variable["options"]
        values[variable["name"]] = options[choice % len(options)]["value"] if options else "x"
    return re.sub(r"\$\{?(\w+)(?::\w+)?\}?", lambda m: values.get(m.group(1), m.group(0)), expr)


def choices(document):
    """How often a query must be looked at, so that each choice of each variable was in it once."""
    return max([1, *(len(variable["options"]) for variable in document["templating"]["list"])])


def metrics_of(expr):
    """Metric names of a query, and the patterns of names in it."""
    patterns = BY_PATTERN.findall(expr)
    rest = LABEL_LIST.sub(" ", re.sub(r"\{[^}]*\}", " ", STRING.sub('""', expr)))
    rest = re.sub(r"\[[^\]]*\]", " ", re.sub(r"offset\s+\S+", " ", rest))
    return {name for name in METRIC.findall(rest) if name not in WORDS}, patterns


def catalogue(file):
    """Name to type, from what `hangup catalogue` prints."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", pathlib.Path(file).read_text(encoding="utf-8"), re.M)
    if len(rows) < 50:
        raise SystemExit(f"{file}: only {len(rows)} metrics: this is not the output of `hangup catalogue`")
    return dict(rows)


def family(name, known):
    """The metric that a series belongs to: histograms have three names each."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if name not in known and known.get(base) == "histogram" else name


def used(known):
    """Metrics that the dashboards show, each with one place."""
    found = {}
    for file, document in dashboards():
        for place, expr in queries(document):
            names, patterns = metrics_of(substituted(expr, document))
            names |= {name for pattern in patterns for name in known if re.fullmatch(pattern, name)}
            for name in names:
                found.setdefault(family(name, known), f"{file}: {place}")
    return found


def shape():
    """Faults of uid, ids, titles, descriptions, places, links, variables and units."""
    uids = {}
    everything = list(dashboards())
    known = {document["uid"] for _, document in everything}
    for file, document in everything:
        if document["uid"] in uids:
            yield f"{file}: uid {document['uid']} is also that of {uids[document['uid']]}"
        uids[document["uid"]] = file
        if document["id"] is not None or "__inputs" in document:
            yield f"{file}: must come without id and __inputs"
        variables = {variable["name"]: variable for variable in document["templating"]["list"]}
        for name in ("datasource", "job", "instance"):
            if name not in variables:
                yield f"{file}: has no variable {name}"
        text = json.dumps(document)
        for target in re.findall(r"/d/([\w-]+)", text):
            if target not in known:
                yield f"{file}: links to {target}, which is no dashboard here"
        for name in variables:
            if not re.search(rf"\$\{{?{name}\b", text):
                yield f"{file}: variable {name} is used nowhere"
        yield from (f"{file}: {fault}" for fault in _faults_of_panels(document, variables))


def _faults_of_panels(document, variables):
    ids = [panel["id"] for panel in panels(document)]
    if len(ids) != len(set(ids)):
        yield "a panel id is used twice"
    for panel in panels(document):
        if panel["type"] == "row":
            continue
        at = f"panel {panel['id']} \"{panel['title']}\""
        if not panel["title"] or len(panel.get("description", "")) < 15:
            yield f"{at} needs a title and a description"
        if not panel["targets"]:
            yield f"{at} has no query"
        if "unit" not in panel["fieldConfig"]["defaults"]:
            yield f"{at} needs a unit"
        for source in [panel["datasource"], *(target["datasource"] for target in panel["targets"])]:
            if source["uid"] != "${datasource}":
                yield f"{at} has a fixed data source"
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"{at} leaves the grid"
        for target in panel["targets"]:
            yield from (f"{at} {target['refId']}: {fault}" for fault in _faults_of_query(panel, target, variables))
    for group in (document["panels"], *(panel["panels"] for panel in document["panels"] if panel.get("panels"))):
        yield from _overlaps(group)


def _faults_of_query(panel, target, variables):
    expr = target["expr"]
    if 'job=~"$job"' not in expr or 'instance=~"$instance"' not in expr:
        yield "does not ask for $job and $instance"
    for name in re.findall(r"\$\{?(\w+)", expr):
        if name not in variables and not name.startswith("__"):
            yield f"variable {name} is not declared"
    # Overlapping windows count an event twice: only a single value at the end of the range may use it.
    if re.search(r"\bincrease\(", expr) and not target.get("instant"):
        yield "increase() over time counts events twice: use the exact difference"
    if "offset $__interval" in expr and panel.get("interval") != "1m" and not target.get("instant"):
        yield "an exact difference needs a minimum interval of 1m"
    if re.search(r"_total\{[^}]*\}(?! *(offset|\[|-))", expr) and "offset" not in expr:
        yield "a counter is read without rate(), increase() or a difference"


def _overlaps(group):
    for index, one in enumerate(group):
        a = one["gridPos"]
        for other in group[index + 1 :]:
            b = other["gridPos"]
            if a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]:
                yield f"panels {one['id']} and {other['id']} overlap"


def colours(source):
    """Error names of the source code that have no family, or two."""
    names = set(re.findall(r'= "((?:AWS|LOCAL)_\w+)"', pathlib.Path(source).read_text(encoding="utf-8")))
    if len(names) < 40:
        yield f"{source}: only {len(names)} error names: this is not the table of errors"
    for name in sorted(names):
        families = [key for key, (_, pattern) in words.FAMILIES.items() if re.fullmatch(pattern, name)]
        if len(families) != 1:
            yield f"{name} belongs to {' and '.join(families) or 'no family'}"


def metrics(file):
    """Metrics of queries that the exporter does not have."""
    known = catalogue(file)
    for name, place in sorted(used(known).items()):
        if name not in known and name not in OF_PROMETHEUS:
            yield f"{place}: there is no metric {name}"


def coverage(file, reasons, rules):
    """Metrics that nobody looks at, and reasons that are none."""
    known, shown = catalogue(file), set(used(catalogue(file)))
    rules = pathlib.Path(rules)
    alerted = rules.read_text(encoding="utf-8") if rules.exists() else ""
    left_out = {}
    for line in pathlib.Path(reasons).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition(":")
            left_out[name.strip()] = reason.strip()
    for name in known:
        alert = re.search(rf"\b{name}(_bucket|_sum|_count)?\b", alerted)
        if name not in shown and not alert and name not in left_out:
            yield f"{name} is in no dashboard, in no alert and not in {reasons}"
        if name in shown and name in left_out:
            yield f"{name} is shown, and in {reasons} all the same"
    for name, reason in left_out.items():
        if name not in known:
            yield f"{reasons}: there is no metric {name}"
        if len(reason) < 15:
            yield f"{reasons}: {name} needs a reason"


def rules(file):
    """Writes every query, with every choice of its variables, as a recording rule, for promtool to parse."""
    groups = [
        {
            "name": name,
            "rules": [
                {
                    "record": f"query:{number}:{choice}",
                    "expr": substituted(expr, document, choice),
                    "labels": {"place": place},
                }
                for number, (place, expr) in enumerate(queries(document))
                for choice in range(choices(document))
            ],
        }
        for name, document in dashboards()
    ]
    # JSON is YAML, and needs no library.
    pathlib.Path(file).write_text(json.dumps({"groups": groups}, indent=1), encoding="utf-8")
    return []


def main(arguments):
    checks = {check.__name__: check for check in (shape, colours, metrics, coverage, rules)}
    if not arguments or arguments[0] not in checks:
        raise SystemExit(f"usage: python3 -m generator.verify {' | '.join(checks)} [file]...")
    faults = list(checks[arguments[0]](*arguments[1:]))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
