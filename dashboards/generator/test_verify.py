"""Shows that the checks find faults: each test breaks a real dashboard in one way.

Never writes into the directory of the dashboards.
"""

import copy
import pathlib
import tempfile
import unittest
from unittest import mock

from . import connections, verify


class Broken(unittest.TestCase):
    """One fault each, and the word by which the check names it."""

    def setUp(self):
        self.document = copy.deepcopy(connections.build())
        self.panel = next(panel for panel in self.document["panels"] if panel["type"] == "timeseries")

    def faults(self, check, *arguments):
        with mock.patch.object(verify, "dashboards", lambda: [("broken.json", self.document)]):
            return "\n".join(check(*arguments))

    def shape(self):
        # The links to the other dashboards are right, but only this one is here.
        return "\n".join(line for line in self.faults(verify.shape).splitlines() if "which is no dashboard" not in line)

    def test_the_real_one_has_no_fault(self):
        self.assertEqual(self.shape(), "")

    def test_an_id_of_grafana(self):
        self.document["id"] = 7
        self.assertIn("without id", self.shape())

    def test_no_description(self):
        self.panel["description"] = ""
        self.assertIn("needs a title and a description", self.shape())

    def test_panels_on_top_of_each_other(self):
        self.panel["gridPos"]["y"] -= 1
        self.assertIn("overlap", self.shape())

    def test_bars_that_lie(self):
        self.panel["targets"][0]["expr"] = 'increase(x_total{job=~"$job",instance=~"$instance"}[$__rate_interval])'
        self.assertIn("counts events twice", self.shape())

    def test_bars_finer_than_a_scrape(self):
        del next(panel for panel in self.document["panels"] if panel["title"] == "Drops by error")["interval"]
        self.assertIn("minimum interval", self.shape())

    def test_a_variable_that_is_not_there(self):
        self.panel["targets"][0]["expr"] += " * $nobody"
        self.assertIn("nobody is not declared", self.shape())

    def test_a_metric_that_is_not_there(self):
        self.panel["targets"][0]["expr"] = "sum by (job) (rate(mqtt_client_hiccups_total[5m])) > bool 1"
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory, "catalogue")
            file.write_text("".join(f"| `filler_{n}` | gauge |\n" for n in range(60)), encoding="utf-8")
            self.assertIn("no metric mqtt_client_hiccups_total", self.faults(verify.metrics, file))

    def test_coverage_both_ways(self):
        with tempfile.TemporaryDirectory() as directory:
            file, reasons = pathlib.Path(directory, "catalogue"), pathlib.Path(directory, "reasons")
            names = {name: "gauge" for name in [*(f"filler_{n}" for n in range(60)), "mqtt_client_connected"]}
            file.write_text("".join(f"| `{name}` | gauge |\n" for name in names), encoding="utf-8")
            reasons.write_text(
                "filler_1: for\nmqtt_client_connected: a reason that is long enough\ngone: it went away some time ago\n",
                encoding="utf-8",
            )
            faults = self.faults(verify.coverage, file, reasons, "/nowhere")
        self.assertIn("filler_2 is in no dashboard", faults)
        self.assertIn("filler_1 needs a reason", faults)
        self.assertIn("mqtt_client_connected is shown, and in", faults)
        self.assertIn("there is no metric gone", faults)

    def test_names_are_found_where_they_are_metrics(self):
        expr = 'sum by (le) (rate(a_bucket{le="b_total"}[5m])) / on(c_d) group_left(e_f) g:h or {__name__=~"i_.*",j="k"}'
        self.assertEqual(verify.metrics_of(expr)[1], ["i_.*"])
        self.assertEqual(verify.metrics_of("sum by (le) (rate(a_bucket[5m] offset 1m)) / x_y")[0], {"a_bucket", "x_y"})


if __name__ == "__main__":
    unittest.main()
