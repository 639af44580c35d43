"""Checks what Kustomize made. Usage: kustomized.py FILE PROMTOOL-OR-EMPTY DIRECTORY-FOR-CONFIGURATIONS

Never reaches a cluster.
"""

import pathlib
import sys

import objects

file, promtool, directory = sys.argv[1:]
things = objects.parsed(pathlib.Path(file).read_text())
objects.check(things, promtool)
[namespace] = objects.of(things, "Namespace")
assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
for thing in things:
    if thing["kind"] != "Namespace":
        assert thing["metadata"]["namespace"] == namespace["metadata"]["name"], thing["metadata"]
[workload] = objects.of(things, "StatefulSet")
if workload["spec"]["replicas"] > 1:
    objects.sharded(workload, workload["spec"]["replicas"])
pathlib.Path(directory, f"{pathlib.Path(file).stem}.toml").write_text(objects.configuration(things))
print(f"{len(things)} objects")
