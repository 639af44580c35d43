//! The packets of a broker, from their bodies.
//!
//! Never looks into a packet that only clients send.

use bytes::Bytes;

use super::input::Input;
use super::{
    AUTH, CONNACK, CONNECT, DISCONNECT, Fault, PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBREC, PUBREL, SUBACK,
    SUBSCRIBE, TYPE, UNSUBACK, UNSUBSCRIBE, properties,
};
use crate::connection::packet::{Ack, ConnAck, Disconnect, Inbound, Publish, SubAck};
use crate::connection::plan::Version;

/// A PUBLISH without its payload, and where in the body that begins.
pub(super) fn publish(version: Version, first: u8, body: &[u8]) -> Result<(Publish, usize), Fault> {
    let mut input = Input::new(body);
    let qos = (first >> 1) & 3;
    if qos == 3 {
        return Err(Fault::Malformed("there is no quality of service 3"));
    }
    let topic = input.text()?;
    let id = if qos == 0 { 0 } else { input.two()? };
    if qos > 0 && id == 0 {
        return Err(Fault::Malformed("a packet identifier is 0"));
    }
    let properties = match version {
        Version::V311 => None,
        Version::V5 => properties::of_publish(&mut input)?,
    };
    if topic.is_empty() && version == Version::V5 {
        return Err(Fault::Malformed("a message has no topic"));
    }
    let (dup, retain, topic) = (first & 8 != 0, first & 1 != 0, topic.to_owned());
    let publish = Publish { dup, qos, retain, id, topic, payload: Bytes::new(), properties };
    Ok((publish, body.len() - input.len()))
}

/// Any other packet.
pub(super) fn packet(version: Version, first: u8, mut input: Input<'_>) -> Result<Inbound, Fault> {
    Ok(match first & TYPE {
        CONNACK => Inbound::ConnAck(Box::new(connack(version, input)?)),
        PUBACK => Inbound::PubAck(ack(version, input)?),
        PUBREC => Inbound::PubRec(ack(version, input)?),
        PUBREL => Inbound::PubRel(ack(version, input)?),
        PUBCOMP => Inbound::PubComp(ack(version, input)?),
        SUBACK => {
            let id = input.two()?;
            if version == Version::V5 {
                properties::of_ack(&mut input)?;
            }
            Inbound::SubAck(SubAck { id, codes: input.rest().to_vec() })
        }
        UNSUBACK => Inbound::UnsubAck,
        PINGRESP => Inbound::PingResp,
        DISCONNECT => Inbound::Disconnect(Box::new(disconnect(version, input)?)),
        AUTH if version == Version::V5 => Inbound::Auth,
        CONNECT | SUBSCRIBE | UNSUBSCRIBE | PINGREQ => Inbound::OfClients,
        _ => return Err(Fault::Malformed("a packet is of no type that there is")),
    })
}

fn connack(version: Version, mut input: Input<'_>) -> Result<ConnAck, Fault> {
    let session_present = input.byte()? & 1 != 0;
    let mut ack = ConnAck { session_present, code: input.byte()?, ..ConnAck::default() };
    match version {
        Version::V311 => {}
        // A broker that knows 3.1.1 only refuses in its own format.
        Version::V5 if input.is_empty() => {}
        Version::V5 => properties::of_connack(&mut input, &mut ack)?,
    }
    whole(input, ack)
}

/// MQTT 5 leaves out a reason code of 0, and properties when there are none.
fn ack(version: Version, mut input: Input<'_>) -> Result<Ack, Fault> {
    let mut ack = Ack::fine(input.two()?);
    if version == Version::V5 && !input.is_empty() {
        ack.code = input.byte()?;
        if !input.is_empty() {
            properties::of_ack(&mut input)?;
        }
    }
    whole(input, ack)
}

fn disconnect(version: Version, mut input: Input<'_>) -> Result<Disconnect, Fault> {
    let mut disconnect = Disconnect::default();
    if version == Version::V5 {
        disconnect.code = Some(if input.is_empty() { 0 } else { input.byte()? });
        if !input.is_empty() {
            properties::of_disconnect(&mut input, &mut disconnect)?;
        }
    }
    whole(input, disconnect)
}

fn whole<T>(input: Input<'_>, packet: T) -> Result<T, Fault> {
    if input.is_empty() { Ok(packet) } else { Err(Fault::Malformed("a packet is longer than what is in it")) }
}
