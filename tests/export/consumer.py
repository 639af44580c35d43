"""Reads an export as a script for nwp500-python does: every name, every type, and its sums.

Never imports anything of ours or of that library: only what Python brings. The document comes on standard input.
"""

import json
import sys
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Optional


# The records of that library: a script makes them of the dictionaries that it reads.
@dataclass
class DropEvent:
    timestamp: str
    error_name: Optional[str]
    error_message: Optional[str]
    error_code: Optional[int]
    reconnect_attempt: int
    duration_connected_seconds: Optional[float]
    active_subscriptions: int
    queued_commands: int


@dataclass
class ConnectionEvent:
    timestamp: str
    event_type: str
    session_present: bool
    return_code: Optional[int]
    attempt_number: int
    time_to_reconnect_seconds: Optional[float]


METRICS = {
    "total_connections": int,
    "total_disconnects": int,
    "total_connection_drops": int,
    "total_reconnect_attempts": int,
    "longest_session_seconds": float,
    "shortest_session_seconds": (float, type(None)),
    "average_session_seconds": float,
    "current_session_uptime_seconds": float,
    "connection_drops_by_error": dict,
    "reconnection_attempts_distribution": dict,
    "last_drop_timestamp": (str, type(None)),
    "last_successful_connect_timestamp": (str, type(None)),
    "connection_recovered": int,
    "messages_published": int,
    "messages_queued": int,
}
DROP = {
    "timestamp": str,
    "error_name": str,  # Ours always has a name.
    "error_message": str,
    "error_code": (int, type(None)),
    "reconnect_attempt": int,
    "duration_connected_seconds": float,
    "active_subscriptions": int,
    "queued_commands": int,
}
CONNECTION = {
    "timestamp": str,
    "event_type": str,
    "session_present": bool,
    "return_code": (int, type(None)),
    "attempt_number": int,
    "time_to_reconnect_seconds": (float, type(None)),
}


def check(where, record, expected):
    for name, kind in expected.items():
        assert name in record, f"{where}: {name} is missing"
        value = record[name]
        assert isinstance(value, kind), f"{where}: {name} is {value!r}"
        if kind is int:
            assert not isinstance(value, bool) and value >= 0, f"{where}: {name} is {value!r}"


def taken(kind, record):
    return kind(**{field.name: record[field.name] for field in fields(kind)})


def when(text):
    time = datetime.fromisoformat(text)
    assert time.tzinfo is not None, f"{text} has no offset"
    return time


def main():
    export = json.load(sys.stdin)
    metrics = export["metrics"]
    check("metrics", metrics, METRICS)
    assert set(metrics["reconnection_attempts_distribution"]) == {"1", "2-5", "6-10", "11+"}
    drops = export["recent_drops"]
    for number, drop in enumerate(drops):
        check(f"recent_drops[{number}]", drop, DROP)
    connections = export["recent_connections"]
    for number, connection in enumerate(connections):
        check(f"recent_connections[{number}]", connection, CONNECTION)
        assert connection["event_type"] in ("connected", "resumed", "deep_reconnected")
    made = when(export["timestamp"])
    assert abs((datetime.now(timezone.utc) - made).total_seconds()) < 3600, made
    drops = [taken(DropEvent, drop) for drop in drops]
    connections = [taken(ConnectionEvent, connection) for connection in connections]
    assert [drop.timestamp for drop in drops] == sorted(drop.timestamp for drop in drops)
    # What such scripts compute.
    by_error = metrics["connection_drops_by_error"]
    assert sum(by_error.values()) == metrics["total_connection_drops"] == len(drops)
    aws = {name: count for name, count in by_error.items() if name.startswith("AWS_")}
    assert export["aws_error_counts"] == aws, export["aws_error_counts"]
    recovered = [event for event in connections if event.event_type != "connected"]
    assert len(recovered) == metrics["connection_recovered"]
    assert len(connections) - len(recovered) == metrics["total_connections"]
    assert sum(metrics["reconnection_attempts_distribution"].values()) == len(recovered)
    assert all(event.time_to_reconnect_seconds is not None for event in recovered)
    if drops:
        assert when(metrics["last_drop_timestamp"]) == when(drops[-1].timestamp)
        lengths = [drop.duration_connected_seconds for drop in drops]
        assert max(lengths) <= metrics["longest_session_seconds"]
        assert metrics["shortest_session_seconds"] <= min(lengths)
    assert when(metrics["last_successful_connect_timestamp"]) == when(connections[-1].timestamp)
    summary = export["session_history_summary"]
    check("session_history_summary", summary, {"total_sessions": int, "sample_durations": list})
    assert all(isinstance(length, float) for length in summary["sample_durations"])
    assert len(summary["sample_durations"]) == min(summary["total_sessions"], 20)
    print(f"{len(drops)} drops, {len(connections)} connections")


main()
