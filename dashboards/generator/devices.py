"""Dashboard "Devices of a broker": which devices speak, what becomes of their messages, and whether there is room for it.

Never shows a reading: their names are the operator's own.
"""

from . import document as d
from . import grafana as g
from . import words as w
from .connections import TO_DETAIL, TO_PAGE

SEEN = w.of("mqtt_device_last_seen_timestamp_seconds")
INTERVAL = w.of("mqtt_device_expected_interval_seconds")
MESSAGES = w.of("mqtt_client_messages_total")
ERRORS = w.of("mqtt_client_mapping_errors_total")
FIELDS = w.of("mqtt_device_field_errors_total")
# Silent for so many expected intervals; the alert HangupDeviceStale begins at 3.
OVERDUE = f"((time() - {SEEN}) / {INTERVAL})"
OUTCOMES = {"decoded": "#56A64B", "ignored": "#6E7687", "malformed": "#F2495C", "oversize": "#FF9830"}
SPEAKS = {0: ("speaks", "#37872D"), 1: ("late", "#FF9830"), 2: ("silent", "#C4162A")}
EXPLAIN = "`hangup explain --topic T --payload P` says of one message what becomes of it, and why not."


def here(metric):
    return w.of(metric, scope=w.HERE)


def build():
    return d.dashboard(
        "hangup-devices",
        "hangup / Devices of a broker",
        "Which devices speak, what becomes of their messages, and whether there is room for it.",
        variables=w.standard_variables(),
        annotations=[w.drop_annotation()],
        rows=[
            d.row(None, *_verdict()),
            d.row("Devices", *_devices()),
            d.row("Messages", *_messages()),
            d.row("Series of readings", *_series()),
        ],
    )


def _verdict():
    orange = g.steps((None, "text"), (0.5, "orange"))
    yield g.stat(
        "Devices",
        "Devices that were heard and are still kept.",
        g.instant(f"count({SEEN}) or vector(0)", "devices"),
        decimals=0,
        width=3,
    )
    yield g.stat(
        "Silent now",
        "Devices that have not spoken for three of their expected intervals. Only where an interval is configured.",
        g.instant(f"count({OVERDUE} > 3) or vector(0)", "silent"),
        decimals=0,
        width=3,
        color="background",
        thresholds=g.steps((None, "green"), (0.5, "red")),
    )
    yield g.stat(
        "Messages",
        "Messages that the source made something of, or nothing, now.",
        g.instant(f"sum(rate({MESSAGES}[$__rate_interval]))", "messages"),
        unit="mps",
        decimals=1,
    )
    yield g.stat(
        "Nothing came of",
        "Messages of the time range, and values in them, of which nothing came although the configuration should have explained "
        f"them. {EXPLAIN}",
        g.instant(f"sum({w.in_range(ERRORS)})", "errors"),
        decimals=0,
        thresholds=orange,
    )
    yield g.stat(
        "Series used",
        "Part of the allowed series of readings that is in use, of the fullest exporter. At 100 % new ones are refused.",
        g.instant(f"max({here('hangup_series')} / {here('hangup_series_limit')})", "used"),
        unit="percentunit",
        decimals=0,
        width=5,
        thresholds=g.steps((None, "green"), (0.8, "orange"), (0.9, "red")),
    )
    yield g.stat(
        "Readings refused",
        "Readings of the time range that were refused because their series would have been one too many.",
        g.instant(f"sum({w.in_range(here('hangup_rejected_series_total'))})", "refused"),
        decimals=0,
        width=5,
        thresholds=g.steps((None, "text"), (0.5, "red")),
    )


def _devices():
    key = "instance, connection, device"
    yield g.table(
        "Who was heard last",
        "The most overdue first. Overdue: silent for so many of its expected intervals; about 1 is normal, from 3 on "
        "something is wrong. Every: the expected interval. Not told where none is configured.",
        g.cells(f"time() - max by ({key}) ({SEEN})"),
        g.cells(f"max by ({key}) {OVERDUE}"),
        g.cells(f"max by ({key}) ({INTERVAL})"),
        g.cells(f"sum by ({key}) ({w.in_range(w.of('mqtt_device_messages_total'))})"),
        columns=[
            ("device", "Device", {"custom__minWidth": 110}),
            ("connection", "Connection", {"links": [TO_DETAIL, TO_PAGE], "custom__width": 110}),
            ("Value #A", "Silent for", {"unit": "s", "decimals": 0, "custom__width": 100}),
            (
                "Value #B",
                "Overdue",
                {
                    "decimals": 1,
                    "unit": "none",
                    "custom__width": 80,
                    "thresholds": g.steps((None, "green"), (2.5, "orange"), (5, "red")),
                    "custom__cellOptions": {"type": "color-text"},
                },
            ),
            ("Value #C", "Every", {"unit": "s", "decimals": 0, "custom__width": 80}),
            ("Value #D", "Messages", {"decimals": 0, "custom__width": 90}),
            # Not for the eye: the links need it.
            ("instance", "Exporter", {"custom__hidden": True}),
        ],
        most="Overdue",
        height=11,
    )
    # The worst of the range, as seen from its end: else the rows would change from step to step.
    worst = f"topk(15, max_over_time({OVERDUE}[$__range:$__interval] @ end()) > 3)"
    yield g.timeline(
        "Silent devices",
        "The fifteen devices that were silent for most of their intervals in the time range. Late: one interval and a half. "
        "Silent: three.",
        g.query(
            f"(max by (connection, device) (({OVERDUE} > bool 1.5) + ({OVERDUE} > bool 3) and {worst}))"
            f' or on() (label_replace(vector(0), "device", "nobody was silent", "", "") unless on() {worst})',
            "{{connection}} {{device}}",
        ),
        table=SPEAKS,
        width=12,
        height=11,
    )
    yield g.lines(
        "Devices",
        "Heard: devices that were heard and are still kept. Silent: those of them that have not spoken for three intervals.",
        g.query(f"count by (connection) ({SEEN})", "{{connection}} heard"),
        g.query(f"count by (connection) ({OVERDUE} > 3)", "{{connection}} silent"),
        decimals=0,
        height=7,
    )
    spoken = f"sum by (connection, device) (rate({w.of('mqtt_device_messages_total')}[$__rate_interval]))"
    yield g.lines(
        "Who speaks most",
        "The ten devices with the most messages. One that is far above the others repeats itself.",
        g.query(f"topk(10, {spoken})", "{{connection}} {{device}}"),
        unit="mps",
        interval="1m",
        height=7,
        legend="right",
    )


def _messages():
    yield g.count_bars(
        "Messages by outcome",
        "What was made of the messages. Ignored: well-formed and of no interest. Malformed: not what the rules of their "
        "topic want. Oversize: too large to be looked at.",
        w.bars_by("outcome", MESSAGES, "silence"),
        overrides=[
            *(g.named(name, color=g.fixed(color)) for name, color in OUTCOMES.items()),
            w.quiet("silence"),
        ],
    )
    yield g.count_bars(
        "Nothing came of, by reason",
        "Messages and values that should have become readings. Colours: topics and paths that no rule knows grey, payloads red, "
        f"values orange, limits violet. {EXPLAIN}",
        w.bars_by("reason", ERRORS, "all became readings"),
        overrides=[
            *(
                g.override("byRegexp", f"/^({pattern})$/", color={"mode": "shades", "fixedColor": color})
                for color, pattern in (
                    ("#96A0B5", "unknown_topic|nothing_found"),
                    ("#F2495C", "malformed|too_deep|oversize|not_text"),
                    ("#FF9830", "not_a_number|negative|unknown_word|no_device"),
                    ("#B877D9", "device_limit|series_refused|series_taken|too_many_values"),
                )
            ),
            w.quiet("all became readings"),
        ],
    )
    yield g.lines(
        "Messages by connection",
        "What the broker sends. A connection that is up and falls silent is as bad as one that is down.",
        g.query(f"sum by (connection) (rate({MESSAGES}[$__rate_interval]))", "{{connection}}"),
        unit="mps",
        interval="1m",
        height=7,
    )
    key = "connection, reason"
    yield g.table(
        "What went wrong last",
        "Reasons of the time range, the newest first. Topics and payloads are nowhere here: they may tell of people.",
        g.cells(f"time() - max by ({key}) ({w.last_time(ERRORS)})"),
        g.cells(
            f"sum by ({key}) ({w.in_range(ERRORS)}) > 0.5"
            ' or on() label_replace(vector(0), "reason", "all became readings", "", "")'
        ),
        columns=[
            ("Value #A", "Ago", {"unit": "s", "decimals": 0, "custom__width": 75}),
            ("connection", "Connection", {"custom__width": 110}),
            ("reason", "Reason", {}),
            ("Value #B", "Times", {"decimals": 0, "custom__width": 75}),
        ],
        newest="Ago",
        height=7,
    )
    yield g.count_bars(
        "Fields that could not be read",
        "Of messages that were read otherwise, by field. Only for devices whose fields this exporter knows by itself.",
        w.bars_by("field", FIELDS, "none"),
        width=24,
        height=6,
        overrides=[w.quiet("none")],
    )


def _series():
    yield g.lines(
        "Series and their limit",
        "Series of readings that are kept, of all connections of an exporter, and how many it may keep.",
        g.query(here("hangup_series"), "{{instance}} kept"),
        g.query(here("hangup_series_limit"), "{{instance}} limit"),
        decimals=0,
        overrides=[g.override("byRegexp", "/limit$/", color=g.fixed("red"))],
    )
    refused = here("hangup_rejected_series_total")
    yield g.count_bars(
        "Readings refused",
        "Readings refused because their series would have been one too many. Something makes new names, or the limit is too low.",
        w.bars_by("instance", refused, "none refused"),
        color={"mode": "shades", "fixedColor": "red"},
        overrides=[w.quiet("none refused")],
    )
