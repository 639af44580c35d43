//! `hangup explain`: what a message would become, rule by rule, and why not.
//!
//! Connects to nothing.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{ConfigArguments, PROBLEM, USAGE, output};
use crate::app::explain::{Message, Of, Payload, explain};
use crate::mapping::{Heard, Line};

const EXAMPLES: &str = "\
Examples:
  hangup explain --config hangup.toml --topic zigbee2mqtt/kitchen \\
      --payload '{\"temperature\": 21.5}'
  mosquitto_sub -t zigbee2mqtt/kitchen -C 1 | hangup explain --config hangup.toml \\
      --topic zigbee2mqtt/kitchen --payload-file -
  hangup explain --config hangup.toml --topic a/b --payload 1 --retained \\
      --property site=attic

Nothing is connected to. What was said before is not known here: counters begin anew.

Exit codes: 0 when something comes of the message, 1 when nothing does, 2 when the command
line or the configuration is wrong.";

/// Tell what a message becomes, rule by rule, and why not
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Only what this connection makes of it
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// The topic of the message
    #[arg(long)]
    topic: String,
    /// Its payload
    #[arg(
        long,
        conflicts_with = "payload_file",
        required_unless_present = "payload_file",
        allow_hyphen_values = true
    )]
    payload: Option<String>,
    /// The file that holds its payload; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    payload_file: Option<PathBuf>,
    /// The broker had kept the message
    #[arg(long)]
    retained: bool,
    /// A user property of MQTT 5; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = property)]
    property: Vec<(String, String)>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn property(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("is not a property (write for example `site=attic`)")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let loaded = match arguments.config.load() {
        Ok(loaded) => loaded,
        Err(problems) => return output::problems(&problems, USAGE),
    };
    let payload = match (&arguments.payload, &arguments.payload_file) {
        (Some(text), _) => Payload::Text(text.clone()),
        (None, Some(file)) if file.as_os_str() == "-" => Payload::Stdin,
        (None, Some(file)) => Payload::File(file.clone()),
        (None, None) => Payload::Text(String::new()),
    };
    let message = Message {
        topic: arguments.topic.clone(),
        payload,
        retained: arguments.retained,
        properties: arguments.property.clone(),
    };
    match explain(&loaded.config, arguments.connection.as_deref(), message) {
        Ok(of) => {
            let text = if arguments.json {
                // Texts and lists only: nothing in it can fail.
                serde_json::to_string_pretty(&of).unwrap_or_default()
            } else {
                of.iter().map(words).collect::<Vec<_>>().join("\n\n")
            };
            output::result(text);
            let is_something = of.iter().any(|of| of.explanation.is_something());
            if is_something { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) }
        }
        Err(fault) => {
            output::note(format!("hangup: {fault}"));
            ExitCode::from(USAGE)
        }
    }
}

fn words(of: &Of) -> String {
    let mut text = format!("connection {}", of.connection);
    for heard in &of.explanation.subscriptions {
        subscription(&mut text, heard);
    }
    text
}

/// Writing to a String cannot fail.
fn subscription(text: &mut String, heard: &Heard) {
    let _ = write!(text, "\n  {}", clean(&heard.filter));
    if let Some(device) = &heard.device {
        let _ = write!(text, "  (device {})", clean(device));
    }
    for note in &heard.notes {
        let _ = write!(text, "\n    note: {}", clean(note));
    }
    if let Some(unfit) = &heard.unfit {
        let _ = write!(text, "\n    nothing: {}", clean(unfit));
    }
    for Line { metric, series, expire, reasons } in &heard.rules {
        for line in series {
            let shown = if expire == "never" {
                "as long as it is connected".to_owned()
            } else {
                format!("for {expire}")
            };
            let _ = write!(text, "\n    {}  ({shown})", clean(line));
        }
        for reason in reasons {
            let _ = write!(text, "\n    {}: nothing: {}", clean(metric), clean(reason));
        }
    }
}

/// What came from a message commands no terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_has_a_name() {
        assert_eq!(property("site=a=b"), Ok(("site".to_owned(), "a=b".to_owned())));
        assert!(property("site").is_err() && property("=x").is_err());
    }

    #[test]
    fn a_payload_commands_no_terminal() {
        assert_eq!(clean("a\u{1b}[31m\nb"), "a\u{fffd}[31m\u{fffd}b");
    }
}
