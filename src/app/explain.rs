//! `hangup explain`: the message that is given, and what each connection would make of it.
//!
//! Never connects to anything.

use std::io::Read as _;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::{Config, topic_fault};
use crate::connection::message::{Incoming, Properties};
use crate::mapping::{self, Explanation};

/// A larger payload is not read: no broker would bring it.
const LARGEST: u64 = 16 << 20;

/// The message to explain.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Where its payload is.
    pub payload: Payload,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// User properties of MQTT 5.
    pub properties: Vec<(String, String)>,
}

/// Where a payload is.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Here.
    Text(String),
    /// In a file.
    File(PathBuf),
    /// On the standard input.
    Stdin,
}

/// What one connection makes of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Of {
    /// Its name.
    pub connection: String,
    /// What comes of it.
    #[serde(flatten)]
    pub explanation: Explanation,
}

/// What every connection with subscriptions, or the one of this name, makes of the message.
///
/// # Errors
/// A payload that cannot be read, a connection that is not there or has no subscription.
pub fn explain(config: &Config, connection: Option<&str>, message: Message) -> Result<Vec<Of>, String> {
    let all: Vec<_> =
        config.connections.iter().filter(|known| connection.is_none_or(|name| known.name == name)).collect();
    if all.is_empty() {
        let names = config.connections.iter().map(|known| format!("`{}`", known.name)).collect::<Vec<_>>();
        return Err(format!("there is no such connection (there are {})", names.join(", ")));
    }
    let with_rules: Vec<_> = all.into_iter().filter(|known| !known.subscribe.is_empty()).collect();
    if with_rules.is_empty() {
        return Err("no `[[connection.subscribe]]` is there: its source knows its own messages".to_owned());
    }
    if let Some(fault) = topic_fault(&message.topic) {
        return Err(format!("the topic {fault}"));
    }
    let user = message.properties;
    let message = Incoming {
        topic: message.topic,
        payload: read(&message.payload)?.into(),
        qos: 0,
        retain: message.retained,
        properties: (!user.is_empty()).then(|| Box::new(Properties { user, content_type: None })),
    };
    let of = |known: &crate::config::Connection| {
        let explanation = mapping::explain(&known.subscribe, &message)?;
        Ok(Of { connection: known.name.clone(), explanation })
    };
    with_rules.into_iter().map(of).collect()
}

fn read(payload: &Payload) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let (done, place) = match payload {
        Payload::Text(text) => return Ok(text.clone().into_bytes()),
        Payload::File(path) => {
            let file = std::fs::File::open(path);
            (file.and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)), path.display().to_string())
        }
        Payload::Stdin => {
            (std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes), "the standard input".to_owned())
        }
    };
    done.map_err(|error| format!("the payload cannot be read from {place}: {error}"))?;
    Ok(bytes)
}
