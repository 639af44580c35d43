"""Rows of "Connection detail" about the way: connecting, staying connected, what flows, who lets us in.

Never about the ends of sessions: those are in connection_detail.
"""

from . import grafana as g
from . import why
from . import words as w


def connecting():
    """Attempts, and the phases of a connect."""
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


def staying():
    """Pings, silence, TCP."""
    yield why.path_suspect()
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


def messages():
    """Subscriptions, messages, queue, losses."""
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


def credentials():
    """What lapses when, and who refuses it."""
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


def devices():
    """Who speaks over the connection."""
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
    commands = w.of("mqtt_device_commands_total")
    yield g.count_bars(
        "Commands to devices",
        "Commands by what became of them. Acknowledged: the device answered. Unconfirmed: sent, and the connection ended "
        "before an answer; it is not sent again. Expired: too old when the connection came back.",
        g.query(
            f"sum by (device, command, fate) ({w.by_step(commands)}) > 0.5"
            ' or on() label_replace(vector(0), "command", "no commands", "", "")',
            "{{device}} {{command}} {{fate}}",
        ),
        width=12,
        height=6,
        overrides=[w.quiet(" no commands ")],
    )
    yield g.lines(
        "Messages of devices",
        "Messages heard from each device.",
        g.query(
            f"sum by (device) (rate({w.of('mqtt_device_messages_total')}[$__rate_interval]))", "{{device}}"
        ),
        unit="mps",
        width=12,
        height=6,
        interval="1m",
    )
