"""Dashboard "Exporter": is hangup itself well, and is it scraped?

Never shows a connection or a reading.
"""

from . import document as d
from . import grafana as g
from . import why
from . import words as w


def of(metric):
    return w.of(metric, scope=w.HERE)


def build():
    return d.dashboard(
        "hangup-exporter",
        "hangup / Exporter",
        "Is hangup itself well, and is it scraped?",
        variables=[
            d.datasource_variable(),
            d.label_variable("job", "Job", "hangup_build_info"),
            d.label_variable("instance", "Instance", 'hangup_build_info{job=~"$job"}'),
        ],
        annotations=[
            d.annotation(
                "Starts",
                "blue",
                f"sum by (instance) (changes({of('process_start_time_seconds')}[$__interval])) > 0.5",
                "{{instance}} restarted",
                "",
            )
        ],
        rows=[
            d.row(None, *_verdict()),
            d.row("Scrapes", *_scrapes()),
            d.row("Series of readings", *_series()),
            d.row("This machine and the memory of drops", *_machine()),
            d.row("Process", *_process()),
            d.row("Work", *_work()),
        ],
    )


def _verdict():
    yield g.stat(
        "Scraped now",
        "Exporters that Prometheus could scrape just now. hangup answers even when every broker is away.",
        g.instant(f"sum({of('up')})", "up"),
        width=3,
        decimals=0,
        thresholds=g.steps((None, "red"), (0.5, "green")),
    )
    yield g.stat(
        "Not scraped",
        "Exporters that Prometheus could not scrape: the process is gone, or the way to it.",
        g.instant(f"count({of('up')} == 0) or vector(0)", "down"),
        width=3,
        decimals=0,
        color="background",
        thresholds=g.steps((None, "green"), (0.5, "red")),
    )
    yield g.stat(
        "Configuration",
        "Whether the newest reading of the configuration succeeded. If not, the one before it stays in force.",
        g.instant(f"min({of('hangup_config_last_reload_successful')})", "configuration"),
        mappings=g.words({0: ("refused", "red"), 1: ("fine", "green")}),
        width=4,
    )
    yield g.stat(
        "Configuration read",
        "When the configuration was last read successfully.",
        g.instant(f"1000 * min({of('hangup_config_last_reload_success_timestamp_seconds')})", "read"),
        unit="dateTimeFromNow",
        width=4,
    )
    yield g.stat(
        "Series used",
        "Part of the allowed series of readings that is in use. At 100 % new readings are refused and counted.",
        g.instant(f"max({of('hangup_series')} / {of('hangup_series_limit')})", "in use"),
        unit="percentunit",
        decimals=1,
        width=3,
        thresholds=g.steps((None, "green"), (0.8, "orange"), (0.95, "red")),
    )
    yield g.stat(
        "Refused",
        "Readings in the time range that were refused because their series would have been one too many.",
        g.instant(f"sum({w.in_range(of('hangup_rejected_series_total'))})", "refused"),
        decimals=0,
        width=3,
        thresholds=g.steps((None, "green"), (0.5, "red")),
    )
    yield g.stat(
        "Newest start",
        "When the youngest of the processes started.",
        g.instant(f"1000 * max({of('process_start_time_seconds')})", "start"),
        unit="dateTimeFromNow",
        width=4,
    )
    yield g.table(
        "Exporters",
        "One line an exporter, with the build it runs. Different builds side by side: an update is not complete. Shard: which part of the connections it runs, counted from 0, of how many; empty where "
        "it runs all.",
        g.cells(f"max by (instance, version, revision) ({of('hangup_build_info')})"),
        g.cells(f"1000 * max by (instance) ({of('process_start_time_seconds')})"),
        g.cells(f"sum by (instance) ({of('hangup_series')})"),
        g.cells(f"sum by (instance) ({of('process_resident_memory_bytes')})"),
        g.cells(f"count by (instance) ({of('mqtt_client_connected')})"),
        g.cells(f"sum by (instance) ({of('mqtt_client_connected')})"),
        g.cells(f"max by (instance, shard, shards) ({of('hangup_shard_info')})"),
        columns=[
            (
                "instance",
                "Exporter",
                {
                    "links": [
                        {
                            "title": "Status page of this exporter",
                            "url": "http://${__data.fields.Exporter}/",
                            "targetBlank": True,
                        }
                    ]
                },
            ),
            ("version", "Version", {"custom__width": 90}),
            ("revision", "Revision", {"custom__width": 110}),
            ("Value #B", "Started", {"unit": "dateTimeFromNow"}),
            ("shard", "Shard", {"custom__width": 65}),
            ("shards", "of", {"custom__width": 45}),
            ("Value #E", "Connections", {"decimals": 0, "custom__width": 110}),
            ("Value #F", "Connected", {"decimals": 0, "custom__width": 100}),
            ("Value #C", "Series of readings", {"decimals": 0, "custom__width": 145}),
            ("Value #D", "Memory", {"unit": "bytes", "custom__width": 100}),
        ],
        width=24,
        height=5,
    )


def _scrapes():
    yield g.timeline(
        "Scraped",
        "Whether Prometheus could scrape each exporter.",
        g.query(of("up"), "{{instance}}"),
        table={0: ("not scraped", "red"), 1: ("scraped", "green")},
        width=24,
        height=4,
    )
    yield g.lines(
        "Time of a scrape",
        "How long Prometheus waited for the page. It must stay well below its scrape timeout.",
        g.query(of("scrape_duration_seconds"), "{{instance}}"),
        unit="s",
    )
    yield g.lines(
        "Samples of a scrape",
        "How many samples the page had. Readings of silent devices leave it, so it may fall and come back.",
        g.query(of("scrape_samples_scraped"), "{{instance}}"),
    )


def _series():
    yield g.lines(
        "Series against their limit",
        "Series of readings now kept, and how many may be kept. A logarithmic axis, because the limit is far away.",
        g.query(of("hangup_series"), "{{instance}}"),
        g.query(f"max({of('hangup_series_limit')})", "limit"),
        log=10,
        overrides=[
            g.named("limit", color=g.fixed("red"), custom__lineStyle={"fill": "dash", "dash": [8, 6]}),
        ],
    )
    yield g.count_bars(
        "Refused readings",
        "Readings that were refused because their series would have been one too many.",
        g.query(f"sum by (instance) ({w.by_step(of('hangup_rejected_series_total'))})", "{{instance}}"),
    )


def _machine():
    yield why.this_machine()
    yield g.count_bars(
        "Writes that failed",
        "Records that did not reach the journal (they are lost at the next restart), and diagnostics files that could not "
        "be written. The log says why: a full disk, a missing right.",
        g.query(f"sum({w.by_step(of('hangup_journal_write_failures_total'))})", "journal"),
        g.query(f"sum({w.by_step(of('hangup_diagnostics_write_failures_total'))})", "diagnostics file"),
        width=8,
        overrides=[g.named("journal", color=g.fixed("red")), g.named("diagnostics file", color=g.fixed("orange"))],
    )
    yield g.stat(
        "Diagnostics file",
        "When the diagnostics file was last written. Empty where none is configured.",
        g.instant(f"1000 * max({of('hangup_diagnostics_last_written_timestamp_seconds')})", "written"),
        unit="dateTimeFromNow",
        height=8,
        noValue="none",
    )


def _process():
    yield g.lines(
        "Processor",
        "Processor time used, as a mean of five minutes; 100 % is one core.",
        g.query(f"rate({of('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}}"),
        unit="percentunit",
        width=8,
        custom={"axisSoftMax": 0.05},
        # The counter moves in whole seconds: over a shorter time it would be spikes.
        interval="5m",
    )
    yield g.lines(
        "Memory",
        "Memory in use (resident) and reserved addresses (virtual, dashed), on a logarithmic axis.",
        g.query(of("process_resident_memory_bytes"), "{{instance}} resident"),
        g.query(of("process_virtual_memory_bytes"), "{{instance}} virtual"),
        unit="bytes",
        width=8,
        log=2,
        overrides=[g.override("byRegexp", "/ virtual$/", custom__lineStyle={"fill": "dash", "dash": [8, 6]})],
    )
    yield g.lines(
        "Open files and threads",
        "Open file descriptors, of how many (dashed), and threads. Descriptors that only grow are a leak.",
        g.query(of("process_open_fds"), "{{instance}} files"),
        g.query(of("process_threads"), "{{instance}} threads"),
        g.query(f"min({of('process_max_fds')})", "allowed files"),
        width=8,
        log=10,
        overrides=[
            g.named("allowed files", color=g.fixed("red"), custom__lineStyle={"fill": "dash", "dash": [8, 6]})
        ],
    )


def _work():
    yield g.lines(
        "Messages received",
        "Messages of all connections together.",
        g.query(
            f"sum by (instance) (rate({of('mqtt_client_received_messages_total')}[$__rate_interval]))", "{{instance}}"
        ),
        unit="mps",
        interval="1m",
    )
    yield g.lines(
        "Bytes received",
        "Bytes of the messages of all connections together.",
        g.query(
            f"sum by (instance) (rate({of('mqtt_client_received_bytes_total')}[$__rate_interval]))", "{{instance}}"
        ),
        unit="Bps",
        interval="1m",
    )
