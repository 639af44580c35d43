//! The properties of MQTT 5 that a broker sends: each of its type, at most once, and only where it belongs.
//!
//! Never keeps what nobody asks for.

use super::Fault;
use super::input::Input;
use crate::connection::message::Properties;
use crate::connection::packet::{ConnAck, Disconnect};

/// User properties kept of one message. The wire takes five bytes for an empty one and memory ten times as much.
pub(super) const MOST_USER_PROPERTIES: usize = 64;

const PAYLOAD_FORMAT: u8 = 0x01;
const MESSAGE_EXPIRY: u8 = 0x02;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION_DATA: u8 = 0x09;
const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;
pub(super) const SESSION_EXPIRY: u8 = 0x11;
const ASSIGNED_CLIENT_ID: u8 = 0x12;
const SERVER_KEEP_ALIVE: u8 = 0x13;
const AUTHENTICATION_METHOD: u8 = 0x15;
const AUTHENTICATION_DATA: u8 = 0x16;
pub(super) const WILL_DELAY: u8 = 0x18;
const RESPONSE_INFORMATION: u8 = 0x1A;
const SERVER_REFERENCE: u8 = 0x1C;
const REASON: u8 = 0x1F;
pub(super) const RECEIVE_MAXIMUM: u8 = 0x21;
const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
const TOPIC_ALIAS: u8 = 0x23;
const MAXIMUM_QOS: u8 = 0x24;
const RETAIN_AVAILABLE: u8 = 0x25;
pub(super) const USER_PROPERTY: u8 = 0x26;
pub(super) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
const WILDCARD_AVAILABLE: u8 = 0x28;
const IDENTIFIERS_AVAILABLE: u8 = 0x29;
const SHARED_AVAILABLE: u8 = 0x2A;

/// A value that was read, by its type on the wire.
#[derive(Clone, Copy)]
enum Value<'a> {
    Byte(u8),
    Two(u16),
    Four(u32),
    Variable,
    Text(&'a str),
    Binary,
    Pair(&'a str, &'a str),
}

/// Of a PUBLISH; `None` when nothing in them is kept.
pub(super) fn of_publish(input: &mut Input<'_>) -> Result<Option<Box<Properties>>, Fault> {
    let mut kept: Option<Box<Properties>> = None;
    each(input, |id, value| {
        match (id, value) {
            (TOPIC_ALIAS, _) => return Err(Fault::TopicAlias),
            (CONTENT_TYPE, Value::Text(text)) => {
                kept.get_or_insert_default().content_type = Some(text.to_owned());
            }
            (USER_PROPERTY, Value::Pair(key, value)) => {
                let user = &mut kept.get_or_insert_default().user;
                if user.len() < MOST_USER_PROPERTIES {
                    user.push((key.to_owned(), value.to_owned()));
                }
            }
            (
                PAYLOAD_FORMAT | MESSAGE_EXPIRY | RESPONSE_TOPIC | CORRELATION_DATA | SUBSCRIPTION_IDENTIFIER,
                _,
            ) => {}
            _ => return Err(ELSEWHERE),
        }
        Ok(())
    })?;
    Ok(kept)
}

/// Of a CONNACK.
pub(super) fn of_connack(input: &mut Input<'_>, ack: &mut ConnAck) -> Result<(), Fault> {
    each(input, |id, value| {
        match (id, value) {
            (SESSION_EXPIRY, Value::Four(seconds)) => ack.session_expiry = Some(seconds),
            (RECEIVE_MAXIMUM, Value::Two(count @ 1..)) => ack.receive_maximum = count,
            (MAXIMUM_QOS, Value::Byte(qos @ 0..=1)) => ack.maximum_qos = qos,
            (RETAIN_AVAILABLE, Value::Byte(flag @ 0..=1)) => ack.retain_available = flag == 1,
            (MAXIMUM_PACKET_SIZE, Value::Four(bytes @ 1..)) => ack.maximum_packet_size = Some(bytes),
            (ASSIGNED_CLIENT_ID, Value::Text(text)) => ack.assigned_client_id = Some(text.to_owned()),
            (WILDCARD_AVAILABLE, Value::Byte(flag @ 0..=1)) => ack.wildcard_available = flag == 1,
            (SHARED_AVAILABLE, Value::Byte(flag @ 0..=1)) => ack.shared_available = flag == 1,
            (SERVER_KEEP_ALIVE, Value::Two(seconds)) => ack.keep_alive = Some(seconds),
            (REASON, Value::Text(text)) => ack.reason = Some(text.to_owned()),
            (SERVER_REFERENCE, Value::Text(text)) => ack.server = Some(text.to_owned()),
            (
                TOPIC_ALIAS_MAXIMUM
                | USER_PROPERTY
                | IDENTIFIERS_AVAILABLE
                | RESPONSE_INFORMATION
                | AUTHENTICATION_METHOD
                | AUTHENTICATION_DATA,
                _,
            ) => {}
            (
                RECEIVE_MAXIMUM | MAXIMUM_QOS | RETAIN_AVAILABLE | MAXIMUM_PACKET_SIZE | WILDCARD_AVAILABLE
                | SHARED_AVAILABLE,
                _,
            ) => {
                return Err(Fault::Malformed("a property has a value that is not allowed"));
            }
            _ => return Err(ELSEWHERE),
        }
        Ok(())
    })
}

/// Of a DISCONNECT.
pub(super) fn of_disconnect(input: &mut Input<'_>, disconnect: &mut Disconnect) -> Result<(), Fault> {
    each(input, |id, value| {
        match (id, value) {
            (REASON, Value::Text(text)) => disconnect.reason = Some(text.to_owned()),
            (SERVER_REFERENCE, Value::Text(text)) => disconnect.server = Some(text.to_owned()),
            (SESSION_EXPIRY | USER_PROPERTY, _) => {}
            _ => return Err(ELSEWHERE),
        }
        Ok(())
    })
}

/// Of an acknowledgement: nothing is kept.
pub(super) fn of_ack(input: &mut Input<'_>) -> Result<(), Fault> {
    each(input, |id, _| if matches!(id, REASON | USER_PROPERTY) { Ok(()) } else { Err(ELSEWHERE) })
}

/// Reads all properties of a packet. `take` sees each, and says which do not belong there.
fn each<'a>(
    input: &mut Input<'a>,
    mut take: impl FnMut(u8, Value<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let length = input.variable()?;
    let mut properties = Input::new(input.take(length)?);
    let mut seen = 0_u64;
    while !properties.is_empty() {
        // In one byte: all identifiers that there are fit.
        let id = properties.byte()?;
        let value = value(id, &mut properties)?;
        let bit = 1_u64 << (id & 0x3F);
        if seen & bit != 0 && !matches!(id, USER_PROPERTY | SUBSCRIPTION_IDENTIFIER) {
            return Err(Fault::Malformed("a property comes twice"));
        }
        seen |= bit;
        take(id, value)?;
    }
    Ok(())
}

fn value<'a>(id: u8, input: &mut Input<'a>) -> Result<Value<'a>, Fault> {
    Ok(match id {
        PAYLOAD_FORMAT
        | MAXIMUM_QOS
        | RETAIN_AVAILABLE
        | WILDCARD_AVAILABLE
        | IDENTIFIERS_AVAILABLE
        | SHARED_AVAILABLE => Value::Byte(input.byte()?),
        SERVER_KEEP_ALIVE | RECEIVE_MAXIMUM | TOPIC_ALIAS_MAXIMUM | TOPIC_ALIAS => Value::Two(input.two()?),
        MESSAGE_EXPIRY | SESSION_EXPIRY | MAXIMUM_PACKET_SIZE => Value::Four(input.four()?),
        SUBSCRIPTION_IDENTIFIER => {
            input.variable()?;
            Value::Variable
        }
        CONTENT_TYPE
        | RESPONSE_TOPIC
        | ASSIGNED_CLIENT_ID
        | AUTHENTICATION_METHOD
        | RESPONSE_INFORMATION
        | SERVER_REFERENCE
        | REASON => Value::Text(input.text()?),
        CORRELATION_DATA | AUTHENTICATION_DATA => {
            input.binary()?;
            Value::Binary
        }
        USER_PROPERTY => Value::Pair(input.text()?, input.text()?),
        _ => return Err(Fault::Malformed("a property is none that a broker sends")),
    })
}

const ELSEWHERE: Fault = Fault::Malformed("a property does not belong to its packet");
