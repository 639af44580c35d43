//! The packets of a client, to bytes.
//!
//! Never cuts a text to fit.

use bytes::{BufMut, BytesMut};

use super::properties::{MAXIMUM_PACKET_SIZE, RECEIVE_MAXIMUM, SESSION_EXPIRY, USER_PROPERTY, WILL_DELAY};
use super::{
    CONNECT, DISCONNECT, Fault, PINGREQ, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBSCRIBE, UNSUBSCRIBE,
};
use crate::connection::packet::{Ack, Connect, Outbound, Publish, Subscribe, Unsubscribe};
use crate::connection::plan::{RetainHandling, Version};

/// The largest number that four bytes of seven bits hold.
const LONGEST: usize = 268_435_455;

/// Appends the packet; something of it may be there after an error.
pub(super) fn packet(version: Version, packet: &Outbound, into: &mut BytesMut) -> Result<(), Fault> {
    match packet {
        Outbound::Connect(connect) => self::connect(connect, into)?,
        Outbound::Publish(publish) => self::publish(version, publish, into)?,
        Outbound::Subscribe(subscribe) => self::subscribe(version, subscribe, into)?,
        Outbound::Unsubscribe(unsubscribe) => self::unsubscribe(version, unsubscribe, into)?,
        Outbound::PubAck(id) => ack(version, PUBACK, Ack::fine(*id), into),
        Outbound::PubRec(id) => ack(version, PUBREC, Ack::fine(*id), into),
        Outbound::PubRel(release) => ack(version, PUBREL | 2, *release, into),
        Outbound::PubComp(complete) => ack(version, PUBCOMP, *complete, into),
        Outbound::PingReq => into.put_slice(&[PINGREQ, 0]),
        Outbound::Disconnect => into.put_slice(&[DISCONNECT, 0]),
    }
    Ok(())
}

fn connect(connect: &Connect, into: &mut BytesMut) -> Result<(), Fault> {
    let version = connect.version;
    let mut body = BytesMut::new();
    text("MQTT", &mut body)?;
    body.put_u8(match version {
        Version::V311 => 4,
        Version::V5 => 5,
    });
    let login = connect.login.as_ref().map(|(user, password)| (user.as_str(), password.expose()));
    let (user, password) = login.unwrap_or_default();
    // In 3.1.1 there is no password without a user, though it may be an empty one.
    let has_user = !user.is_empty() || !password.is_empty();
    let will = connect.will.as_ref();
    let flags = [
        (0x80, has_user),
        (0x40, !password.is_empty()),
        (0x20, will.is_some_and(|will| will.retain)),
        (0x04, will.is_some()),
        (0x02, connect.clean),
    ];
    let flags = flags.into_iter().filter(|(_, set)| *set).fold(0, |all, (flag, _)| all | flag);
    body.put_u8(flags | will.map_or(0, |will| will.qos.min(2) << 3));
    body.put_u16(connect.keep_alive);
    if version == Version::V5 {
        let mut properties = BytesMut::new();
        if connect.session_expiry > 0 {
            properties.put_u8(SESSION_EXPIRY);
            properties.put_u32(connect.session_expiry);
        }
        if let Some(count) = connect.receive_maximum.filter(|count| *count > 0) {
            properties.put_u8(RECEIVE_MAXIMUM);
            properties.put_u16(count);
        }
        if connect.maximum_packet_size > 0 {
            properties.put_u8(MAXIMUM_PACKET_SIZE);
            properties.put_u32(connect.maximum_packet_size);
        }
        for (key, value) in &connect.user_properties {
            properties.put_u8(USER_PROPERTY);
            text(key, &mut properties)?;
            text(value.expose(), &mut properties)?;
        }
        with_length(&properties, &mut body)?;
    }
    text(&connect.client_id, &mut body)?;
    if let Some(will) = will {
        if version == Version::V5 {
            let mut properties = BytesMut::new();
            if will.delay > 0 {
                properties.put_u8(WILL_DELAY);
                properties.put_u32(will.delay);
            }
            with_length(&properties, &mut body)?;
        }
        text(&will.topic, &mut body)?;
        binary(&will.payload, &mut body)?;
    }
    if has_user {
        text(user, &mut body)?;
    }
    if !password.is_empty() {
        text(password, &mut body)?;
    }
    into.put_u8(CONNECT);
    with_length(&body, into)
}

fn publish(version: Version, publish: &Publish, into: &mut BytesMut) -> Result<(), Fault> {
    let flags = u8::from(publish.dup) << 3 | publish.qos.min(2) << 1 | u8::from(publish.retain);
    into.put_u8(PUBLISH | flags);
    length(publish.remaining(version), into)?;
    text(&publish.topic, into)?;
    if publish.qos > 0 {
        into.put_u16(publish.id);
    }
    if version == Version::V5 {
        into.put_u8(0);
    }
    into.put_slice(&publish.payload);
    Ok(())
}

fn ack(version: Version, first: u8, ack: Ack, into: &mut BytesMut) {
    let said = version == Version::V5 && ack.code != 0;
    into.put_slice(&[first, if said { 3 } else { 2 }]);
    into.put_u16(ack.id);
    if said {
        into.put_u8(ack.code);
    }
}

fn subscribe(version: Version, subscribe: &Subscribe, into: &mut BytesMut) -> Result<(), Fault> {
    into.put_u8(SUBSCRIBE | 2);
    length(subscribe.remaining(version), into)?;
    into.put_u16(subscribe.id);
    if version == Version::V5 {
        into.put_u8(0);
    }
    for filter in &subscribe.filters {
        text(&filter.path, into)?;
        into.put_u8(match version {
            Version::V311 => filter.qos.min(2),
            Version::V5 => {
                let retain = match filter.retain {
                    RetainHandling::Always => 0,
                    RetainHandling::New => 1,
                    RetainHandling::Never => 2,
                };
                filter.qos.min(2) | u8::from(filter.no_local) << 2 | retain << 4
            }
        });
    }
    Ok(())
}

fn unsubscribe(version: Version, unsubscribe: &Unsubscribe, into: &mut BytesMut) -> Result<(), Fault> {
    into.put_u8(UNSUBSCRIBE | 2);
    let filters: usize = unsubscribe.filters.iter().map(|filter| 2 + filter.len()).sum();
    length(2 + no_properties(version) + filters, into)?;
    into.put_u16(unsubscribe.id);
    if version == Version::V5 {
        into.put_u8(0);
    }
    unsubscribe.filters.iter().try_for_each(|filter| text(filter, into))
}

impl Publish {
    /// Bytes after the length field, without properties.
    fn remaining(&self, version: Version) -> usize {
        let identifier = if self.qos > 0 { 2 } else { 0 };
        2 + self.topic.len() + identifier + no_properties(version) + self.payload.len()
    }

    /// Bytes of the whole packet, without properties.
    #[must_use]
    pub fn size(&self, version: Version) -> usize {
        whole(self.remaining(version))
    }
}

impl Subscribe {
    fn remaining(&self, version: Version) -> usize {
        2 + no_properties(version) + self.filters.iter().map(|filter| 3 + filter.path.len()).sum::<usize>()
    }

    /// Bytes of the whole packet.
    #[must_use]
    pub fn size(&self, version: Version) -> usize {
        whole(self.remaining(version))
    }
}

/// Bytes that say that there are no properties.
const fn no_properties(version: Version) -> usize {
    match version {
        Version::V311 => 0,
        Version::V5 => 1,
    }
}

const fn whole(remaining: usize) -> usize {
    let digits = match remaining {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    };
    1 + digits + remaining
}

fn text(text: &str, into: &mut BytesMut) -> Result<(), Fault> {
    binary(text.as_bytes(), into)
}

fn binary(bytes: &[u8], into: &mut BytesMut) -> Result<(), Fault> {
    into.put_u16(u16::try_from(bytes.len()).map_err(|_| TOO_LONG)?);
    into.put_slice(bytes);
    Ok(())
}

fn with_length(bytes: &[u8], into: &mut BytesMut) -> Result<(), Fault> {
    length(bytes.len(), into)?;
    into.put_slice(bytes);
    Ok(())
}

fn length(mut value: usize, into: &mut BytesMut) -> Result<(), Fault> {
    if value > LONGEST {
        return Err(TOO_LONG);
    }
    loop {
        let byte = u8::try_from(value & 0x7F).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            into.put_u8(byte);
            return Ok(());
        }
        into.put_u8(byte | 0x80);
    }
}

const TOO_LONG: Fault = Fault::Malformed("a part of it is longer than MQTT can carry");
