"""Dashboard "Broker fleet": what brokers say of all their clients, and our own connections beside it.

Never tells clients apart but those that the configuration names: who the worst ones are is on the status page.
"""

from . import document as d
from . import grafana as g
from . import words as w

DISCONNECTS = w.of("mqtt_broker_client_disconnects_total")
# The client says goodbye, or ends it in another way: everything else is a drop.
DROPS = w.of("mqtt_broker_client_disconnects_total", 'initiated_by!="client"')
CONNECTS = w.of("mqtt_broker_client_connects_total")
EVENTS = w.of("mqtt_broker_client_events_total")
LOST = w.of("mqtt_broker_client_events_total", 'outcome=~"untracked|malformed"')
BURST = w.of("mqtt_broker_burst")
BURSTS = w.of("mqtt_broker_bursts_total")
NAMED = w.of("mqtt_broker_client_connected")
NAMED_DROPS = w.of("mqtt_broker_client_drops_total")
# Of all connections of the exporters, not only of those that listen.
OWN_DROPS = w.of("mqtt_client_connection_drops_total", scope=w.HERE)

# Who could mend it gives the colour.
REASONS = {
    "the client's will": ("#56A64B", "client_initiated_disconnect"),
    "the network": ("#5794F2", "connection_lost|keep_alive_timeout"),
    "identity": ("#F2495C", "duplicate_client_id|auth_error|forbidden_access|customauth_ttl_expiration"),
    "what clients do": ("#FF9830", "client_error|payload_too_large|throttled"),
    "the broker": ("#E0B400", "server_error|server_initiated_disconnect|api_initiated_disconnect|websocket_ttl_expiration"),
    "not known": ("#6E7687", "unknown|other"),
}
COLOURS = (
    "Colours: said goodbye green, network and silence blue, identity and rights red, what the client did orange, the broker "
    "yellow, no reason grey."
)
BURST_WORDS = {0: ("none", "#37872D"), 1: ("burst", "#E02F44")}
CONNECTED_WORDS = {0: ("away", "#C4162A"), 1: ("connected", "#56A64B")}
EVENT_COLOURS = {
    "new": "#56A64B",
    "out_of_order": "#8AB8FF",
    "duplicate": "#6E7687",
    "untracked": "#FF9830",
    "malformed": "#F2495C",
}


def build():
    return d.dashboard(
        "hangup-fleet",
        "hangup / Broker fleet",
        "What brokers say of their clients: who ends sessions, why, and whether many drop together.",
        variables=[
            d.datasource_variable(),
            d.label_variable("job", "Job", "hangup_build_info"),
            d.label_variable("instance", "Instance", 'hangup_build_info{job=~"$job"}'),
            d.label_variable("connection", "Listens", f"mqtt_broker_clients_tracked{{{w.HERE}}}"),
        ],
        annotations=[
            d.annotation("Bursts", "red", f"sum by (connection) ({w.by_step(BURSTS)}) > 0.5", "{{connection}}: burst", "")
        ],
        rows=[
            d.row(None, *_verdict()),
            d.row("Who leaves, and why", *_why()),
            d.row("Together or one by one", *_together()),
            d.row("Coming and staying", *_staying()),
            d.row("Named clients", *_named()),
            d.row("Our own connections beside it", *_own()),
            d.row("What is heard", *_heard()),
        ],
    )


def _verdict():
    red = g.steps((None, "text"), (0.5, "red"))
    yield g.stat(
        "Burst now",
        "Whether more clients dropped together than chance brings together, until two minutes after it was last so.",
        g.instant(f"max({BURST})", "burst"),
        mappings=g.words(BURST_WORDS),
        color="background",
        thresholds=g.steps((None, "green"), (0.5, "red")),
    )
    yield g.stat(
        "Dropped within a minute",
        "Different clients that dropped within the last minute.",
        g.instant(f"sum({w.of('mqtt_broker_clients_dropped_recently')})", "clients"),
        decimals=0,
        thresholds=g.steps((None, "text"), (2.5, "orange")),
    )
    yield g.stat(
        "Connected",
        "Clients whose connect was heard, and no end of it, since we listen without a gap: fewer than there are until all have "
        "connected anew.",
        g.instant(f"sum({w.of('mqtt_broker_clients_connected')})", "clients"),
        decimals=0,
        width=3,
    )
    yield g.stat(
        "Known",
        "Clients that are kept in mind: those that the broker spoke of in the last two days, up to the limit.",
        g.instant(f"sum({w.of('mqtt_broker_clients_tracked')})", "clients"),
        decimals=0,
        width=3,
    )
    yield g.stat(
        "Drops",
        "Sessions of the time range that did not end by the client's will. Exact while no exporter restarted.",
        g.instant(f"sum({w.in_range(DROPS)})", "drops"),
        decimals=0,
        width=3,
    )
    yield g.stat(
        "Bursts",
        "Times in the range that more clients dropped together than chance brings together.",
        g.instant(f"sum({w.in_range(BURSTS)})", "bursts"),
        decimals=0,
        width=3,
        thresholds=red,
    )
    yield g.stat(
        "Not told apart",
        "Events of the time range that could not be kept by client (over client_limit), or not be read at all.",
        g.instant(
            f"sum({w.in_range(LOST)})",
            "events",
        ),
        decimals=0,
        thresholds=g.steps((None, "text"), (0.5, "orange")),
    )


def _why():
    yield g.count_bars(
        "Disconnects by reason",
        f"Sessions of clients that ended, by the broker's word. {COLOURS}",
        w.bars_by("reason", DISCONNECTS, "nobody left"),
        width=14,
        overrides=[*_reason_colours(), w.quiet("nobody left")],
    )
    key = "connection, reason, initiated_by"
    yield g.table(
        "Why sessions ended",
        "Reasons of the time range, the newest first. By: who ended the session. Who the worst clients are is on the status page.",
        g.cells(f"time() - max by ({key}) ({w.last_time(DISCONNECTS)})"),
        g.cells(
            f"sum by ({key}) ({w.in_range(DISCONNECTS)}) > 0.5"
            ' or on() label_replace(vector(0), "reason", "nobody left", "", "")'
        ),
        columns=[
            ("Value #A", "Ago", {"unit": "s", "decimals": 0, "custom__width": 75}),
            ("connection", "Listens", {"custom__width": 90}),
            ("reason", "Reason", {}),
            ("initiated_by", "By", {"custom__width": 75}),
            ("Value #B", "Times", {"decimals": 0, "custom__width": 65}),
        ],
        newest="Ago",
        width=10,
    )
    yield g.count_bars(
        "Disconnects by who ended them",
        "The client (its own will: no drop), the broker, the network between them, or nobody knows.",
        w.bars_by("initiated_by", DISCONNECTS, "nobody left"),
        width=14,
        overrides=[
            g.named("client", color=g.fixed("#56A64B")),
            g.named("broker", color=g.fixed("#E0B400")),
            g.named("network", color=g.fixed("#5794F2")),
            g.named("unknown", color=g.fixed("#96A0B5")),
            w.quiet("nobody left"),
        ],
    )
    share = f"sum by (reason) ({w.in_range(DROPS)})"
    yield g.gauge_bars(
        "Drops by reason",
        "The drops of the time range. Goodbyes of clients are not among them.",
        g.instant(f"sort_desc({share} > 0.5) or on() label_replace(vector(0), \"reason\", \"no drops\", \"\", \"\")", "{{reason}}"),
        unit="short",
        decimals=0,
        width=10,
        overrides=_reason_colours(),
    )


def _reason_colours():
    return [
        g.override("byRegexp", f"/^({pattern})$/", color={"mode": "shades", "fixedColor": color})
        for color, pattern in REASONS.values()
    ]


def _together():
    yield g.timeline(
        "Bursts",
        "When more clients dropped together than chance brings together, and two minutes after. One line a connection that "
        "listens.",
        g.query(f"max by (connection) ({BURST})", "{{connection}}"),
        table=BURST_WORDS,
        height=4,
    )
    # A peak between two points of a long range must not be lost: the highest value of each step.
    recent = w.of("mqtt_broker_clients_dropped_recently")
    yield g.lines(
        "Clients that dropped within a minute",
        "The most different clients that had dropped within one minute, in each step. A restart of the broker or a dead "
        "network lifts it to all clients; one client that comes and goes leaves it at 1.",
        g.query(f"max by (connection) (max_over_time({recent}[$__interval]))", "{{connection}}"),
        decimals=0,
        interval=g.COUNTING_STEP,
        width=14,
        custom={"lineInterpolation": "stepAfter", "fillOpacity": 15},
    )
    yield g.count_bars(
        "Bursts that began",
        "How often more clients dropped together than chance brings together.",
        w.bars_by("connection", BURSTS, "none"),
        width=10,
        soft_max=2,
        color={"mode": "shades", "fixedColor": "red"},
        overrides=[w.quiet("none")],
    )


def _staying():
    lengths = w.of("mqtt_broker_client_session_duration_seconds_bucket")
    yield g.heatmap(
        "Length of sessions that dropped",
        "All clients whose connect was heard too. A row that stays bright is a rule of somebody: an idle limit of a NAT or "
        "a proxy, the lifetime of a token, a limit of the broker. Brighter: more of them.",
        g.buckets(f"sum by (le) ({w.by_step(lengths)})"),
    )
    yield g.count_bars(
        "Connects",
        "Clients that connected; one client counts each time. After a burst it shows whether they come back at once or spread out.",
        w.bars_by("connection", CONNECTS, "nobody came"),
        overrides=[w.quiet("nobody came")],
    )
    yield g.lines(
        "Clients",
        "Connected: as far as their connect was heard since we listen without a gap. Known: spoken of within two days.",
        g.query(f"sum by (connection) ({w.of('mqtt_broker_clients_connected')})", "{{connection}} connected"),
        g.query(f"sum by (connection) ({w.of('mqtt_broker_clients_tracked')})", "{{connection}} known"),
        decimals=0,
        width=24,
        height=7,
    )


def _named():
    yield g.timeline(
        "Named clients",
        "Whether each client that the configuration names (clients) is connected, by the newest that was heard of it; away "
        "before the first. Empty where none is named.",
        g.query(f"max by (connection, client) ({NAMED})", "{{client}}"),
        table=CONNECTED_WORDS,
        width=14,
        height=7,
    )
    yield g.count_bars(
        "Drops of named clients",
        "Each bar is the exact count of its step.",
        w.bars_by("client", NAMED_DROPS, "no drops"),
        width=10,
        height=7,
        overrides=[w.quiet("no drops")],
    )


def _own():
    yield g.timeline(
        "Our connections",
        "All connections of these exporters. If they end together with the clients above, the broker or its network is "
        "the cause; if they end alone, look at this machine.",
        g.query(w.state_number(scope=w.HERE), "{{connection}}"),
        table=w.STATES,
        width=14,
        height=7,
    )
    causes = w.of("mqtt_client_drop_causes_total", scope=w.HERE)
    yield g.count_bars(
        "Our drops by evidence",
        "How well the cause of each of our own drops is known. Stated: the broker said so, also in what it says of its clients, "
        "where another connection listens.",
        w.bars_by("evidence", causes, "no drops"),
        width=10,
        height=7,
        overrides=[
            g.named("stated", color=g.fixed("#56A64B")),
            g.named("observed", color=g.fixed("#5794F2")),
            g.named("inferred", color=g.fixed("#8AB8FF")),
            g.named("suspected", color=g.fixed("#FF9830")),
            g.named("none", color=g.fixed("#96A0B5")),
            w.quiet("no drops"),
        ],
    )
    yield g.count_bars(
        "Our drops by error",
        "What was seen on our side. " + w.COLOURS_OF_ERRORS,
        w.bars_by("error", OWN_DROPS, "no drops"),
        width=24,
        height=6,
        overrides=[*w.error_colours(), w.quiet("no drops")],
    )


def _heard():
    yield g.count_bars(
        "Events by outcome",
        "What became of the broker's messages about its clients. Untracked: counted, but not told apart by client, because "
        "there are more clients than client_limit. Malformed: not what this kind of broker says; a wrong kind or topic.",
        w.bars_by("outcome", EVENTS, "silence"),
        width=24,
        height=7,
        overrides=[
            *(g.named(name, color=g.fixed(color)) for name, color in EVENT_COLOURS.items()),
            w.quiet("silence"),
        ],
    )
