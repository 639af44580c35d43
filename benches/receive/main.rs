//! What a message costs from the socket to the dialogue: CPU time of the receiving thread, in a flood and one at a time.
//!
//! `cargo bench --bench receive`. Never looks into a message: what a source makes of it is measured elsewhere.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark prints and stops at what it did not expect"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hangup::clock::{self, Instant, Now};
use hangup::config::Policy;
use hangup::connection::Tier;
use hangup::connection::driver::{Connection, Control};
use hangup::connection::message::{Incoming, Outgoing};
use hangup::connection::plan::{Plan, Subscription, Transport, Version};
use hangup::lifecycle::board::{Board, ConnectionStatus};
use hangup::lifecycle::recorder::Recorder;
use hangup::reading::Reading;
use hangup::source::{Answer, Dialogue, Inventory, Outcome, Planned, Planner, Sink, Want};
use hangup::telemetry::{ConnectionLabels, Metrics};
use tokio::sync::{Notify, mpsc};

/// As in the harness of the peers: five numbers of a sensor.
const PAYLOAD: &[u8] =
    br#"{"temperature":21.37,"humidity":48.2,"battery":91,"linkquality":112,"voltage":2987}"#;
const TOPICS: usize = 1000;
const KEEP_ALIVE: Duration = Duration::from_secs(600);

/// What the dialogue heard.
#[derive(Default)]
struct Heard {
    count: AtomicU64,
    wanted: AtomicU64,
    enough: Notify,
}

struct Counting(Arc<Heard>);

impl Dialogue for Counting {
    fn restored(&mut self, _: Now, _: &mut dyn Sink) {}
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn due(&mut self, _: Now, _: &mut dyn Sink, _: &mut Vec<Want>) {}
    fn heard(&mut self, message: &Incoming, _: Now, _: &mut dyn Sink) -> Outcome {
        std::hint::black_box(message);
        let count = self.0.count.load(Ordering::Relaxed) + 1;
        self.0.count.store(count, Ordering::Release);
        if count == self.0.wanted.load(Ordering::Relaxed) {
            self.0.enough.notify_one();
        }
        Outcome::Decoded
    }
    fn inventory(&mut self, _: Option<&Inventory>, _: Now, _: &mut dyn Sink) {}
    fn farewell(&mut self, _: Now) -> Vec<Outgoing> {
        Vec::new()
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn reading(&mut self, _: &Reading<'_>) {}
    fn devices(&mut self, _: &[&str]) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: Instant) {}
}

struct Source {
    version: Version,
    port: u16,
    heard: Arc<Heard>,
}

impl Planner for Source {
    fn plan(self: Arc<Self>, _: Tier) -> BoxFuture<'static, Answer<Planned>> {
        let plan = Plan {
            version: self.version,
            keep_alive: KEEP_ALIVE,
            subscriptions: vec![Subscription::new("sensors/#", 0, true)],
            ..Plan::to("127.0.0.1", self.port, Transport::Tcp, "bench")
        };
        let dialogue = Box::new(Counting(Arc::clone(&self.heard)));
        async move { Answer { result: Ok(Planned { plan, dialogue }), credentials: Vec::new() } }.boxed()
    }

    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        async { Answer { result: Ok(Inventory::default()), credentials: Vec::new() } }.boxed()
    }
}

/// One PUBLISH of QoS 0.
fn message(version: Version, number: usize) -> Vec<u8> {
    let topic = format!("sensors/room{:03}/state", number % TOPICS);
    let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    body.extend(topic.bytes());
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(PAYLOAD);
    let mut packet = vec![0x30, u8::try_from(body.len()).unwrap()];
    packet.extend(body);
    packet
}

fn accept(listener: &TcpListener, version: Version) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    let mut chunk = [0; 1024];
    assert!(stream.read(&mut chunk).unwrap() > 0);
    let five = version == Version::V5;
    stream.write_all(if five { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] }).unwrap();
    assert!(stream.read(&mut chunk).unwrap() > 0);
    stream.write_all(if five { &[0x90, 4, 0, 1, 0, 0] } else { &[0x90, 3, 0, 1, 0] }).unwrap();
    stream
}

/// How the stand-in broker writes.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As much as the socket takes.
    Flood,
    /// A message at a time, as Mosquitto does: the next one when the receiver sleeps again.
    Trickle,
}

fn write(mut stream: TcpStream, version: Version, manner: Manner, count: usize, heard: &Heard) {
    match manner {
        Manner::Flood => {
            let block: Vec<u8> = (0..TOPICS).flat_map(|number| message(version, number)).collect();
            for _ in 0..count / TOPICS {
                stream.write_all(&block).unwrap();
            }
        }
        Manner::Trickle => {
            for number in 0..count {
                stream.write_all(&message(version, number)).unwrap();
                while heard.count.load(Ordering::Acquire) <= number as u64 {
                    std::hint::spin_loop();
                }
                // The receiver goes to sleep meanwhile.
                let until = std::time::Instant::now() + Duration::from_micros(15);
                while std::time::Instant::now() < until {
                    std::hint::spin_loop();
                }
            }
        }
    }
    // Until the receiver closes.
    let _ = stream.read(&mut [0; 64]);
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// Nanoseconds of CPU and of the clock on the wall, a message.
fn run(version: Version, manner: Manner, count: usize) -> (f64, f64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Heard { wanted: AtomicU64::new(count as u64), ..Heard::default() });
    let theirs = Arc::clone(&heard);
    let broker = std::thread::spawn(move || {
        let stream = accept(&listener, version);
        write(stream, version, manner, count, &theirs);
    });
    let labels = ConnectionLabels {
        connection: "bench".to_owned(),
        broker: "127.0.0.1".to_owned(),
        protocol: version.as_str(),
        transport: Transport::Tcp,
        source: "bench",
        proxied: false,
        signs_in: true,
    };
    let status = ConnectionStatus::new("bench", "bench", "tcp", clock::now());
    let recorder = Recorder::new(Metrics::new().connection(&labels), Board::default().enter(status));
    let planner = Arc::new(Source { version, port, heard: Arc::clone(&heard) });
    let connection = Connection::new("bench", Policy::default(), planner, recorder, Box::new(Nowhere), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let spent = runtime.block_on(async {
        let (orders, control) = mpsc::channel(1);
        let (before, began) = (cpu(), std::time::Instant::now());
        let running = tokio::spawn(connection.run(control));
        heard.enough.notified().await;
        let spent = (cpu().saturating_sub(before), began.elapsed());
        orders.send(Control::Stop).await.unwrap();
        running.await.unwrap();
        spent
    });
    broker.join().unwrap();
    let each = |time: Duration| time.as_secs_f64() * 1e9 / count as f64;
    (each(spent.0), each(spent.1))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let few = std::env::var("HANGUP_BENCH_QUICK").is_ok();
    println!("{:<8} {:<8} {:>12} {:>12}", "version", "manner", "CPU ns", "clock ns");
    for (manner, count) in [(Manner::Flood, 2_000_000), (Manner::Trickle, 100_000)] {
        for version in [Version::V311, Version::V5] {
            let runs: Vec<_> = (0..if few { 3 } else { 7 }).map(|_| run(version, manner, count)).collect();
            let name = if manner == Manner::Flood { "flood" } else { "trickle" };
            let spent = median(runs.iter().map(|run| run.0).collect());
            let passed = median(runs.iter().map(|run| run.1).collect());
            println!("{:<8} {name:<8} {spent:>12.0} {passed:>12.0}", version.as_str());
        }
    }
}
