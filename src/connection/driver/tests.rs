//! The driver with a planner that can be told what to do, and a listener that never answers.
//! Whole sessions are driven elsewhere, against the simulator.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::connection::Tier;
use crate::connection::message::{Incoming, Outgoing};
use crate::connection::plan::Transport;
use crate::lifecycle::board::{Board, ConnectionStatus};
use crate::reading::Reading;
use crate::source::{Outcome, Want};
use crate::telemetry::{ConnectionLabels, Metrics};

/// Longer than anything here takes: a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the first plan does; later ones lead to `port`.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Works,
    Panics,
    Hangs,
}

/// A source of which only the first answer matters.
struct Source {
    first: First,
    port: u16,
    asked: AtomicUsize,
    planned: Notify,
}

impl Planner for Source {
    fn plan(self: Arc<Self>, _tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        let first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            match if first { self.first } else { First::Works } {
                First::Works => {}
                First::Panics => panic!("a planner that met something unheard of"),
                First::Hangs => std::future::pending().await,
            }
            self.planned.notify_one();
            let planned = Planned { plan: plan(self.port), dialogue: Box::new(Mute) };
            Answer { result: Ok(planned), credentials: Vec::new() }
        }
        .boxed()
    }

    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        async { Answer { result: Ok(Inventory::default()), credentials: Vec::new() } }.boxed()
    }
}

fn plan(port: u16) -> Plan {
    Plan {
        keep_alive: Duration::from_secs(30),
        max_packet_size: 65_536,
        max_outgoing_size: 65_536,
        ..Plan::to("127.0.0.1", port, Transport::Tcp, "test")
    }
}

/// A dialogue that is never spoken to, for its session never begins.
struct Mute;

impl Dialogue for Mute {
    fn restored(&mut self, _: Now, _: &mut dyn Sink) {}
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn due(&mut self, _: Now, _: &mut dyn Sink, _: &mut Vec<Want>) {}
    fn heard(&mut self, _: &Incoming, _: Now, _: &mut dyn Sink) -> Outcome {
        Outcome::Ignored
    }
    fn inventory(&mut self, _: Option<&Inventory>, _: Now, _: &mut dyn Sink) {}
    fn farewell(&mut self, _: Now) -> Vec<Outgoing> {
        Vec::new()
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn reading(&mut self, _: &Reading<'_>) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn devices(&mut self, _: &[&str]) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: Instant) {}
}

fn recorder() -> Recorder {
    let labels = ConnectionLabels {
        connection: "test".to_owned(),
        broker: "127.0.0.1:1883".to_owned(),
        protocol: "3.1.1",
        transport: Transport::Tcp,
        source: "test",
        proxied: false,
        signs_in: true,
    };
    let status = ConnectionStatus::new("test", "test", "tcp", clock::now());
    Recorder::new(Metrics::new().connection(&labels), Board::default().enter(status))
}

/// Runs a connection until its planner has made a plan that leads to a silent listener, then ends it by `end`.
async fn run_until_connecting(first: First, end: impl FnOnce(mpsc::Sender<Control>)) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = Arc::new(Source { first, port, asked: AtomicUsize::new(0), planned: Notify::new() });
    let policy = Policy { credentials_limit: Duration::from_millis(100), ..Policy::default() };
    let planner: Arc<dyn Planner> = Arc::clone(&source) as Arc<dyn Planner>;
    let connection = Connection::new("test", policy, planner, recorder(), Box::new(Nowhere), 1);
    let (orders, control) = mpsc::channel(1);
    let running = tokio::spawn(connection.run(control));
    timeout(PATIENCE, source.planned.notified()).await.expect("a plan is made");
    end(orders);
    timeout(PATIENCE, running).await.expect("the connection ends").expect("it does not panic");
    source.asked.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_stop_while_connecting_ends_the_run() {
    let asked = run_until_connecting(First::Works, |orders| orders.try_send(Control::Stop).unwrap()).await;
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_reload_ends_the_run_too() {
    run_until_connecting(First::Works, |orders| orders.try_send(Control::Reload).unwrap()).await;
}

#[tokio::test]
async fn without_anybody_to_give_orders_the_run_ends() {
    run_until_connecting(First::Works, drop).await;
}

#[tokio::test]
async fn a_planner_that_panics_is_asked_again() {
    assert_eq!(run_until_connecting(First::Panics, drop).await, 2);
}

#[tokio::test]
async fn a_planner_that_hangs_is_given_up_and_asked_again() {
    assert_eq!(run_until_connecting(First::Hangs, drop).await, 2);
}
