//! MQTT 3.1.1 and MQTT 5 as bytes, the client's side: packets of ours out, packets of a broker in.
//!
//! Pure. Never copies a payload, never takes more memory than a packet has bytes, never panics on what a broker sends.

mod decode;
mod encode;
mod input;
mod properties;

use bytes::{Buf, BytesMut};

use super::packet::{Inbound, Outbound};
use super::plan::Version;
use input::Input;

/// Bits of the first byte that hold the type of packet.
const TYPE: u8 = 0xF0;

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x60;
const PUBCOMP: u8 = 0x70;
const SUBSCRIBE: u8 = 0x80;
const SUBACK: u8 = 0x90;
const UNSUBSCRIBE: u8 = 0xA0;
const UNSUBACK: u8 = 0xB0;
const PINGREQ: u8 = 0xC0;
const PINGRESP: u8 = 0xD0;
const DISCONNECT: u8 = 0xE0;
const AUTH: u8 = 0xF0;

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The packet announces more bytes than we take.
    TooLarge(usize),
    /// Its length field is longer than MQTT allows.
    RemainingLength,
    /// It uses a topic alias, and we allow none.
    TopicAlias,
    /// What is in it does not fit together.
    Malformed(&'static str),
}

/// Bytes to packets and back, for one connection.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    version: Version,
    max_incoming: usize,
}

impl Codec {
    /// Takes packets of at most `max_incoming` bytes after their length field.
    #[must_use]
    pub const fn new(version: Version, max_incoming: usize) -> Self {
        Self { version, max_incoming }
    }

    /// Takes the first packet out of `buffer`; `None` while it is not whole. The payload of a PUBLISH stays where it
    /// was read to.
    ///
    /// # Errors
    /// When it is no packet. The stream is out of step then.
    pub fn decode(&self, buffer: &mut BytesMut) -> Result<Option<Inbound>, Fault> {
        let Some((first, header, remaining)) = head(buffer)? else { return Ok(None) };
        if remaining > self.max_incoming {
            return Err(Fault::TooLarge(remaining));
        }
        let total = header + remaining;
        let Some(frame) = buffer.get(..total) else { return Ok(None) };
        let body = frame.get(header..).unwrap_or_default();
        if first & TYPE == PUBLISH {
            let (mut publish, length) = decode::publish(self.version, first, body)?;
            let mut payload = buffer.split_to(total).freeze();
            payload.advance(header + length);
            publish.payload = payload;
            return Ok(Some(Inbound::Publish(publish)));
        }
        let packet = decode::packet(self.version, first, Input::new(body))?;
        buffer.advance(total);
        Ok(Some(packet))
    }

    /// Appends a packet to `into`.
    ///
    /// # Errors
    /// When a part of it is longer than MQTT can carry; `into` is as before then.
    pub fn encode(&self, packet: &Outbound, into: &mut BytesMut) -> Result<(), Fault> {
        let before = into.len();
        let encoded = encode::packet(self.version, packet, into);
        if encoded.is_err() {
            // Half a packet would put the stream out of step.
            into.truncate(before);
        }
        encoded
    }
}

/// The first byte of a packet, how long its fixed header is, and how many bytes follow that. `None` while it is not whole.
fn head(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, Fault> {
    let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut remaining = 0;
    for (index, byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((*first, 2 + index, remaining)));
        }
    }
    if rest.len() >= 4 { Err(Fault::RemainingLength) } else { Ok(None) }
}

#[cfg(test)]
mod tests;
