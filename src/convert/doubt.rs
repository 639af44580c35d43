//! What of the old file is not understood, and what of the new one would not be taken.
//!
//! Never repeats a value: only names of fields and sentences.

use serde_json::Value;

use crate::config::faults as faults_of;
use crate::config::mapping::Subscribe;

/// The fields of mqtt2prometheus beside those of metrics: where, and which.
const KNOWN: &[(&str, &[&str])] = &[
    ("", &["mqtt", "cache", "json_parsing", "metrics", "enable_profiling_metrics"]),
    (
        "mqtt",
        &[
            "server",
            "topic_path",
            "device_id_regex",
            "user",
            "password",
            "qos",
            "client_id",
            "ca_cert",
            "client_cert",
            "client_key",
            "object_per_topic_config",
            "metric_per_topic_config",
        ],
    ),
    ("mqtt/object_per_topic_config", &["encoding"]),
    ("mqtt/metric_per_topic_config", &["metric_name_regex"]),
    ("cache", &["timeout", "state_directory"]),
    ("json_parsing", &["separator"]),
];

/// Where a fault of the new file comes from: the end of its place, and the old field.
const ORIGINS: &[(&str, &str)] = &[
    ("reconnect.client_id", "mqtt.client_id"),
    (".url", "mqtt.server"),
    (".username", "mqtt.user"),
    (", filter", "mqtt.topic_path"),
    (", pattern", "mqtt.device_id_regex"),
    (", device", "mqtt.device_id_regex"),
];

/// Notes every field that is not one of mqtt2prometheus.
pub(super) fn unknown(root: &Value, notes: &mut Vec<String>) {
    for (place, known) in KNOWN {
        let pointer = if place.is_empty() { String::new() } else { format!("/{place}") };
        let fields = root.pointer(&pointer).and_then(Value::as_object).into_iter().flatten();
        for (field, _) in fields.filter(|(field, _)| !known.contains(&field.as_str())) {
            let before =
                if place.is_empty() { String::new() } else { format!("{}.", place.replace('/', ".")) };
            notes.push(format!(
                "`{before}{field}` is not a field of mqtt2prometheus that is known here: it is left out"
            ));
        }
    }
}

/// What `hangup check` would refuse, with the old field that it comes from. Files are not looked for: they are made later.
pub(super) fn faults(toml: &str, subscribes: &[Subscribe]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut problems = faults_of(toml);
    // Without its expression no group has a name, which is no fault of its own.
    if problems.iter().any(|problem| problem.place.ends_with(", pattern")) {
        problems.retain(|problem| !problem.message.contains("is no named group of `pattern`"));
    }
    for problem in problems {
        let named = metric(&problem.place, subscribes).map(|name| format!("the metric `{name}`"));
        let origin = ORIGINS.iter().find(|(end, _)| problem.place.ends_with(end));
        let from = named.or_else(|| origin.map(|(_, old)| format!("`{old}`")));
        let from = from.map_or_else(String::new, |from| format!(" (from {from})"));
        let note = format!("`hangup check` will refuse this: {}{from}: {}", problem.place, problem.message);
        // One wrong field may stand in many subscriptions.
        let again = |known: &String| origin.is_some() && known.ends_with(&problem.message);
        if !notes.iter().any(again) {
            notes.push(note);
        }
    }
    notes
}

/// The name of the rule in `…subscribe 1, metric 2, …`.
fn metric<'s>(place: &str, subscribes: &'s [Subscribe]) -> Option<&'s str> {
    let number = |word: &str| {
        let (_, rest) = place.split_once(word)?;
        rest.split(',').next()?.parse::<usize>().ok()?.checked_sub(1)
    };
    let subscribe = subscribes.get(number("subscribe ")?)?;
    Some(&subscribe.metrics.get(number("metric ")?)?.name)
}
