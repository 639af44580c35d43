"""Dashboard "Connection detail": one connection. When does it end, why, how does it come back, is its path sound?

Never sums over connections: exactly one is chosen.
"""

from . import connection_path as path
from . import document as d
from . import grafana as g
from . import why
from . import words as w

DROPS = w.of("mqtt_client_connection_drops_total")
FAILURES = w.of("mqtt_client_connect_failures_total")
CONNECTED = w.of("mqtt_client_connected")
LAST_SESSION = w.of("mqtt_client_last_session_duration_seconds")
ONCE_MOVED = 'or on() label_replace(vector(0), "error", "none in this range", "", "")'


def build():
    document = d.dashboard(
        "hangup-connection",
        "hangup / Connection detail",
        "One connection: when it ends, why, how it comes back, and whether its path is sound.",
        variables=w.standard_variables(one_connection=True),
        annotations=[w.drop_annotation()],
        rows=[
            d.row(None, *_verdict()),
            d.row("When and why", *_when()),
            d.row("Causes", why.causes_over_time(), why.findings_over_time(legend="{{finding}}"), why.this_machine(24, 5)),
            d.row("Sessions: how long until the end", *_sessions()),
            d.row("Outages: how long until it is back", *_outages()),
            d.row("Connecting: how far attempts come", *path.connecting()),
            d.row("Staying connected: pings against keep-alive", *path.staying()),
            d.row("Subscriptions and messages", *path.messages()),
            d.row("Credentials and certificate", *path.credentials()),
            d.row("Devices", *path.devices()),
        ],
    )
    document["links"].append(
        {
            "type": "link",
            "title": "Status page: the last drop in words",
            "url": "http://${instance}/",
            "tooltip": "The exporter's own page. Works where Prometheus reaches it by an address that your browser reaches.",
            "icon": "doc",
            "includeVars": False,
            "keepTime": False,
            "targetBlank": True,
            "asDropdown": False,
            "tags": [],
        }
    )
    return document


def _verdict():
    red = g.steps((None, "text"), (0.5, "red"))
    yield g.stat(
        "State",
        "What the connection is doing now.",
        g.instant(w.state_number(), "state"),
        mappings=g.words(w.STATES),
        color="background",
    )
    yield g.stat(
        "For",
        "How long the session has been up, or else how long it has been down.",
        g.instant(
            f"time() - max(({w.of('mqtt_client_last_connect_timestamp_seconds')} and {CONNECTED} == 1)"
            f" or {w.of('mqtt_client_last_disconnect_timestamp_seconds')})",
            "for",
        ),
        unit="s",
        decimals=0,
        width=3,
    )
    yield g.stat(
        "Last drop: error",
        "The error name of the newest drop in the time range: what was observed. The status page has its detail in words.",
        g.instant(f"topk(1, max by (error) ({w.last_time(DROPS)})) {ONCE_MOVED}", "{{error}}"),
        text="name",
        width=9,
        overrides=[*w.error_colours(), w.quiet("none in this range")],
    )
    yield g.stat(
        "Last failed attempt: phase and error",
        "How far the newest failed attempt in the time range came, and what it met.",
        g.instant(f"topk(1, max by (phase, error) ({w.last_time(FAILURES)})) {ONCE_MOVED}", "{{phase}} {{error}}"),
        text="name",
        width=8,
        overrides=[*w.error_colours("[a-z]+ "), w.quiet(" none in this range")],
    )
    yield g.stat(
        "Connected",
        "Part of the time range with a session, as sampled by the scrapes.",
        g.instant(f"avg(avg_over_time({CONNECTED}[$__range]))", "connected"),
        unit="percentunit",
        decimals=2,
        width=3,
        height=3,
        thresholds=g.steps((None, "red"), (0.95, "orange"), (0.99, "green")),
    )
    yield g.stat(
        "Drops",
        "Sessions that ended in the time range although nobody asked for it. Exact while the exporter did not restart.",
        g.instant(f"sum({w.in_range(DROPS)})", "drops"),
        decimals=0,
        width=3,
        height=3,
        thresholds=red,
    )
    yield g.stat(
        "Sessions",
        "Sessions that the broker accepted in the time range.",
        g.instant(f"sum({w.in_range(w.of('mqtt_client_sessions_total'))})", "sessions"),
        decimals=0,
        width=3,
        height=3,
    )
    yield g.stat(
        "Failures in a row",
        "Failed attempts since the last accepted session.",
        g.instant(f"max({w.of('mqtt_client_consecutive_connect_failures')})", "failures"),
        decimals=0,
        width=4,
        height=3,
        thresholds=g.steps((None, "text"), (0.5, "orange"), (4.5, "red")),
    )
    yield g.stat(
        "Wait in force",
        "The wait before the next attempt; 0 while connected.",
        g.instant(f"max({w.of('mqtt_client_reconnect_delay_seconds')})", "wait"),
        unit="s",
        decimals=1,
        width=3,
        height=3,
    )
    yield g.stat(
        "Last dropped session",
        "How long the session had lasted that the newest drop ended.",
        g.instant(f"max({LAST_SESSION})", "session"),
        unit="s",
        width=4,
        height=3,
        noValue="no drop yet",
    )
    yield g.stat(
        "Broker",
        "What the connection leads to.",
        g.instant(w.of("mqtt_client_connection_info"), "{{broker}}, {{transport}}, MQTT {{protocol}}"),
        text="name",
        width=4,
        height=3,
        thresholds=g.steps((None, "text")),
    )


def _when():
    yield g.timeline(
        "State",
        "What the connection was doing, as sampled by the scrapes. An outage shorter than a scrape is not here: it is in "
        "the bars below.",
        g.query(w.state_number(), "{{connection}}"),
        table=w.STATES,
        height=4,
    )
    yield g.count_bars(
        "Drops by error",
        "Sessions that ended although nobody asked for it: each bar is the exact count of its step. "
        + w.COLOURS_OF_ERRORS,
        w.bars_by("error", DROPS, "no drops"),
        width=24,
        overrides=[*w.error_colours(), w.quiet("no drops")],
    )
    failed = f"sum by (phase, error) ({w.by_step(FAILURES)}) > 0.5"
    yield g.count_bars(
        "Failed attempts by phase and error",
        "Attempts that failed: how far they came, and what they met. " + w.COLOURS_OF_ERRORS,
        g.query(
            failed + ' or on() label_replace(vector(0), "error", "no failures", "", "")', "{{phase}} {{error}}"
        ),
        width=24,
        overrides=[*w.error_colours("[a-z]+ "), w.quiet(" no failures")],
    )


def _sessions():
    length = w.of("mqtt_client_session_duration_seconds_bucket")
    yield g.heatmap(
        "Length of dropped sessions",
        "Every dropped session, in buckets just above the usual suspects: 60 s proxies, 350 s NAT, tokens of an hour, "
        "24 h of AWS. A bright line across is a rule of somebody.",
        g.buckets(f"sum by (le) ({w.by_step(length)})"),
        height=10,
    )
    yield g.points(
        "The newest dropped session",
        "Its exact length, at the time of its drop (several drops within a step show as one point). Points on one height: "
        "somebody ends sessions by a clock.",
        g.query(
            f"max({LAST_SESSION} and changes({LAST_SESSION}[$__interval]) > 0"
            f" or {LAST_SESSION} unless {LAST_SESSION} offset $__interval)",
            "length at the drop",
        ),
        interval=g.COUNTING_STEP,
        height=10,
        overrides=[g.named("length at the drop", color=g.fixed("orange"))],
    )
    yield g.count_bars(
        "Planned closes",
        "Sessions that hangup ended itself, by its reason: a stop, a reload, a renewal before a known limit, a deep "
        "reconnect. These are no drops.",
        w.bars_by("cause", w.of("mqtt_client_closes_total"), "none"),
        width=16,
        height=6,
        overrides=[w.quiet("none")],
    )
    median = f"quantile_over_time(0.5, {LAST_SESSION}[$__range])"
    quartiles = (
        f"(quantile_over_time(0.75, {LAST_SESSION}[$__range]) - quantile_over_time(0.25, {LAST_SESSION}[$__range]))"
    )
    yield g.stat(
        "Typical session",
        "Median length of the dropped sessions, weighted by how long each was the newest.",
        g.instant(f"max({median})", "typical"),
        unit="s",
        decimals=1,
        height=6,
        noValue="no drop yet",
    )
    yield g.stat(
        "Spread of sessions",
        "Distance of the quartiles of the session lengths, as a part of their median. Below 10 % over four drops or more, "
        "sessions end by a clock: an idle limit, a token, a limit of the service.",
        g.instant(f"max({quartiles} / {median})", "spread"),
        unit="percentunit",
        decimals=0,
        height=6,
        noValue="no drop yet",
        thresholds=g.steps((None, "orange"), (0.1, "text")),
    )


def _outages():
    attempts = "mqtt_client_reconnect_attempts_bucket"

    def up_to(limit):
        # The limit is written 5 in the text format and 5.0 by Prometheus 3.
        return f"sum({w.in_range(w.of(attempts, label(f'{limit}(.0)?')))})"

    def label(pattern):
        return f'le=~"{pattern}"'

    total = f"sum({w.in_range(w.of('mqtt_client_reconnect_attempts_count'))})"
    yield g.gauge_bars(
        "Attempts that an outage took",
        "Outages of the time range by the number of attempts until a session was accepted again. Many attempts: the far "
        "side is away, or refuses.",
        g.instant(up_to(1), "1"),
        g.instant(f"{up_to(5)} - {up_to(1)}", "2 to 5"),
        g.instant(f"{up_to(10)} - {up_to(5)}", "6 to 10"),
        g.instant(f"{total} - {up_to(10)}", "11 and more"),
        unit="short",
        decimals=0,
        width=8,
        overrides=[
            g.named("1", color=g.fixed("green")),
            g.named("2 to 5", color=g.fixed("yellow")),
            g.named("6 to 10", color=g.fixed("orange")),
            g.named("11 and more", color=g.fixed("red")),
        ],
    )
    outages = w.of("mqtt_client_outage_duration_seconds_bucket")
    yield g.heatmap(
        "Length of outages",
        "From each drop to the next accepted session.",
        g.buckets(f"sum by (le) ({w.by_step(outages)})"),
        width=8,
    )
    waits = w.of("mqtt_client_reconnect_delay_seconds")
    yield g.lines(
        "Wait and failures in a row",
        "How long hangup waits before the next attempt (left), and how many attempts failed since the last session "
        "(right).",
        g.query(f"max({waits})", "wait"),
        g.query(f"max({w.of('mqtt_client_consecutive_connect_failures')})", "failed in a row"),
        unit="s",
        width=8,
        overrides=[
            g.named("wait", color=g.fixed("orange")),
            g.named(
                "failed in a row",
                color=g.fixed("red"),
                unit="short",
                decimals=0,
                custom__axisPlacement="right",
                custom__axisSoftMax=4,
                custom__drawStyle="line",
                custom__lineInterpolation="stepAfter",
            ),
        ],
    )
