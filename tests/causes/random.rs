//! Sessions that end at random: nothing may ever be found in them, and that is said.
//!
//! Never a length that has a memory: each is drawn from an exponential distribution, by a seed.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hangup::diagnosis::Cause;
use hangup::simulator::{Fault, Settings};
use rumqttc::mqttbytes::v4::{Codec, ConnAck, ConnectReturnCode, Packet, SubAck, SubscribeReasonCode};
use tokio::net::TcpListener;
use tokio_util::codec::Framed;

use crate::lab::{Lab, Outcome, fast};
use crate::talk::{Account, Plain, Script, Step};

/// An hour is a second.
const SCALE: f64 = 3_600.0;

/// A length of life without memory.
fn length(dice: &mut fastrand::Rng, mean: f64) -> Duration {
    Duration::from_secs_f64(0.05 + mean * -(1.0 - dice.f64()).ln())
}

/// A pace and a size of messages for each session.
fn chatter(seed: u64) -> Script {
    std::sync::Arc::new(move |session| {
        let mut dice = fastrand::Rng::with_seed(seed ^ (session << 8));
        let (pace, size) = (dice.u64(8..90), dice.usize(10..900));
        Box::new(std::iter::repeat_with(move || Step { size, ..Step::of(pace) }))
    })
}

fn says_nothing(outcome: &Outcome, drops: usize) {
    outcome.nothing();
    assert_eq!(outcome.verdicts.len(), drops);
    let words =
        format!("{drops} drops, no pattern in age, time of day, message count, commands or idle time");
    assert!(outcome.remarks.contains(&words), "{:?}", outcome.remarks);
    let known = outcome.verdicts.iter().filter(|verdict| {
        ![Cause::Unknown, Cause::PolicyViolation, Cause::ConnectionLifetimeLimit].contains(&verdict.cause)
    });
    assert_eq!(
        known.count(),
        0,
        "nothing but suspicions about the last message or a usual age: {outcome:#?}"
    );
}

/// One history in a hundred looks as if there were something. Two in a row would be one of ten thousand.
async fn of_two_histories(name: &str, history: impl AsyncFn(u64) -> Outcome, drops: usize) {
    let mut outcome = history(0).await;
    if !outcome.ever.is_empty() {
        eprintln!("{name}: a false finding, {:?}; a second history", outcome.ever);
        outcome = history(1).await;
    }
    says_nothing(&outcome, drops);
}

#[tokio::test]
async fn drops_of_the_cloud_at_random_have_no_pattern() {
    of_two_histories("cloud", cloud, 20).await;
}

async fn cloud(seed: u64) -> Outcome {
    let account = Account::at(Settings::default()).await;
    let lab = Lab::start("random, cloud", SCALE, fast(), account.talking(30, chatter(11 + seed)));
    let mut dice = fastrand::Rng::with_seed(2024 + seed);
    for drop in 1..=20 {
        lab.session(drop).await;
        tokio::time::sleep(length(&mut dice, 1.2)).await;
        let ends = [Fault::HangUp, Fault::Fin, Fault::Reset];
        account.cloud.faults().inject(ends[dice.usize(0..ends.len())]);
        lab.drops(usize::try_from(drop).unwrap()).await;
    }
    lab.session(21).await;
    let outcome = lab.end().await;
    account.cloud.stop().await;
    outcome
}

#[tokio::test]
async fn drops_of_a_plain_broker_at_random_have_no_pattern() {
    of_two_histories("plain", plain, 25).await;
}

async fn plain(seed: u64) -> Outcome {
    let peer = Peer::at("127.0.0.1:0".parse().unwrap()).await;
    let planner = Plain::to(peer.address, Duration::from_secs(30), chatter(12 + seed));
    let lab = Lab::start("random, plain", SCALE, fast(), planner);
    let mut dice = fastrand::Rng::with_seed(77 + seed);
    for drop in 1..=25 {
        lab.session(drop).await;
        tokio::time::sleep(length(&mut dice, 0.9)).await;
        peer.end(dice.bool());
        lab.drops(usize::try_from(drop).unwrap()).await;
    }
    lab.session(26).await;
    lab.end().await
}

/// A broker on plain TCP that takes everything and answers what must be answered.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Ends the connection there is: by a reset (true) or by a FIN.
    end: tokio::sync::broadcast::Sender<bool>,
}

impl Peer {
    pub(crate) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, _) = tokio::sync::broadcast::channel(4);
        let ends = end.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut end = ends.subscribe();
                tokio::spawn(async move {
                    let raw = socket2::SockRef::from(&stream).try_clone().unwrap();
                    let packets = Codec { max_incoming_size: 65_536, max_outgoing_size: 65_536 };
                    let mut framed = Framed::new(stream, packets);
                    loop {
                        let packet = tokio::select! {
                            packet = framed.next() => packet,
                            reset = end.recv() => {
                                if reset.unwrap() {
                                    raw.set_linger(Some(Duration::ZERO)).unwrap();
                                }
                                return;
                            }
                        };
                        let answer = match packet {
                            Some(Ok(Packet::Connect(_))) => {
                                Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false))
                            }
                            Some(Ok(Packet::Subscribe(subscribe))) => {
                                let codes =
                                    subscribe.filters.iter().map(|f| SubscribeReasonCode::Success(f.qos));
                                Packet::SubAck(SubAck::new(subscribe.pkid, codes.collect()))
                            }
                            Some(Ok(Packet::PingReq)) => Packet::PingResp,
                            Some(Ok(_)) => continue,
                            Some(Err(_)) | None => return,
                        };
                        if framed.send(answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, end }
    }

    fn end(&self, reset: bool) {
        // Nobody hears it when the connection has ended by itself.
        let _ = self.end.send(reset);
    }
}
