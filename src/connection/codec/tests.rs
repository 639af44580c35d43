//! The codec against that of rumqttc, which is another one, and against bytes that nobody should send.

use bytes::Bytes;
use proptest::prelude::*;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::*;
use crate::config::Secret;
use crate::connection::message::Properties;
use crate::connection::packet::{
    Ack, ConnAck, Connect, Disconnect, Filter, Publish, SubAck, Subscribe, Unsubscribe, Will,
};
use crate::connection::plan::RetainHandling;

const LIMIT: usize = 1 << 20;

fn encoded(version: Version, packet: &Outbound) -> BytesMut {
    let mut bytes = BytesMut::new();
    Codec::new(version, LIMIT).encode(packet, &mut bytes).unwrap();
    bytes
}

fn old(packet: &Outbound) -> v4::Packet {
    let mut codec = v4::Codec { max_incoming_size: LIMIT, max_outgoing_size: LIMIT };
    let mut bytes = encoded(Version::V311, packet);
    let read = codec.decode(&mut bytes).unwrap().unwrap();
    assert!(bytes.is_empty());
    read
}

fn new(packet: &Outbound) -> v5::Packet {
    let mut codec = v5::Codec { max_incoming_size: None, max_outgoing_size: None };
    let mut bytes = encoded(Version::V5, packet);
    let read = codec.decode(&mut bytes).unwrap().unwrap();
    assert!(bytes.is_empty());
    read
}

fn decoded(version: Version, bytes: &[u8]) -> Result<Option<Inbound>, Fault> {
    Codec::new(version, LIMIT).decode(&mut BytesMut::from(bytes))
}

/// What rumqttc's codec for MQTT 5 writes, as we read it.
fn from_new(packet: v5::Packet) -> Inbound {
    let mut codec = v5::Codec { max_incoming_size: None, max_outgoing_size: None };
    let mut bytes = BytesMut::new();
    codec.encode(packet, &mut bytes).unwrap();
    decoded(Version::V5, &bytes).unwrap().unwrap()
}

fn publish(qos: u8, payload: &'static [u8]) -> Publish {
    let (id, topic) = (if qos > 0 { 513 } else { 0 }, "a/ü".to_owned());
    let payload = Bytes::from_static(payload);
    Publish { dup: qos > 0, qos, retain: true, id, topic, payload, properties: None }
}

fn connect(version: Version) -> Connect {
    Connect {
        version,
        client_id: "client".to_owned(),
        login: Some(("user".to_owned(), Secret::new("password"))),
        will: Some(Will {
            topic: "will".to_owned(),
            payload: Bytes::from_static(b"gone"),
            qos: 1,
            retain: true,
            delay: 30,
        }),
        clean: false,
        keep_alive: 60,
        session_expiry: 3600,
        receive_maximum: Some(20),
        maximum_packet_size: 65_536,
        user_properties: vec![("key".to_owned(), Secret::new("value"))],
    }
}

#[test]
fn another_implementation_reads_our_connect() {
    let v4::Packet::Connect(old) = old(&Outbound::Connect(Box::new(connect(Version::V311)))) else {
        panic!()
    };
    assert_eq!((old.client_id.as_str(), old.clean_session, old.keep_alive), ("client", false, 60));
    assert_eq!(old.login, Some(v4::Login::new("user", "password")));
    let will = old.last_will.unwrap();
    assert_eq!(
        (will.topic.as_str(), &will.message[..], will.qos as u8, will.retain),
        ("will", &b"gone"[..], 1, true)
    );

    let v5::Packet::Connect(new, will, login) = new(&Outbound::Connect(Box::new(connect(Version::V5))))
    else {
        panic!()
    };
    assert_eq!((new.client_id.as_str(), new.clean_start, new.keep_alive), ("client", false, 60));
    let properties = new.properties.unwrap();
    assert_eq!(properties.session_expiry_interval, Some(3600));
    assert_eq!(properties.receive_maximum, Some(20));
    assert_eq!(properties.max_packet_size, Some(65_536));
    assert_eq!(properties.user_properties, [("key".to_owned(), "value".to_owned())]);
    assert_eq!(
        login.map(|login| (login.username, login.password)),
        Some(("user".to_owned(), "password".to_owned()))
    );
    let will = will.unwrap();
    assert_eq!((&will.topic[..], &will.message[..]), (&b"will"[..], &b"gone"[..]));
    assert_eq!(will.properties.unwrap().delay_interval, Some(30));
}

#[test]
fn another_implementation_reads_our_messages_in_their_size() {
    for qos in 0..=2 {
        let ours = publish(qos, b"payload");
        let v4::Packet::Publish(old) = old(&Outbound::Publish(ours.clone())) else { panic!() };
        assert_eq!((old.topic.as_str(), &old.payload[..], old.pkid), ("a/ü", &b"payload"[..], ours.id));
        assert_eq!((old.qos as u8, old.retain, old.dup), (qos, true, qos > 0));
        let v5::Packet::Publish(new) = new(&Outbound::Publish(ours.clone())) else { panic!() };
        assert_eq!(
            (&new.topic[..], &new.payload[..], new.pkid),
            ("a/ü".as_bytes(), &b"payload"[..], ours.id)
        );
        for version in [Version::V311, Version::V5] {
            assert_eq!(encoded(version, &Outbound::Publish(ours.clone())).len(), ours.size(version));
        }
    }
}

#[test]
fn another_implementation_reads_our_subscribe() {
    let filter = |path: &str, retain| Filter { path: path.to_owned(), qos: 2, no_local: true, retain };
    let filters = vec![filter("a/#", RetainHandling::New), filter("b", RetainHandling::Never)];
    let ours = Subscribe { id: 7, filters };
    let v4::Packet::Subscribe(old) = old(&Outbound::Subscribe(ours.clone())) else { panic!() };
    assert_eq!((old.pkid, old.filters.len(), old.filters[0].path.as_str()), (7, 2, "a/#"));
    let v5::Packet::Subscribe(new) = new(&Outbound::Subscribe(ours.clone())) else { panic!() };
    assert_eq!(new.pkid, 7);
    assert_eq!(new.filters[0].retain_forward_rule, v5::RetainForwardRule::OnNewSubscribe);
    assert_eq!(new.filters[1].retain_forward_rule, v5::RetainForwardRule::Never);
    assert!(new.filters.iter().all(|filter| filter.nolocal && filter.qos as u8 == 2));
    for version in [Version::V311, Version::V5] {
        assert_eq!(encoded(version, &Outbound::Subscribe(ours.clone())).len(), ours.size(version));
    }
}

#[test]
fn another_implementation_reads_our_unsubscribe() {
    let ours = Outbound::Unsubscribe(Unsubscribe { id: 7, filters: vec!["a/#".to_owned(), "b".to_owned()] });
    let v4::Packet::Unsubscribe(old) = old(&ours) else { panic!() };
    let v5::Packet::Unsubscribe(new) = new(&ours) else { panic!() };
    assert_eq!((old.pkid, &old.topics[..]), (7, &["a/#".to_owned(), "b".to_owned()][..]));
    assert_eq!((new.pkid, &new.filters[..]), (7, &["a/#".to_owned(), "b".to_owned()][..]));
}

#[test]
fn acknowledgements_leave_out_what_means_nothing() {
    let missing = Ack { id: 1, code: 0x92 };
    assert_eq!(&encoded(Version::V311, &Outbound::PubRel(missing))[..], [0x62, 2, 0, 1]);
    assert_eq!(&encoded(Version::V5, &Outbound::PubRel(missing))[..], [0x62, 3, 0, 1, 0x92]);
    assert_eq!(&encoded(Version::V5, &Outbound::PubComp(Ack::fine(1)))[..], [0x70, 2, 0, 1]);
    assert_eq!(&encoded(Version::V5, &Outbound::PubAck(258))[..], [0x40, 2, 1, 2]);
    assert_eq!(&encoded(Version::V5, &Outbound::PubRec(258))[..], [0x50, 2, 1, 2]);
    assert_eq!(&encoded(Version::V5, &Outbound::Disconnect)[..], [0xE0, 0]);
    assert_eq!(&encoded(Version::V5, &Outbound::PingReq)[..], [0xC0, 0]);
}

#[test]
fn what_does_not_fit_leaves_nothing_behind() {
    let mut bytes = BytesMut::from(&b"before"[..]);
    let mut connect = connect(Version::V5);
    connect.user_properties = vec![("k".repeat(70_000), Secret::new(""))];
    let outcome = Codec::new(Version::V5, LIMIT).encode(&Outbound::Connect(Box::new(connect)), &mut bytes);
    assert!(outcome.is_err() && &bytes[..] == b"before");
}

#[test]
fn we_read_the_messages_of_another_implementation() {
    for qos in [0, 1, 2] {
        let mut theirs = v5::Publish::new(
            "a/b",
            [
                rumqttc::v5::mqttbytes::QoS::AtMostOnce,
                rumqttc::v5::mqttbytes::QoS::AtLeastOnce,
                rumqttc::v5::mqttbytes::QoS::ExactlyOnce,
            ][qos],
            "payload",
            Some(v5::PublishProperties {
                payload_format_indicator: Some(1),
                message_expiry_interval: Some(60),
                topic_alias: None,
                response_topic: Some("answer".to_owned()),
                correlation_data: Some(Bytes::from_static(b"1")),
                user_properties: vec![("k".to_owned(), "v".to_owned()), ("k".to_owned(), "w".to_owned())],
                subscription_identifiers: vec![1, 300_000],
                content_type: Some("application/json".to_owned()),
            }),
        );
        theirs.pkid = u16::try_from(qos).unwrap();
        let Inbound::Publish(ours) = from_new(v5::Packet::Publish(theirs)) else { panic!() };
        assert_eq!((ours.topic.as_str(), &ours.payload[..]), ("a/b", &b"payload"[..]));
        assert_eq!((usize::from(ours.qos), usize::from(ours.id)), (qos, qos));
        let expected = Properties {
            user: vec![("k".to_owned(), "v".to_owned()), ("k".to_owned(), "w".to_owned())],
            content_type: Some("application/json".to_owned()),
        };
        assert!(ours.properties.is_some_and(|properties| *properties == expected));
    }
}

#[test]
fn we_read_the_terms_of_another_implementation() {
    let theirs = v5::ConnAck {
        session_present: true,
        code: v5::ConnectReturnCode::Success,
        properties: Some(v5::ConnAckProperties {
            session_expiry_interval: Some(10),
            receive_max: Some(11),
            max_qos: Some(1),
            retain_available: Some(0),
            max_packet_size: Some(12),
            assigned_client_identifier: Some("auto".to_owned()),
            topic_alias_max: Some(13),
            reason_string: Some("fine".to_owned()),
            user_properties: vec![("k".to_owned(), "v".to_owned())],
            wildcard_subscription_available: Some(0),
            subscription_identifiers_available: Some(1),
            shared_subscription_available: Some(0),
            server_keep_alive: Some(14),
            response_information: Some("info".to_owned()),
            server_reference: Some("other".to_owned()),
            authentication_method: None,
            authentication_data: None,
        }),
    };
    let expected = ConnAck {
        session_present: true,
        code: 0,
        session_expiry: Some(10),
        receive_maximum: 11,
        maximum_qos: 1,
        retain_available: false,
        maximum_packet_size: Some(12),
        assigned_client_id: Some("auto".to_owned()),
        wildcard_available: false,
        shared_available: false,
        keep_alive: Some(14),
        reason: Some("fine".to_owned()),
        server: Some("other".to_owned()),
    };
    assert!(from_new(v5::Packet::ConnAck(theirs)) == Inbound::ConnAck(Box::new(expected)));
}

#[test]
fn packets_are_read_as_the_standard_writes_them() {
    let disconnect = |code, reason: Option<&str>| {
        Inbound::Disconnect(Box::new(Disconnect { code, reason: reason.map(str::to_owned), server: None }))
    };
    let suback = |codes: &[u8]| Inbound::SubAck(SubAck { id: 10, codes: codes.to_vec() });
    let refused = |code| Inbound::ConnAck(Box::new(ConnAck { code, ..ConnAck::default() }));
    let (both, old, new) = (&[Version::V311, Version::V5][..], &[Version::V311][..], &[Version::V5][..]);
    for (versions, bytes, expected) in [
        (both, &[0x20, 2, 0, 1][..], refused(1)),
        (old, &[0x20, 2, 0, 0x87], refused(0x87)),
        (new, &[0x20, 3, 0, 0x87, 0], refused(0x87)),
        (both, &[0x40, 2, 1, 0], Inbound::PubAck(Ack::fine(256))),
        (new, &[0x50, 3, 1, 0, 0x87], Inbound::PubRec(Ack { id: 256, code: 0x87 })),
        (new, &[0x62, 4, 1, 0, 0x92, 0], Inbound::PubRel(Ack { id: 256, code: 0x92 })),
        (new, &[0x70, 8, 1, 0, 0, 4, 0x1F, 0, 1, b'x'], Inbound::PubComp(Ack::fine(256))),
        (old, &[0x90, 4, 0, 10, 0, 0x80], suback(&[0, 0x80])),
        (new, &[0x90, 5, 0, 10, 0, 2, 0x97], suback(&[2, 0x97])),
        (both, &[0xB0, 3, 0, 10, 0], Inbound::UnsubAck),
        (both, &[0xD0, 0], Inbound::PingResp),
        (old, &[0xE0, 0], disconnect(None, None)),
        (new, &[0xE0, 0], disconnect(Some(0), None)),
        (new, &[0xE0, 1, 0x8B], disconnect(Some(0x8B), None)),
        (new, &[0xE0, 6, 0x8E, 4, 0x1F, 0, 1, b'x'], disconnect(Some(0x8E), Some("x"))),
        (new, &[0xF0, 0], Inbound::Auth),
        (both, &[0x10, 0], Inbound::OfClients),
        (both, &[0x82, 0], Inbound::OfClients),
        (both, &[0xA2, 0], Inbound::OfClients),
        (both, &[0xC0, 0], Inbound::OfClients),
    ] {
        for version in versions {
            let read = decoded(*version, bytes);
            assert!(read == Ok(Some(expected.clone())), "{version:?} {bytes:02X?}: {read:?}");
        }
    }
}

#[test]
fn what_breaks_the_standard_has_a_fault() {
    let malformed = |fault: &Fault| matches!(fault, Fault::Malformed(_));
    for (version, bytes) in [
        (Version::V311, &[0x00, 0][..]),
        (Version::V311, &[0xF0, 0]),
        (Version::V311, &[0x20, 1, 0]),
        (Version::V311, &[0x20, 3, 0, 0, 0]),
        (Version::V311, &[0x40, 3, 0, 1, 0]),
        (Version::V311, &[0xE0, 1, 0]),
        // QoS 3; a topic that is longer than the packet; one that is not UTF-8; a packet identifier of 0.
        (Version::V311, &[0x36, 5, 0, 1, b'a', 0, 1]),
        (Version::V311, &[0x30, 3, 0, 9, b'a']),
        (Version::V311, &[0x30, 3, 0, 1, 0xFF]),
        (Version::V311, &[0x32, 5, 0, 1, b'a', 0, 0]),
        // No topic; properties that are longer than the packet; one twice; one of CONNACK; one that does not exist.
        (Version::V5, &[0x30, 3, 0, 0, 0]),
        (Version::V5, &[0x30, 4, 0, 1, b'a', 9]),
        (Version::V5, &[0x30, 8, 0, 1, b'a', 4, 0x01, 0, 0x01, 0]),
        (Version::V5, &[0x30, 7, 0, 1, b'a', 3, 0x21, 0, 1]),
        (Version::V5, &[0x30, 6, 0, 1, b'a', 2, 0x7F, 0]),
        // A receive maximum of 0; a maximum QoS of 2; a flag that is neither.
        (Version::V5, &[0x20, 6, 0, 0, 3, 0x21, 0, 0]),
        (Version::V5, &[0x20, 5, 0, 0, 2, 0x24, 2]),
        (Version::V5, &[0x20, 5, 0, 0, 2, 0x25, 7]),
        // A length of properties of five bytes.
        (Version::V5, &[0x20, 7, 0, 0, 0x80, 0x80, 0x80, 0x80, 1]),
    ] {
        let read = decoded(version, bytes);
        assert!(read.as_ref().is_err_and(malformed), "{version:?} {bytes:02X?}: {read:?}");
    }
    assert!(decoded(Version::V5, &[0x30, 7, 0, 0, 3, 0x23, 0, 1, b'x']) == Err(Fault::TopicAlias));
    assert!(decoded(Version::V5, &[0x30, 0xFF, 0xFF, 0xFF, 0xFF]) == Err(Fault::RemainingLength));
    assert!(decoded(Version::V311, &[0x30, 0x81, 0x80, 0x40]) == Err(Fault::TooLarge(LIMIT + 1)));
    assert!(decoded(Version::V311, &[0x30, 0x80]) == Ok(None));
}

#[test]
fn a_payload_stays_where_it_was_read_to() {
    let mut bytes = encoded(Version::V311, &Outbound::Publish(publish(0, b"payload")));
    let place = bytes.as_ptr_range();
    let Ok(Some(Inbound::Publish(read))) = Codec::new(Version::V311, LIMIT).decode(&mut bytes) else {
        panic!()
    };
    assert!(place.contains(&read.payload.as_ptr()));
}

#[test]
fn of_very_many_user_properties_some_are_kept() {
    let many: Vec<u8> = [0x26, 0, 0, 0, 0].repeat(1000);
    let mut bytes = vec![0x30, 0x8D, 0x27, 0, 1, b'a', 0x88, 0x27];
    bytes.extend(many);
    bytes.push(b'x');
    let mut bytes = BytesMut::from(&bytes[..]);
    bytes[1..3].copy_from_slice(&[0x8E, 0x27]);
    let Ok(Some(Inbound::Publish(read))) = Codec::new(Version::V5, LIMIT).decode(&mut bytes) else {
        panic!()
    };
    assert_eq!(read.properties.unwrap().user.len(), properties::MOST_USER_PROPERTIES);
    assert_eq!(&read.payload[..], b"x");
}

proptest! {
    /// Cut anywhere, a packet is awaited; then it is the same packet.
    #[test]
    fn a_stream_in_pieces_says_the_same(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
        piece in 1..50_usize,
    ) {
        for version in [Version::V311, Version::V5] {
            let (codec, mut stream) = (Codec::new(version, LIMIT), BytesMut::new());
            let sent: Vec<_> = payloads.iter().map(|payload| {
                Publish { payload: payload.clone().into(), ..publish(1, b"") }
            }).collect();
            for publish in &sent {
                codec.encode(&Outbound::Publish(publish.clone()), &mut stream).unwrap();
            }
            let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
            for part in stream.chunks(piece) {
                buffer.extend_from_slice(part);
                while let Some(packet) = codec.decode(&mut buffer).unwrap() {
                    read.push(packet);
                }
            }
            let sent: Vec<_> = sent.into_iter().map(Inbound::Publish).collect();
            prop_assert!(read == sent && buffer.is_empty());
        }
    }
}
