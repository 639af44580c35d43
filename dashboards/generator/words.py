"""What the dashboards about connections share: colours of errors and states, and exact counting.

Never uses bars of increase(): it extrapolates, and overlapping windows count an event twice.
"""

from . import document as d
from . import grafana as g

# One colour a family, so that the eye learns it. Every error name belongs to exactly one (`check` holds this).
FAMILIES = {
    "network": ("#5794F2", "AWS_IO_DNS_.*|AWS_IO_SOCKET_(?!INVALID_OPTIONS|UNSUPPORTED).*|AWS_IO_BROKEN_PIPE"
                "|AWS_ERROR_HTTP_PROXY_.*|LOCAL_DNS_TIMEOUT|LOCAL_PROXY_TIMEOUT"),
    "TLS": ("#B877D9", "AWS_IO_TLS_.*|AWS_ERROR_PEM_MALFORMED"),
    "websocket": ("#2FC6C6", "AWS_ERROR_HTTP_(WEBSOCKET_.*|CONNECTION_CLOSED)|LOCAL_WEBSOCKET_TIMEOUT"),
    "credentials": ("#F2495C", "AWS_AUTH_.*|LOCAL_CREDENTIALS_TIMEOUT"),
    "protocol": ("#FF9830", "AWS_ERROR_MQTT5?_(PROTOCOL_ERROR|DECODE_PROTOCOL_ERROR|INVALID_REMAINING_LENGTH"
                 "|INVALID_INBOUND_TOPIC_ALIAS|PACKET_VALIDATION)|LOCAL_PEER_NOT_MQTT|LOCAL_INBOUND_PACKET_TOO_LARGE"),
    "service": ("#E0B400", "AWS_ERROR_MQTT5?_(UNEXPECTED_HANGUP|DISCONNECT_RECEIVED|CONNACK_.*|TIMEOUT"
                "|PING_RESPONSE_TIMEOUT|CONNECTION_SUBSCRIBE_FAILURE|ACK_REASON_CODE_FAILURE|REQUEST_RESPONSE_TIMEOUT)"),
    "local": ("#96A0B5", "LOCAL_(CLOCK_SKEW|ENGINE_STALLED|PLANNED_ROTATION)|AWS_ERROR_(MAX_FDS_EXCEEDED|NO_PERMISSION)"
              "|AWS_IO_SOCKET_(INVALID_OPTIONS|UNSUPPORTED_ADDRESS_FAMILY)"
              "|AWS_ERROR_MQTT5?_(QUEUE_FULL|OPERATION_FAILED_DUE_TO_OFFLINE_QUEUE_POLICY|CANCELLED_FOR_CLEAN_SESSION"
              "|NOT_CONNECTED|USER_REQUESTED_STOP)"),
}
COLOURS_OF_ERRORS = (
    "Colours: network blue, TLS violet, WebSocket teal, credentials red, MQTT protocol orange, "
    "the service's own decision or silence yellow, this machine grey."
)

STATES = {
    0: ("idle", "#6E7687"),
    1: ("planning", "#B877D9"),
    2: ("connecting", "#5794F2"),
    3: ("subscribing", "#96D98D"),
    4: ("online", "#56A64B"),
    5: ("waiting", "#FF9830"),
    6: ("stopped", "#C4162A"),
}
PHASES = {
    "credentials": "#F2495C",
    "dns": "#5794F2",
    "tcp": "#1F60C4",
    "proxy": "#8AB8FF",
    "tls": "#B877D9",
    "websocket": "#2FC6C6",
    "connack": "#FF9830",
    "subscribe": "#96D98D",
}

HERE = 'job=~"$job",instance=~"$instance"'
CONNECTION = HERE + ',connection=~"$connection"'


def of(metric, *more, scope=CONNECTION):
    """The series of a metric that the variables choose."""
    return f"{metric}{{{','.join((scope, *more))}}}"


def by_step(series):
    """Events in each step, exactly.

    Where there was no sample one step ago, or a larger one (the exporter restarted), what was seen to grow since counts:
    so the drops of the first minute are there, and a history that nobody scraped is not.
    """
    return f"({series} - {series} offset $__interval >= 0 or {series} - min_over_time({series}[$__interval]))"


def in_range(series):
    """Events in the time range: exact, unless the exporter restarted within it."""
    span = f"{series}[$__range]"
    return (
        f"(max_over_time({span}) - min_over_time({span}) unless resets({span}) > 0"
        f" or increase({span}))"
    )


def last_time(series):
    """When a counter last moved, to the step; nothing if it did not."""
    return (
        f"max_over_time((timestamp({series}) and {by_step(series)} > 0.5)"
        "[$__range:$__interval])"
    )


def bars_by(label, series, nothing):
    """Bars by label, without those that are zero. `nothing` is the legend where nothing happened."""
    expr = f'sum by ({label}) ({by_step(series)}) > 0.5 or on() label_replace(vector(0), "{label}", "{nothing}", "", "")'
    return g.query(expr, f"{{{{{label}}}}}")


def error_colours(prefix=""):
    """Fields that are named after an error get the colour of its family, in shades."""
    return [
        g.override("byRegexp", f"/^{prefix}({pattern})$/", color={"mode": "shades", "fixedColor": color})
        for color, pattern in FAMILIES.values()
    ]


def quiet(name):
    """The series that stands for "nothing happened" must not attract the eye."""
    return g.named(name, color=g.fixed("#6E7687"))


def state_number(scope=CONNECTION, by="connection"):
    """The state as a number of STATES; the metric has one series a state."""
    parts = [
        f'(mqtt_client_state{{{scope},state="{name}"}} == 1) * {number}' for number, (name, _) in STATES.items()
    ]
    return f"max by ({by}) ({' or '.join(parts)})"


def drop_annotation():
    """A mark for each step with drops, on all panels."""
    drops = of("mqtt_client_connection_drops_total")
    return d.annotation(
        "Drops",
        "red",
        f"sum by (connection, error) ({by_step(drops)}) > 0.5",
        "{{connection}} dropped",
        "{{error}}",
    )


def standard_variables(*, one_connection=False):
    """Data source, job, instance, connection."""
    return [
        d.datasource_variable(),
        d.label_variable("job", "Job", "hangup_build_info"),
        d.label_variable("instance", "Instance", 'hangup_build_info{job=~"$job"}'),
        d.label_variable(
            "connection", "Connection", f"mqtt_client_connected{{{HERE}}}", many=not one_connection
        ),
    ]
