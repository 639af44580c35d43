//! Logs on stderr: lines for people, or one JSON object a line.
//!
//! Dependencies are heard from `warn` on only: their finer lines may print requests, and so secrets.

use std::io::IsTerminal as _;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::config::{Log, LogFormat};

/// Starts logging; a second call changes nothing.
pub(super) fn start(log: Log, level: Option<Level>) {
    let filter = filter(level.unwrap_or(log.level));
    let layer = fmt::layer().with_writer(std::io::stderr);
    let layer = match log.format {
        LogFormat::Text => {
            layer.compact().with_target(false).with_ansi(colours()).with_filter(filter).boxed()
        }
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_filter(filter)
            .boxed(),
    };
    // It fails only when another subscriber is there already, and then that one writes.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// The level that `--log-level` names.
pub(super) fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|_| "write error, warn, info, debug or trace".to_owned())
}

fn filter(level: Level) -> Targets {
    let others = LevelFilter::from_level(level).min(LevelFilter::WARN);
    Targets::new().with_target(env!("CARGO_CRATE_NAME"), level).with_default(others)
}

/// Colours are for a terminal whose owner has not refused them (https://no-color.org).
fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_quiet_whatever_the_level() {
        let filter = super::filter(Level::TRACE);
        assert!(filter.would_enable("hangup::connection", &Level::TRACE));
        assert!(filter.would_enable("reqwest::connect", &Level::WARN));
        assert!(!filter.would_enable("reqwest::connect", &Level::INFO));
        assert!(!super::filter(Level::ERROR).would_enable("reqwest::connect", &Level::WARN));
    }
}
