"""Dashboard "Connections": all of them at a glance. What is up, what broke, and why?

Never shows one connection in depth: that is connection_detail.
"""

from . import document as d
from . import grafana as g
from . import why
from . import words as w

DROPS = w.of("mqtt_client_connection_drops_total")
FAILURES = w.of("mqtt_client_connect_failures_total")
CONNECTED = w.of("mqtt_client_connected")
KEY = "instance, connection"
# From a row to the dashboard of that connection, with the same data source and time.
TO_DETAIL = {
    "title": "Details of this connection",
    "url": "/d/hangup-connection?${datasource:queryparam}&${job:queryparam}"
    "&var-instance=${__data.fields.Exporter}&var-connection=${__data.fields.Connection}&${__url_time_range}",
}
TO_PAGE = {
    "title": "Status page of this exporter: the last drop in words, with its detail",
    "url": "http://${__data.fields.Exporter}/",
    "targetBlank": True,
}


def build():
    return d.dashboard(
        "hangup-connections",
        "hangup / Connections",
        "All connections at a glance: what is up, what broke, and why.",
        variables=w.standard_variables(),
        annotations=[w.drop_annotation()],
        rows=[
            d.row(None, *_verdict()),
            d.row("When", *_when()),
            d.row("Why", *_why()),
            d.row("Who and where", *_who()),
            d.row("How long", *_how_long()),
            d.row("Messages, credentials, path", *_health()),
            d.row("Devices", _devices()),
        ],
    )


def _verdict():
    up = f"count({CONNECTED} == 1) or vector(0)"
    down = f"count({CONNECTED} == 0) or vector(0)"
    red = g.steps((None, "text"), (0.5, "red"))
    yield g.stat(
        "Up now",
        "Connections with a session at this moment.",
        g.instant(up, "up"),
        width=3,
        thresholds=g.steps((None, "red"), (0.5, "green")),
    )
    yield g.stat(
        "Down now",
        "Connections without a session at this moment. The table below says which, and what they are doing about it.",
        g.instant(down, "down"),
        width=3,
        color="background",
        thresholds=g.steps((None, "green"), (0.5, "red")),
    )
    yield g.stat(
        "Time connected",
        "Part of the time range in which a session was up, over all connections, as sampled by the scrapes. "
        "Outages shorter than a scrape are mostly invisible here: look at the drops.",
        g.instant(f"avg(avg_over_time({CONNECTED}[$__range]))", "connected"),
        unit="percentunit",
        decimals=2,
        thresholds=g.steps((None, "red"), (0.95, "orange"), (0.99, "green")),
    )
    yield g.stat(
        "Drops",
        "Sessions that ended in the time range although nobody asked for it. Exact while no exporter restarted.",
        g.instant(f"sum({w.in_range(DROPS)})", "drops"),
        decimals=0,
        width=3,
        thresholds=red,
    )
    yield g.stat(
        "Failed attempts",
        "Attempts to connect that failed in the time range.",
        g.instant(f"sum({w.in_range(FAILURES)})", "failed attempts"),
        decimals=0,
        width=4,
        thresholds=g.steps((None, "text"), (0.5, "orange")),
    )
    yield g.stat(
        "Time in outages",
        "Sum of the outages that ended in the time range, each from its drop to the next accepted session.",
        g.instant(f"sum({w.in_range(w.of('mqtt_client_outage_duration_seconds_sum'))})", "outages"),
        unit="s",
        decimals=1,
    )
    yield g.stat(
        "Silent losses",
        "Subscriptions that are wanted but not acknowledged while the connection is up: data is missing although all "
        "looks well.",
        g.instant(
            f"sum(clamp_min({w.of('mqtt_client_subscriptions')} - {w.of('mqtt_client_subscriptions_active')}, 0)"
            f" * {CONNECTED})",
            "subscriptions",
        ),
        decimals=0,
        width=3,
        thresholds=red,
    )
    yield g.table(
        "What is up",
        "One line a connection. Select it for its details or for the status page of its exporter, which tells the last "
        "drop in words. For: in this condition so long. Failures: attempts in a row that failed. Wait: until the next one. MQTT: the version. Over: tcp, tls, ws or wss.",
        g.cells(w.state_number(by=KEY)),
        g.cells(
            f"time() - max by ({KEY}) (({w.of('mqtt_client_last_connect_timestamp_seconds')} and {CONNECTED} == 1)"
            f" or {w.of('mqtt_client_last_disconnect_timestamp_seconds')})"
        ),
        g.cells(f"sum by ({KEY}) ({w.in_range(DROPS)})"),
        g.cells(f"max by ({KEY}) ({w.of('mqtt_client_consecutive_connect_failures')})"),
        g.cells(f"max by ({KEY}) ({w.of('mqtt_client_reconnect_delay_seconds')})"),
        g.cells(f"max by ({KEY}, protocol, transport) ({w.of('mqtt_client_connection_info')})"),
        columns=[
            ("connection", "Connection", {"links": [TO_DETAIL, TO_PAGE], "custom__minWidth": 80}),
            (
                "Value #A",
                "State",
                {
                    "mappings": g.words(w.STATES),
                    "custom__cellOptions": {"type": "color-background", "mode": "basic"},
                    "custom__align": "center",
                    "custom__width": 95,
                },
            ),
            ("Value #B", "For", {"unit": "s", "decimals": 0, "custom__width": 75}),
            ("Value #C", "Drops", {"decimals": 0, "custom__width": 65}),
            ("Value #D", "Failures", {"decimals": 0, "custom__width": 70}),
            ("Value #E", "Wait", {"unit": "s", "decimals": 0, "custom__width": 55}),
            ("protocol", "MQTT", {"custom__width": 60}),
            ("transport", "Over", {"custom__width": 50}),
            # Not for the eye: the links need it.
            ("instance", "Exporter", {"custom__hidden": True}),
        ],
        width=11,
        height=9,
    )
    seen = f'label_replace({w.last_time(DROPS)}, "phase", "session", "", "") or {w.last_time(FAILURES)}'
    counted = f'label_replace({w.in_range(DROPS)}, "phase", "session", "", "") or ({w.in_range(FAILURES)})'
    yield g.table(
        "What broke, and why",
        "Drops (phase: session) and failed attempts (the phase they failed in) of the time range by error name, the "
        "newest first. " + w.COLOURS_OF_ERRORS,
        g.cells(f"time() - max by (connection, phase, error) ({seen})"),
        g.cells(
            f"sum by (connection, phase, error) ({counted}) > 0.5"
            ' or on() label_replace(vector(0), "error", "nothing broke", "", "")'
        ),
        columns=[
            ("Value #A", "Ago", {"unit": "s", "decimals": 0, "custom__width": 70}),
            ("connection", "Connection", {"custom__width": 95}),
            ("phase", "Phase", {"custom__width": 90}),
            ("error", "Error", _error_cells()),
            ("Value #B", "Times", {"decimals": 0, "custom__width": 65}),
        ],
        newest="Ago",
        width=13,
        height=9,
    )


def _error_cells():
    mappings = [
        {"type": "regex", "options": {"pattern": f"/^({pattern})$/", "result": {"color": color, "index": index}}}
        for index, (color, pattern) in enumerate(w.FAMILIES.values())
    ]
    return {"mappings": mappings, "custom__cellOptions": {"type": "color-text"}}


def _when():
    yield g.timeline(
        "State",
        "What each connection was doing, as sampled by the scrapes. An outage shorter than a scrape is not here: it is in "
        "the bars below.",
        g.query(w.state_number(), "{{connection}}"),
        table=w.STATES,
        height=6,
    )
    yield g.count_bars(
        "Drops by error",
        "Sessions that ended although nobody asked for it: each bar is the exact count of its step. "
        + w.COLOURS_OF_ERRORS,
        w.bars_by("error", DROPS, "no drops"),
        width=24,
        overrides=[*w.error_colours(), w.quiet("no drops")],
    )


def _why():
    yield why.causes_over_time()
    yield why.causes_table()
    yield why.findings_over_time()
    yield why.this_machine()


def _who():
    yield g.count_bars(
        "Drops by connection",
        "Which connections drop. Several at the same moment point to what they share: this machine, its network, the "
        "broker.",
        w.bars_by("connection", DROPS, "no drops"),
        overrides=[w.quiet("no drops")],
    )
    closes = w.of("mqtt_client_closes_total")
    yield g.count_bars(
        "Planned closes",
        "Sessions that hangup ended itself, by its reason. These are no drops.",
        w.bars_by("cause", closes, "none"),
        overrides=[w.quiet("none")],
    )
    failed = f"sum by (phase, error) ({w.by_step(FAILURES)}) > 0.5"
    yield g.count_bars(
        "Failed attempts by phase and error",
        "Attempts to connect that failed: how far they came, and what they met. " + w.COLOURS_OF_ERRORS,
        g.query(
            failed + ' or on() label_replace(vector(0), "error", "no failures", "", "")', "{{phase}} {{error}}"
        ),
        width=24,
        overrides=[*w.error_colours("[a-z]+ "), w.quiet(" no failures")],
    )


def _how_long():
    yield g.points(
        "Length of sessions that dropped",
        "The newest dropped session of each connection, as it changes. The same length again and again is a rule of "
        "somebody: a proxy, a NAT, a token, a limit of the service.",
        g.query(
            f"{w.of('mqtt_client_last_session_duration_seconds')} and"
            f" changes({w.of('mqtt_client_last_session_duration_seconds')}[$__interval]) > 0"
            f" or {w.of('mqtt_client_last_session_duration_seconds')} unless"
            f" {w.of('mqtt_client_last_session_duration_seconds')} offset $__interval",
            "{{connection}}",
        ),
        interval=g.COUNTING_STEP,
    )
    outages = w.of("mqtt_client_outage_duration_seconds_bucket")
    yield g.heatmap(
        "Length of outages",
        "From each drop to the next accepted session, all connections. Brighter: more of them.",
        g.buckets(f"sum by (le) ({w.by_step(outages)})"),
    )


def _health():
    yield g.lines(
        "Messages received",
        "Messages from the broker. A connection that is up and falls silent is as bad as one that is down.",
        g.query(
            f"sum by (connection) (rate({w.of('mqtt_client_received_messages_total')}[$__rate_interval]))",
            "{{connection}}",
        ),
        unit="mps",
        width=8,
        interval="1m",
    )
    lost = w.of("mqtt_client_dropped_messages_total")
    yield g.count_bars(
        "Messages lost",
        "Messages to the broker that were never delivered, by the reason.",
        w.bars_by("reason", lost, "none lost"),
        width=8,
        overrides=[w.quiet("none lost")],
    )
    yield g.lines(
        "Round trip",
        "95 % of the pings were answered within this time. TCP: the round trip as the kernel sees it.",
        g.query(
            "histogram_quantile(0.95, sum by (connection, le)"
            f" (rate({w.of('mqtt_client_ping_duration_seconds_bucket')}[$__rate_interval])))",
            "{{connection}} ping, 95 %",
        ),
        g.query(f"max by (connection) ({w.of('mqtt_client_tcp_rtt_seconds')})", "{{connection}} TCP"),
        unit="s",
        log=10,
        width=8,
        interval="1m",
    )
    yield g.lines(
        "Credentials valid for",
        "Time until the credentials that sign connections lapse. A saw tooth is right; below zero, the next attempt "
        "will be refused unless new ones are obtained first.",
        g.query(
            f"min by (connection) ({w.of('mqtt_client_credential_expiry_timestamp_seconds')} - time())",
            "{{connection}}",
        ),
        unit="s",
        width=8,
        decimals=0,
    )
    yield g.stat(
        "Broker's certificate valid for",
        "Time until the TLS certificate of the broker lapses, as last presented. Empty where none is used.",
        g.instant(
            f"min by (connection) ({w.of('mqtt_client_certificate_expiry_timestamp_seconds')} - time())",
            "{{connection}}",
        ),
        unit="s",
        decimals=0,
        width=8,
        height=8,
        text="value_and_name",
        noValue="none used",
        thresholds=g.steps((None, "red"), (7 * 86400, "orange"), (21 * 86400, "green")),
    )
    refused = w.of("mqtt_client_credential_refresh_failures_total")
    yield g.count_bars(
        "Credentials refused",
        "Tries to obtain credentials that failed, by connection. A wrong password shows here, and only a person mends it.",
        w.bars_by("connection", refused, "none"),
        width=8,
        color={"mode": "shades", "fixedColor": "red"},
        overrides=[w.quiet("none")],
    )


def _devices():
    def device(metric):
        return w.of(metric)

    key = "instance, connection, device"
    seen = device("mqtt_device_last_seen_timestamp_seconds")
    return g.table(
        "Devices",
        "Who speaks over these connections. Overdue: silent for so many of its expected intervals; about 1 is normal, "
        "from 3 on something is wrong.",
        g.cells(f"1000 * max by ({key}) ({seen})"),
        g.cells(f"max by ({key}) ((time() - {seen}) / {device('mqtt_device_expected_interval_seconds')})"),
        g.cells(f"sum by ({key}) ({w.in_range(device('mqtt_device_messages_total'))})"),
        g.cells(f"sum by ({key}) ({w.in_range(device('mqtt_device_request_timeouts_total'))})"),
        columns=[
            ("device", "Device", {}),
            ("connection", "Connection", {"links": [TO_DETAIL]}),
            ("instance", "Exporter", {"links": [TO_PAGE]}),
            ("Value #A", "Last heard", {"unit": "dateTimeFromNow"}),
            (
                "Value #B",
                "Overdue",
                {
                    "decimals": 1,
                    "unit": "none",
                    "thresholds": g.steps((None, "green"), (2.5, "orange"), (5, "red")),
                    "custom__cellOptions": {"type": "color-text"},
                },
            ),
            ("Value #C", "Messages", {"decimals": 0}),
            ("Value #D", "Unanswered requests", {"decimals": 0}),
        ],
        width=24,
        height=6,
    )
