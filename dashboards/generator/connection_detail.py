"""Dashboard "Connection detail": one connection. When does it end, why, how does it come back, is its path sound?

Never sums over connections: exactly one is chosen.
"""

from . import grafana as g
from . import words as w

DROPS = w.of("mqtt_client_connection_drops_total")
FAILURES = w.of("mqtt_client_connect_failures_total")
CONNECTED = w.of("mqtt_client_connected")
LAST_SESSION = w.of("mqtt_client_last_session_duration_seconds")
ONCE_MOVED = 'or on() label_replace(vector(0), "error", "none in this range", "", "")'


def build():
    document = g.dashboard(
        "hangup-connection",
        "hangup / Connection detail",
        "One connection: when it ends, why, how it comes back, and whether its path is sound.",
        variables=w.standard_variables(one_connection=True),
        annotations=[w.drop_annotation()],
        rows=[
            g.row(None, *_verdict()),
            g.row("When and why", *_when()),
            g.row("Sessions: how long until the end", *_sessions()),
            g.row("Outages: how long until it is back", *_outages()),
            g.row("Connecting: how far attempts come", *_connecting()),
            g.row("Staying connected: pings against keep-alive", *_staying()),
            g.row("Subscriptions and messages", *_messages()),
            g.row("Credentials and certificate", *_credentials()),
            g.row("Devices", *_devices()),
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


def _connecting():
    count = w.of("mqtt_client_connect_phase_duration_seconds_count")
    total = w.of("mqtt_client_connect_phase_duration_seconds_sum")
    buckets = w.of("mqtt_client_connect_phase_duration_seconds_bucket")
    colours = [g.named(name, color=g.fixed(color)) for name, color in w.PHASES.items()]
    yield g.count_bars(
        "Attempts",
        "Attempts to connect. Quick: on the same credentials. Deep: with a new sign-in and everything rebuilt.",
        w.bars_by("tier", w.of("mqtt_client_connect_attempts_total"), "none"),
        width=8,
        overrides=[
            g.named("quick", color=g.fixed("blue")),
            g.named("deep", color=g.fixed("purple")),
            w.quiet("none"),
        ],
    )
    yield g.points(
        "Time of each phase",
        "Mean time that each phase of a connect took, where it succeeded. A phase that grows names the part that is sick: "
        "resolver, path, TLS, service.",
        g.query(
            f"sum by (phase) ({total} - {total} offset $__interval)"
            f" / (sum by (phase) ({w.by_step(count)}) > 0.5)",
            "{{phase}}",
        ),
        interval=g.COUNTING_STEP,
        width=8,
        overrides=colours,
    )
    yield g.gauge_bars(
        "Slowest of ten, by phase",
        "Nine of ten successful connects of the time range needed less than this in the phase.",
        g.instant(
            "histogram_quantile(0.9, sum by (phase, le)"
            f" (increase({buckets}[$__range])))",
            "{{phase}}",
        ),
        unit="s",
        width=8,
        overrides=colours,
    )


def _staying():
    ping = w.of("mqtt_client_ping_duration_seconds_bucket")
    yield g.lines(
        "Pings against keep-alive",
        "Answers to pings (half and 99 % of them came within the time), the round trip of the kernel, and the keep-alive in "
        "force. Pings that climb towards the keep-alive end in a timeout: a broker that hangs if TCP stays low, a sick path "
        "if it climbs too.",
        g.query(
            f"histogram_quantile(0.5, sum by (le) (rate({ping}[$__rate_interval])))", "ping, half of them"
        ),
        g.query(f"histogram_quantile(0.99, sum by (le) (rate({ping}[$__rate_interval])))", "ping, 99 %"),
        g.query(f"max({w.of('mqtt_client_tcp_rtt_seconds')})", "TCP round trip"),
        g.query(f"max({w.of('mqtt_client_keepalive_seconds')})", "keep-alive"),
        unit="s",
        log=10,
        width=12,
        interval="1m",
        overrides=[
            g.named("keep-alive", color=g.fixed("red"), custom__lineStyle={"fill": "dash", "dash": [8, 6]}),
            g.named("ping, half of them", color=g.fixed("green")),
            g.named("ping, 99 %", color=g.fixed("orange")),
            g.named("TCP round trip", color=g.fixed("blue")),
        ],
    )
    yield g.lines(
        "Silence of the broker",
        "Time since anything arrived. While connected it should stay below the keep-alive, because pings are answered.",
        g.query(f"max(time() - {w.of('mqtt_client_last_received_timestamp_seconds')})", "silence"),
        g.query(f"max({w.of('mqtt_client_keepalive_seconds')})", "keep-alive"),
        unit="s",
        width=6,
        overrides=[
            g.named("silence", color=g.fixed("blue"), custom__fillOpacity=20),
            g.named("keep-alive", color=g.fixed("red"), custom__lineStyle={"fill": "dash", "dash": [8, 6]}),
        ],
    )
    yield g.count_bars(
        "Ping timeouts and retransmits",
        "Sessions that ended because a ping was not answered, and TCP segments that were sent again.",
        g.query(f"sum({w.by_step(w.of('mqtt_client_ping_timeouts_total'))})", "ping timeouts"),
        g.query(f"sum({w.by_step(w.of('mqtt_client_tcp_retransmits_total'))})", "TCP retransmits"),
        width=6,
        overrides=[
            g.named("ping timeouts", color=g.fixed("red")),
            g.named("TCP retransmits", color=g.fixed("blue")),
        ],
    )


def _messages():
    yield g.lines(
        "Subscriptions",
        "Wanted and acknowledged. Fewer acknowledged than wanted while connected: data is missing although all looks well.",
        g.query(f"sum({w.of('mqtt_client_subscriptions')})", "wanted"),
        g.query(f"sum({w.of('mqtt_client_subscriptions_active')})", "acknowledged"),
        width=8,
        decimals=0,
        overrides=[
            g.named("wanted", color=g.fixed("text"), custom__lineStyle={"fill": "dash", "dash": [8, 6]}),
            g.named("acknowledged", color=g.fixed("green"), custom__fillOpacity=15),
        ],
    )
    yield g.count_bars(
        "Subscriptions restored and refused",
        "Acknowledgements by the broker, counted anew in each session, and refusals by their error name.",
        g.query(f"sum({w.by_step(w.of('mqtt_client_subscriptions_restored_total'))})", "restored"),
        g.query(
            f"sum by (error) ({w.by_step(w.of('mqtt_client_subscribe_failures_total'))}) > 0.5"
            ' or on() label_replace(vector(0), "error", "none refused", "", "")',
            "{{error}}",
        ),
        width=8,
        overrides=[
            g.named("restored", color=g.fixed("green")),
            *w.error_colours(),
            w.quiet("none refused"),
        ],
    )
    yield g.lines(
        "Messages",
        "Received from the broker and handed to the network for it, by quality of service (left); bytes (right).",
        g.query(
            f"sum by (qos) (rate({w.of('mqtt_client_received_messages_total')}[$__rate_interval])) > 0",
            "received, QoS {{qos}}",
        ),
        g.query(
            f"sum by (qos) (rate({w.of('mqtt_client_published_messages_total')}[$__rate_interval])) > 0",
            "published, QoS {{qos}}",
        ),
        g.query(f"sum(rate({w.of('mqtt_client_received_bytes_total')}[$__rate_interval]))", "bytes received"),
        unit="mps",
        width=8,
        interval="1m",
        overrides=[
            g.named("bytes received", unit="Bps", color=g.fixed("#6E7687"), custom__axisPlacement="right"),
        ],
    )
    yield g.lines(
        "What became of the messages",
        "Decoded: readings came of it. Ignored: not for us, or an echo of our own request. Malformed and oversize: look at "
        "the log.",
        g.query(
            f"sum by (outcome) (rate({w.of('mqtt_client_messages_total')}[$__rate_interval]))", "{{outcome}}"
        ),
        unit="mps",
        width=8,
        interval="1m",
        overrides=[
            g.named("decoded", color=g.fixed("green")),
            g.named("ignored", color=g.fixed("#6E7687")),
            g.named("malformed", color=g.fixed("red")),
            g.named("oversize", color=g.fixed("orange")),
        ],
    )
    yield g.lines(
        "Queue",
        "Messages that wait to be sent, those sent without an acknowledgement so far, and the room in the queue, where "
        "there is one.",
        g.query(
            g.either(
                waiting=f"sum({w.of('mqtt_client_queued_messages')})",
                in_flight=f"sum({w.of('mqtt_client_inflight_messages')})",
                room=f"sum({w.of('mqtt_client_queue_capacity_messages')})",
            ),
            "{{what}}",
        ),
        width=8,
        decimals=0,
        overrides=[
            g.named("waiting", color=g.fixed("orange"), custom__fillOpacity=15),
            g.named("in flight", color=g.fixed("blue")),
            g.named("room", color=g.fixed("text"), custom__lineStyle={"fill": "dash", "dash": [8, 6]}),
        ],
    )
    yield g.gauge_bars(
        "Messages lost",
        "Messages to the broker in the time range that were never delivered, by the reason.",
        g.instant(f"sum by (reason) ({w.in_range(w.of('mqtt_client_dropped_messages_total'))})", "{{reason}}"),
        unit="short",
        decimals=0,
        color={"mode": "thresholds"},
        thresholds=g.steps((None, "text"), (0.5, "red")),
    )


def _credentials():
    yield g.stat(
        "Credentials valid for",
        "Time until the credentials that sign connections lapse. Empty where none are used.",
        g.instant(f"min({w.of('mqtt_client_credential_expiry_timestamp_seconds')} - time())", "credentials"),
        unit="s",
        decimals=0,
        height=7,
        noValue="none used",
        thresholds=g.steps((None, "red"), (60, "orange"), (300, "green")),
    )
    yield g.stat(
        "Certificate valid for",
        "Time until the TLS certificate of the broker lapses, as last presented. Empty where none is used.",
        g.instant(f"min({w.of('mqtt_client_certificate_expiry_timestamp_seconds')} - time())", "certificate"),
        unit="s",
        decimals=0,
        height=7,
        noValue="none used",
        thresholds=g.steps((None, "red"), (7 * 86400, "orange"), (21 * 86400, "green")),
    )
    yield g.count_bars(
        "Credentials obtained",
        "Tries to obtain credentials, by refresh token or by full sign-in, successful or not.",
        w.bars_by("kind", w.of("mqtt_client_credential_refreshes_total"), "none"),
        width=8,
        height=7,
        overrides=[
            g.named("refresh", color=g.fixed("blue")),
            g.named("sign_in", color=g.fixed("purple")),
            w.quiet("none"),
        ],
    )
    yield g.count_bars(
        "Credentials refused",
        "Tries that failed, by the error name. " + w.COLOURS_OF_ERRORS,
        w.bars_by("error", w.of("mqtt_client_credential_refresh_failures_total"), "no failures"),
        width=8,
        height=7,
        overrides=[*w.error_colours(), w.quiet("no failures")],
    )


def _devices():
    seen = w.of("mqtt_device_last_seen_timestamp_seconds")
    yield g.lines(
        "Silence of devices",
        "Time since each device spoke (line) against how often it is expected to (dashed).",
        g.query(f"max by (device) (time() - {seen})", "{{device}}"),
        g.query(f"max by (device) ({w.of('mqtt_device_expected_interval_seconds')})", "{{device}} expected"),
        unit="s",
        width=8,
        overrides=[g.override("byRegexp", "/ expected$/", custom__lineStyle={"fill": "dash", "dash": [8, 6]})],
    )
    requests = w.of("mqtt_device_request_duration_seconds_bucket")
    yield g.lines(
        "Answers of devices",
        "Half and 95 % of the requests were answered within this time.",
        g.query(
            f"histogram_quantile(0.5, sum by (device, le) (rate({requests}[$__rate_interval])))",
            "{{device}} half of them",
        ),
        g.query(
            f"histogram_quantile(0.95, sum by (device, le) (rate({requests}[$__rate_interval])))",
            "{{device}} 95 %",
        ),
        unit="s",
        width=8,
        interval="1m",
    )
    timeouts = w.of("mqtt_device_request_timeouts_total")
    errors = w.of("mqtt_device_field_errors_total")
    yield g.count_bars(
        "Unanswered requests, unreadable fields",
        "Requests that a device did not answer in time, and fields of its messages that could not be read.",
        g.query(f"sum by (device) ({w.by_step(timeouts)})", "{{device}} unanswered"),
        g.query(
            f"sum by (device, field) ({w.by_step(errors)}) > 0.5"
            ' or on() label_replace(vector(0), "field", "no field", "", "")',
            "{{device}} {{field}} unreadable",
        ),
        width=8,
        overrides=[w.quiet(" no field unreadable")],
    )
    yield g.lines(
        "Messages of devices",
        "Messages heard from each device.",
        g.query(
            f"sum by (device) (rate({w.of('mqtt_device_messages_total')}[$__rate_interval]))", "{{device}}"
        ),
        unit="mps",
        width=24,
        height=6,
        interval="1m",
    )
