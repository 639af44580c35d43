"""Loads the package into a real Home Assistant core, beside a running hangup, and looks at every entity.

Never starts what the package does not use (frontend, database). Usage: home_assistant.py PACKAGE URL CONNECTION DEVICE
"""

import asyncio
import http.server
import json
import logging
import pathlib
import sys
import tempfile
import threading
import urllib.request

from homeassistant import bootstrap, config, config_entries, core, loader
from homeassistant.setup import async_setup_component

package, url, connection, device = sys.argv[1:]
AWAY = "http://127.0.0.1:1"
# Has a value of its own whatever hangup says.
ALWAYS = {"binary_sensor.hangup_connection_problem"}
# Perhaps there has been no drop yet, and perhaps the connection is away just now, which is no problem before ten minutes.
PERHAPS = {"sensor.hangup_last_drop_time", "binary_sensor.hangup_connection_problem"}


class Complaints(logging.Handler):
    """What templates complain about: an owner's log must stay quiet while hangup is away."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        if "emplate" in record.getMessage() or "non-numeric" in record.getMessage():
            self.lines.append(record.getMessage())


async def states(address, connection=connection):
    """What the entities of the package say after one round of questions."""
    with tempfile.TemporaryDirectory() as directory:
        text = pathlib.Path(package).read_text()
        assert text.count("http://127.0.0.1:9883") == 3
        assert text.count("connection: home\n") == 2
        text = text.replace("http://127.0.0.1:9883", address)
        text = text.replace("connection: home\n", f"connection: {connection}\n").replace("device: basement\n", f"device: {device}\n")
        # Asks at the start only: a second question at the same moment would make the answer depend on the clock.
        for clock, times in (("seconds: /30", 2), ("minutes: /5", 1)):
            clock = f"      - {{platform: time_pattern, {clock}}}\n"
            assert text.count(clock) == times
            text = text.replace(clock, "")
        place = pathlib.Path(directory)
        (place / "packages").mkdir()
        (place / "packages/hangup.yaml").write_text(text)
        (place / "configuration.yaml").write_text("homeassistant: {packages: !include_dir_named packages}\n")
        hass = core.HomeAssistant(directory)
        try:
            hass.config_entries = config_entries.ConfigEntries(hass, {})
            loader.async_setup(hass)
            await bootstrap.async_load_base_functionality(hass)
            whole = await config.async_hass_config_yaml(hass)
            await config.async_process_ha_core_config(hass, whole.pop("homeassistant", {}))
            for component in ("homeassistant", "rest_command", "template"):
                assert await async_setup_component(hass, component, whole), f"{component} refuses its part"
            # Every entity is there before the first question, as after a usual start.
            await hass.async_block_till_done()
            await hass.async_start()
            # Every request has been answered when nothing is left to do.
            await hass.async_block_till_done()
            return {state.entity_id: state for state in hass.states.async_all(("sensor", "binary_sensor"))}
        finally:
            await hass.async_stop(force=True)


def asked(path):
    """What hangup answers there."""
    with urllib.request.urlopen(url + path, timeout=10) as answer:
        return json.load(answer)


def explained(there, answer):
    """The diagnosis of the last drop is the one that hangup gives."""
    [state] = [state for state in answer["connections"] if state["name"] == connection]
    drop = there["sensor.hangup_last_drop_cause"]
    if state["last_drop"] is None:
        assert drop.state == "none"
    elif there["sensor.hangup_last_drop_time"].state[:19] == state["last_drop"]["at"][:19]:
        # Else there was one more meanwhile.
        cause = state["last_drop"]["cause"]
        assert drop.state == ("not_known" if cause == "unknown" else cause), (drop, state["last_drop"])
        assert drop.attributes["evidence"] == state["last_drop"]["evidence"]
        assert drop.attributes["words"] == state["last_drop"]["words"]


async def a_finding():
    """Beside a hangup that has found something: a document of the program, from the fixtures of its own tests."""
    document = pathlib.Path(__file__).parents[1] / "fixtures/diagnostics/hangup.json"
    finding = json.loads(document.read_text())["findings"][0]

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == "/api/v1/diagnostics"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(document.read_bytes() if known else b"{}")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = await states(f"http://127.0.0.1:{server.server_port}", finding["connection"])
        server.shutdown()
    found = there["sensor.hangup_finding"]
    assert found.state == finding["cause"], found
    for key in ("evidence", "words", "advice", "disproof"):
        assert found.attributes[key] == finding[key], key
    assert found.attributes["words"] in found.attributes["all"]


async def main():
    complaints = Complaints()
    logging.getLogger("homeassistant").addHandler(complaints)
    there = await states(url)
    assert len(there) == 19, sorted(there)
    silent = {name for name, state in there.items() if state.state in ("unknown", "unavailable")}
    assert silent <= PERHAPS, f"say nothing beside a running hangup: {silent}"
    assert there["binary_sensor.hangup_connection"].state in ("on", "off")
    assert 0 < float(there["sensor.heater_tank_upper"].state) < 100
    assert 0 <= float(there["sensor.heater_charge"].state) <= 100
    assert float(there["sensor.heater_energy"].state) > 0
    assert there["sensor.heater_setting"].state in ("heat_pump", "energy_saver", "high_demand", "electric", "vacation", "power_off")
    assert there["sensor.heater_fault"].state == "none"
    assert there["binary_sensor.hangup_connection"].attributes["why"]
    explained(there, await asyncio.to_thread(asked, "/api/v1/connections"))

    await a_finding()
    away = await states(AWAY)
    assert away.keys() == there.keys()
    talking = {name: state.state for name, state in away.items() if state.state not in ("unknown", "unavailable")}
    assert talking.keys() <= ALWAYS, f"say something without hangup: {talking}"
    assert not complaints.lines, "\n".join(complaints.lines)
    print(f"{len(there)} entities")


asyncio.run(main())
