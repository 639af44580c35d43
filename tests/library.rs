//! The crate in another program: rumqttc's own event loop against a peer that ends connections in every way it can.
//!
//! Never a broker: the peer speaks the few bytes that are needed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use hangup::diagnosis::Cause;
use hangup::monitor::{Monitor, Settings};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

const ACCEPTED: &[u8] = &[0x20, 2, 0, 0];

/// A peer that does this with each connection, one after the other, after it has read the CONNECT.
fn peer(acts: Vec<fn(TcpStream)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut listener = Some(listener);
        let last = acts.len();
        for (number, act) in (1..).zip(acts) {
            let (mut stream, _) = listener.as_ref().unwrap().accept().unwrap();
            if number == last {
                // Nobody listens any more when the client comes back.
                listener = None;
            }
            let _ = stream.read(&mut [0; 256]).unwrap();
            act(stream);
        }
    });
    address
}

fn accepts_and_closes(mut stream: TcpStream) {
    stream.write_all(ACCEPTED).unwrap();
    std::thread::sleep(Duration::from_millis(50)); // a session that lives for a moment
}

fn accepts_and_resets(mut stream: TcpStream) {
    stream.write_all(ACCEPTED).unwrap();
    std::thread::sleep(Duration::from_millis(50)); // the same
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

fn refuses(mut stream: TcpStream) {
    stream.write_all(&[0x20, 2, 0, 5]).unwrap();
}

fn accepts_and_closes_after_a_publish(mut stream: TcpStream) {
    stream.write_all(ACCEPTED).unwrap();
    // SUBSCRIBE or PUBLISH: whatever comes is not liked.
    let _ = stream.read(&mut [0; 256]).unwrap();
}

fn accepts_and_is_silent(mut stream: TcpStream) {
    stream.write_all(ACCEPTED).unwrap();
    while stream.read(&mut [0; 256]).is_ok_and(|bytes| bytes > 0) {}
}

/// The loop of a program, until so many errors.
async fn run(monitor: &Monitor, address: SocketAddr, errors: u32) {
    let mut options = MqttOptions::new("program", address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_secs(1));
    let (client, mut events) = AsyncClient::new(options, 10);
    let mut seen = 0;
    while seen < errors {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => monitor.record_connected(ack.session_present),
            Ok(Event::Incoming(Packet::Publish(message))) => monitor.record_received(message.payload.len()),
            Ok(_) => {}
            Err(error) => {
                monitor.record_event_loop(&error);
                seen += 1;
            }
        }
    }
    drop(client);
}

fn value(monitor: &Monitor, series: &str) -> Option<String> {
    let page = prometheus::TextEncoder::new().encode_to_string(&monitor.registry().gather()).unwrap();
    page.lines().find_map(|line| line.strip_prefix(series)).map(|value| value.trim().to_owned())
}

fn monitor() -> Monitor {
    Monitor::with(Settings { keep_alive: Duration::from_secs(1), ..Settings::new("program") })
}

#[tokio::test]
async fn the_errors_of_an_event_loop_have_their_names_before_and_in_a_session() {
    let monitor = monitor();
    run(&monitor, peer(vec![accepts_and_closes, accepts_and_resets, refuses]), 4).await;
    let totals = monitor.totals();
    assert_eq!((totals.connects, totals.drops, totals.failed_attempts), (2, 2, 2));
    for (series, expected) in [
        ("mqtt_client_connection_drops_total{connection=\"program\",error=\"AWS_IO_SOCKET_CLOSED\"}", "2"),
        (
            "mqtt_client_connect_failures_total{connection=\"program\",error=\"AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED\",phase=\"connack\"}",
            "1",
        ),
        (
            "mqtt_client_connect_failures_total{connection=\"program\",error=\"AWS_IO_SOCKET_CONNECTION_REFUSED\",phase=\"tcp\"}",
            "1",
        ),
        ("mqtt_client_connected{connection=\"program\"}", "0"),
    ] {
        assert_eq!(value(&monitor, series).as_deref(), Some(expected), "{series}");
    }
}

#[tokio::test]
async fn a_broker_that_does_not_answer_pings_is_a_timeout() {
    let monitor = monitor();
    run(&monitor, peer(vec![accepts_and_is_silent]), 1).await;
    let drops = "mqtt_client_connection_drops_total{connection=\"program\",error=\"AWS_ERROR_MQTT_TIMEOUT\"}";
    assert_eq!(value(&monitor, drops).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_packet_that_provokes_closes_is_suspected() {
    let monitor = monitor();
    let address = peer(vec![accepts_and_closes_after_a_publish]);
    let mut options = MqttOptions::new("program", address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = AsyncClient::new(options, 10);
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                monitor.record_connected(ack.session_present);
                monitor.record_publish("forbidden", 5);
                client.try_publish("forbidden", QoS::AtMostOnce, false, "hello").unwrap();
            }
            Ok(_) => {}
            Err(error) => break monitor.record_event_loop(&error),
        }
    }
    monitor.record_connected(false);
    let cause = monitor.history().read(|history| history.verdict(1).map(|verdict| verdict.cause));
    assert_eq!(cause, Some(Cause::PolicyViolation));
    let sends = monitor.history().read(|history| history.sessions().next().map(|s| s.stats.sends.clone()));
    assert_eq!(sends.unwrap().iter().map(|sends| (sends.sent, sends.closed)).collect::<Vec<_>>(), [(1, 1)]);
}
