"""Panels about why connections drop: causes, findings, the suspicion of a path, and what this machine went through.

Never says more than the exporter does: a cause has its evidence beside it, and a finding "fits".
"""

from . import grafana as g
from . import words as w

CAUSES = w.of("mqtt_client_drop_causes_total")
FINDINGS = w.of("mqtt_client_finding")
SUSPECT = w.of("mqtt_client_path_suspect")
HOW_WELL = (
    "Stated: the broker or the kernel said so. Observed: seen on the transport or on this machine. Inferred: a test "
    "passed. Suspected: it looks like it. None: nothing points anywhere."
)

# Where the cause lies, and so who can mend it.
PLACES = {
    "this machine": ("#96A0B5", "host_suspended|local_network_change|clock_skew|client_.*|config|planned_rotation"),
    "the way": ("#5794F2", "nat_idle_timeout|path_dead|proxy_or_portal|dns_failure|tcp_.*"),
    "the broker": ("#E0B400", "broker_.*|server_.*|keepalive_timeout_server|administrative|throttled|protocol_error"),
    "a rule": ("#FF9830", "connection_lifetime_limit|calendar_event|message_limit|payload_too_large|policy_violation"),
    "identity": ("#F2495C", "session_taken_over|credential_.*|tls_.*"),
    "an event": ("#B877D9", "provoked_by_event"),
    "not known": ("#6E7687", "unknown"),
}
COLOURS = (
    "Colours: this machine grey, the way to the broker blue, the broker yellow, a rule of somebody orange, identity and "
    "credentials red, an event of our own violet."
)
FITS = {0: ("no", "#2b2f36"), 1: ("fits", "#FF9830")}
SOUND = {0: ("sound", "#37872D"), 1: ("suspect", "#FF9830")}


def colours(suffix=""):
    """Fields that are named after a cause get the colour of its place, in shades."""
    return [
        g.override("byRegexp", f"/^({pattern}){suffix}$/", color={"mode": "shades", "fixedColor": color})
        for color, pattern in PLACES.values()
    ]


def causes_over_time(width=12):
    """Each drop at its time, by its cause."""
    counted = f"sum by (cause, evidence) ({w.by_step(CAUSES)}) > 0.5"
    return g.count_bars(
        "Drops by cause",
        "What is thought to have ended the sessions, and how well that is known. A drop is counted when its verdict is "
        f"final: at once, or with the next attempt. {HOW_WELL} {COLOURS}",
        g.query(counted + ' or on() label_replace(vector(0), "cause", "no drops", "", "")', "{{cause}} {{evidence}}"),
        width=width,
        overrides=[
            *colours(" [a-z]+"),
            w.quiet("no drops "),
            # That nothing points anywhere needs no second word.
            g.named("unknown none", displayName="unknown"),
        ],
    )


def findings_over_time(width=12, height=8, legend="{{connection}} {{finding}}"):
    """Which patterns fitted when. Of one connection only, its name in each row would say nothing."""
    # Looked at from the end, or what fitted only before the time range would have a row in it.
    ever = f"max_over_time({FINDINGS}[$__range] @ end()) > 0"
    return g.timeline(
        "Findings",
        "Patterns over many drops that fit a cause, as long as they do. A finding is withdrawn when later sessions "
        "contradict it. The status page has each in words: its support, what would disprove it, what to change.",
        g.query(
            f"max by (connection, finding) ({FINDINGS} and {ever})"
            ' or on() label_replace(vector(0), "finding", "no pattern fits", "", "")',
            legend,
        ),
        table=FITS,
        width=width,
        height=height,
    )


def path_suspect():
    """When the kernel waited in vain."""
    return g.timeline(
        "Path",
        "Suspect: the kernel waits in vain for acknowledgements of the broker's machine. An early warning: the path "
        "recovers, or a drop follows.",
        g.query(f"max by (connection) ({SUSPECT})", "{{connection}}"),
        table=SOUND,
        width=24,
        height=4,
    )


def causes_table(width=12):
    """Each cause with its evidence, how often and how long ago."""
    key = "connection, cause, evidence"
    return g.table(
        "Why sessions ended",
        f"Drops of the time range by cause and evidence, the newest first. {HOW_WELL}",
        g.cells(f"time() - max by ({key}) ({w.last_time(CAUSES)})"),
        g.cells(
            f"sum by ({key}) ({w.in_range(CAUSES)}) > 0.5"
            ' or on() label_replace(vector(0), "cause", "no drops", "", "")'
        ),
        columns=[
            ("Value #A", "Ago", {"unit": "s", "decimals": 0, "custom__width": 70}),
            ("connection", "Connection", {"custom__width": 110}),
            ("cause", "Cause", {}),
            ("evidence", "Evidence", {"custom__width": 95}),
            ("Value #B", "Drops", {"decimals": 0, "custom__width": 60}),
        ],
        newest="Ago",
        width=width,
    )


def this_machine(width=12, height=8):
    """What happened on the machine of the exporter."""
    here = 'job=~"$job",instance=~"$instance"'

    def of(metric):
        return w.of(metric, scope=here)

    def counted(metric):
        return f"sum({w.by_step(of(metric))}) > 0.5"

    changes = f"sum by (kind) ({w.by_step(of('hangup_host_network_changes_total'))}) > 0.5"
    return g.count_bars(
        "This machine",
        "What the exporter's own machine went through: sleep, steps of its clock, changes of its links, addresses, default "
        "routes and resolver, where the system tells. A drop beside such a bar is no fault of the broker.",
        g.query(changes + ' or on() label_replace(vector(0), "kind", "quiet", "", "")', "{{kind}}"),
        g.query(counted("hangup_host_suspends_total"), "slept"),
        g.query(counted("hangup_host_clock_steps_total"), "clock stepped"),
        width=width,
        height=height,
        overrides=[
            w.quiet("quiet"),
            g.named("slept", color=g.fixed("#B877D9")),
            g.named("clock stepped", color=g.fixed("#FF9830")),
        ],
    )
