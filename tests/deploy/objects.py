"""What must hold for Kubernetes objects of ours, wherever they come from: schemas, confinement, and that they fit together.

Never reaches a cluster. The schemas are those of kubernetes-validate; custom resources have none there, and what matters
of them is checked by hand.
"""

import subprocess
import tempfile

import kubernetes_validate
import yaml

# The oldest that the chart says it works with, and a newer one.
VERSIONS = ("1.25", "1.33")
CUSTOM = ("ServiceMonitor", "PrometheusRule")


def parsed(text):
    return [document for document in yaml.safe_load_all(text) if document]


def of(objects, kind):
    return [thing for thing in objects if thing["kind"] == kind]


def check(objects, promtool):
    names = [(thing["kind"], thing["metadata"]["name"]) for thing in objects]
    assert len(names) == len(set(names)), f"two objects of one name: {names}"
    for thing in objects:
        if thing["kind"] not in CUSTOM:
            for version in VERSIONS:
                kubernetes_validate.validate(thing, version, strict=True)
    for thing in of(objects, "StatefulSet"):
        template = thing["spec"]["template"]
        fits(objects, thing, template)
        confined(template["spec"])
        probed(template["spec"]["containers"][0])
    for thing in of(objects, "Pod"):
        confined(thing["spec"])
    for monitor in of(objects, "ServiceMonitor"):
        monitored(objects, monitor)
    for rules in of(objects, "PrometheusRule"):
        loaded(rules, promtool)


def fits(objects, workload, template):
    """The Service, the policy and the volumes of a workload find it, and it finds them."""
    labels = template["metadata"]["labels"]
    ports = [port["name"] for port in template["spec"]["containers"][0]["ports"]]
    [service] = of(objects, "Service")
    assert service["metadata"]["name"] == workload["spec"]["serviceName"]
    selectors = [workload["spec"]["selector"]["matchLabels"], service["spec"]["selector"]]
    for policy in of(objects, "NetworkPolicy"):
        selectors.append(policy["spec"]["podSelector"]["matchLabels"])
        assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == ports
    for selector in selectors:
        assert selector.items() <= labels.items(), f"{selector} does not select {labels}"
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ports
    maps = [thing["metadata"]["name"] for thing in of(objects, "ConfigMap")]
    accounts = [thing["metadata"]["name"] for thing in of(objects, "ServiceAccount")]
    assert template["spec"]["serviceAccountName"] in accounts
    for volume in template["spec"].get("volumes", []):
        own = {"secret", "emptyDir", "persistentVolumeClaim"} & volume.keys()
        assert own or volume["configMap"]["name"] in maps, volume


def confined(pod):
    """What the Pod Security Standard `restricted` asks for, a file system that cannot be written to, and no token."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"] and "cpu" not in container["resources"]["limits"]
    for volume in pod.get("volumes", []):
        assert volume.get("secret", {}).get("defaultMode", 0o440) & 0o007 == 0, "a secret that everybody may read"


def probed(container):
    """No probe asks /-/ready: a broker that is away must neither restart the exporter nor hide it from Prometheus."""
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/-/healthy", "port": "metrics"}, probe


def sharded(workload, of):
    """Every pod runs its part of the connections, and all parts are run: the number of a pod is its ordinal."""
    assert workload["spec"]["replicas"] == of
    env = workload["spec"]["template"]["spec"]["containers"][0]["env"]
    names = [entry["name"] for entry in env]
    # What a value refers to must stand before it.
    assert names.index("POD_INDEX") < names.index("HANGUP_SHARD"), names
    values = {entry["name"]: entry for entry in env}
    path = values["POD_INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert path == "metadata.labels['apps.kubernetes.io/pod-index']", path
    assert values["HANGUP_SHARD"]["value"] == f"$(POD_INDEX)/{of}", values["HANGUP_SHARD"]


def monitored(objects, monitor):
    [service] = of(objects, "Service")
    labels = service["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels[monitor["spec"]["jobLabel"]] == "hangup", "the rules expect the job `hangup`"
    ports = [port["name"] for port in service["spec"]["ports"]]
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ports


def loaded(rules, promtool):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(rules["spec"], file)
        file.flush()
        if promtool:
            subprocess.run([promtool, "check", "rules", file.name], check=True, stdout=subprocess.DEVNULL)
    assert rules["spec"]["groups"]


def configuration(objects):
    """The configuration that the pod gets."""
    [config] = [thing for thing in of(objects, "ConfigMap") if "hangup.toml" in thing["data"]]
    return config["data"]["hangup.toml"]
