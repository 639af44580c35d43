#!/usr/bin/env python3
"""Writes the dashboards: `dashboards/build.py`. With --check, tells which files are not what it would write.

Needs Python 3.9 and nothing else; never reads a clock or a network, so its output is always the same.
"""

import json
import pathlib
import sys

from generator import connection_detail, connections, devices, exporter, fleet, water_heater

HERE = pathlib.Path(__file__).resolve().parent
FILES = {
    "connections.json": connections,
    "connection-detail.json": connection_detail,
    "fleet.json": fleet,
    "devices.json": devices,
    "water-heater.json": water_heater,
    "exporter.json": exporter,
}


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(f"usage: {sys.argv[0]} [--check]", file=sys.stderr)
        return 2
    stale = 0
    for name, module in FILES.items():
        text = json.dumps(module.build(), indent=2, ensure_ascii=False) + "\n"
        file = HERE / name
        if not arguments:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            print(f"{name} is not what build.py writes: run dashboards/build.py")
            stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
