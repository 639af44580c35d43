"""Loads the package into a real Home Assistant core, beside a running hangup, and looks at every entity.

Never starts what the package does not use (frontend, database). Usage: home_assistant.py PACKAGE URL CONNECTION DEVICE
"""

import asyncio
import logging
import pathlib
import sys
import tempfile

from homeassistant import bootstrap, config, config_entries, core, loader
from homeassistant.setup import async_setup_component

package, url, connection, device = sys.argv[1:]
AWAY = "http://127.0.0.1:1"
# Has a value of its own whatever hangup says.
ALWAYS = {"binary_sensor.hangup_connection_problem"}
# Perhaps there has been no drop yet.
PERHAPS = {"sensor.hangup_last_drop_time"}


class Complaints(logging.Handler):
    """What templates complain about: an owner's log must stay quiet while hangup is away."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        if "emplate" in record.getMessage() or "non-numeric" in record.getMessage():
            self.lines.append(record.getMessage())


async def states(address):
    """What the entities of the package say after one round of questions."""
    with tempfile.TemporaryDirectory() as directory:
        text = pathlib.Path(package).read_text()
        assert text.count("http://127.0.0.1:9883") == 2
        text = text.replace("http://127.0.0.1:9883", address)
        text = text.replace("connection: home\n", f"connection: {connection}\n").replace("device: basement\n", f"device: {device}\n")
        # Asks at the start only: a second question at the same moment would make the answer depend on the clock.
        clock = "      - {platform: time_pattern, seconds: /30}\n"
        assert text.count(clock) == 2
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


async def main():
    complaints = Complaints()
    logging.getLogger("homeassistant").addHandler(complaints)
    there = await states(url)
    assert len(there) == 17, sorted(there)
    silent = {name for name, state in there.items() if state.state in ("unknown", "unavailable")}
    assert silent <= PERHAPS, f"say nothing beside a running hangup: {silent}"
    assert there["binary_sensor.hangup_connection"].state in ("on", "off")
    assert 0 < float(there["sensor.heater_tank_upper"].state) < 100
    assert 0 <= float(there["sensor.heater_charge"].state) <= 100
    assert float(there["sensor.heater_energy"].state) > 0
    assert there["sensor.heater_setting"].state in ("heat_pump", "energy_saver", "high_demand", "electric", "vacation", "power_off")
    assert there["sensor.heater_fault"].state == "none"
    assert there["binary_sensor.hangup_connection"].attributes["why"]

    away = await states(AWAY)
    assert away.keys() == there.keys()
    talking = {name: state.state for name, state in away.items() if state.state not in ("unknown", "unavailable")}
    assert talking.keys() <= ALWAYS, f"say something without hangup: {talking}"
    assert not complaints.lines, "\n".join(complaints.lines)
    print(f"{len(there)} entities")


asyncio.run(main())
