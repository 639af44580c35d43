"""Lints and renders the Helm chart by Helm's own library, checks what comes out, and compares it with Kustomize's.

Never reaches a cluster. Usage: chart.py CHART KUSTOMIZED PROMTOOL-OR-EMPTY DIRECTORY-FOR-CONFIGURATIONS
"""

import pathlib
import sys

import helm_python
import objects

chart_path, kustomized, promtool, directory = sys.argv[1:]

VARIANTS = {
    "default": {},
    "demo": {"demo": True},
    "everything": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboards": {"enabled": True},
        "env": [{"name": "NO_COLOR", "value": "1"}],
        "imagePullSecrets": [{"name": "registry"}],
        "podAnnotations": {"example.com/team": "heating"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "networkPolicy": {"egressPorts": [443, 3128]},
    },
    "alone": {"networkPolicy": {"enabled": False}},
    "sharded": {"shards": 3, "state": {"size": "64Mi"}},
    "replicated": {"replicas": 2},
}
REFUSED = [{"demo": "yes"}, {"nonsense": 1}, {"image": {"pullPolicy": "Sometimes"}}, {"serviceMonitor": {"interval": "15"}},
           {"shards": 0}, {"shards": "3"}, {"replicas": 0}, {"state": {"size": "a lot"}}]
# Right each by itself, and wrong together: two pods that run the same connections, or that write one journal.
CONTRADICTIONS = [
    {"shards": 2, "replicas": 2}, {"shards": 2, "demo": True}, {"shards": 2, "state": {"claim": "journal"}},
    {"replicas": 2, "state": {"claim": "journal"}}, {"state": {"claim": "journal", "size": "64Mi"}},
]


def merged(values, changes):
    """The values with these changes, as Helm merges them."""
    both = {key: merged(values[key], changes[key]) for key in values.keys() & changes.keys() if isinstance(changes[key], dict)}
    return {**values, **changes, **both}


for name, values in VARIANTS.items():
    # 1 is information: that there is no icon.
    report = helm_python.lint(chart_path, values, strict=True)
    faults = [message for message in report["messages"] if message["severity"] > 1]
    assert not faults and not report["errors"], (name, report)

chart = helm_python.Chart.load(chart_path)
chart.validate_schema(chart.values)
for values in REFUSED:
    try:
        chart.validate_schema(merged(chart.values, values))
    except helm_python.HelmError:
        continue
    raise AssertionError(f"values.schema.json takes {values}")

for values in CONTRADICTIONS:
    try:
        chart.render(values, name="home", namespace="hangup", is_install=True)
    except helm_python.HelmError:
        continue
    raise AssertionError(f"the chart takes {values}")

rendered = {}
for name, values in VARIANTS.items():
    manifests = chart.render(values, name="home", namespace="hangup", is_install=True)
    notes = [text for path, text in manifests.items() if path.endswith("NOTES.txt")]
    assert len(notes) == 1 and "home-hangup" in notes[0], notes
    things = [thing for path, text in manifests.items() if path.endswith(".yaml") for thing in objects.parsed(text)]
    objects.check(things, promtool)
    rendered[name] = things
    if name != "demo":
        pathlib.Path(directory, f"helm-{name}.toml").write_text(objects.configuration(things))

counts = {kind: len(objects.of(rendered["everything"], kind)) for kind in ("ServiceMonitor", "PrometheusRule")}
assert counts == {"ServiceMonitor": 1, "PrometheusRule": 1}, counts
dashboards = [thing for thing in objects.of(rendered["everything"], "ConfigMap") if "hangup.toml" not in thing["data"]]
assert len(dashboards) == len(list(pathlib.Path(chart_path, "files/dashboards").glob("*.json"))) > 0
assert not [thing for thing in rendered["default"] if thing["kind"] in objects.CUSTOM]
assert not objects.of(rendered["alone"], "NetworkPolicy")

[sharded], [replicated] = (objects.of(rendered[name], "StatefulSet") for name in ("sharded", "replicated"))
objects.sharded(sharded, 3)
assert [claim["metadata"]["name"] for claim in sharded["spec"]["volumeClaimTemplates"]] == ["state"]
assert replicated["spec"]["replicas"] == 2 and "HANGUP_SHARD" not in str(replicated), "replicas run all connections"

# Both ways lead to the same pod.
pods = []
for things in (rendered["default"], objects.parsed(pathlib.Path(kustomized).read_text())):
    [workload] = objects.of(things, "StatefulSet")
    pod = workload["spec"]["template"]["spec"]
    pod.pop("serviceAccountName")
    for volume in pod["volumes"]:
        volume.get("configMap", {}).pop("name", None)
    pod["containers"][0].pop("imagePullPolicy", None)
    pods.append(pod)
assert pods[0] == pods[1], f"Helm and Kustomize differ:\n{pods[0]}\n{pods[1]}"
print(f"{len(VARIANTS)} variants, {sum(map(len, rendered.values()))} objects")
