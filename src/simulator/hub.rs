//! Where sockets and the world meet: one lock, one clock, and an inbox for each connection.
//!
//! Never decides anything: the world does.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rumqttc::mqttbytes::v4::Packet;
use tokio::sync::{Notify, mpsc, watch};

use super::broker::ConnectionId;
use super::faults::Ending;
use super::world::{Output, World};
use crate::clock::{self, Instant, Now};

/// What a connection's task is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Send a packet.
    Packet(Packet),
    /// Send these bytes in a binary frame.
    Raw(Bytes),
    /// Send a text frame.
    Text,
    /// End like this. Nothing follows.
    End(Ending),
}

struct Inner {
    world: World,
    inboxes: BTreeMap<ConnectionId, mpsc::UnboundedSender<Order>>,
}

/// The meeting place.
pub(super) struct Hub {
    inner: Mutex<Inner>,
    changed: Notify,
    deaf_until: watch::Sender<Instant>,
}

impl Hub {
    pub(super) fn new(world: World) -> Self {
        let inner = Inner { world, inboxes: BTreeMap::new() };
        let (deaf_until, _) = watch::channel(Instant::default());
        Self { inner: Mutex::new(inner), changed: Notify::new(), deaf_until }
    }

    /// Until when nobody listens on the MQTT port.
    pub(super) fn deaf_until(&self) -> watch::Receiver<Instant> {
        self.deaf_until.subscribe()
    }

    /// Asks the world something that has no consequences for sockets.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&mut World, Now) -> T) -> T {
        question(&mut self.lock().world, clock::now())
    }

    /// Lets the world do something, and the sockets what follows from it.
    pub(super) fn act(&self, action: impl FnOnce(&mut World, Now) -> Vec<Output>) {
        let mut inner = self.lock();
        let now = clock::now();
        let outputs = action(&mut inner.world, now);
        for output in outputs {
            self.pass_on(&mut inner, output, now);
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Accepts a connection if the world does, and gives it an inbox.
    pub(super) fn admit<E>(
        &self,
        decide: impl FnOnce(&mut World, Now) -> Result<ConnectionId, E>,
    ) -> Result<(ConnectionId, mpsc::UnboundedReceiver<Order>), E> {
        let mut inner = self.lock();
        let id = decide(&mut inner.world, clock::now())?;
        let (inbox, orders) = mpsc::unbounded_channel();
        inner.inboxes.insert(id, inbox);
        drop(inner);
        self.changed.notify_one();
        Ok((id, orders))
    }

    /// A connection's task is over.
    pub(super) fn left(&self, id: ConnectionId) {
        self.act(|world, now| world.gone(id, now));
        self.lock().inboxes.remove(&id);
    }

    /// Wakes the world whenever it wants to be woken. Never returns.
    pub(super) async fn keep_time(&self) {
        loop {
            let deadline = self.ask(|world, _| world.deadline());
            tokio::select! {
                () = clock::sleep_until(deadline) => self.act(World::tick),
                () = self.changed.notified() => {}
            }
        }
    }

    fn pass_on(&self, inner: &mut Inner, output: Output, now: Now) {
        let send = |inner: &Inner, to: ConnectionId, order: Order| {
            if let Some(inbox) = inner.inboxes.get(&to) {
                // A task that has just ended no longer listens, and that is as good.
                let _ = inbox.send(order);
            }
        };
        match output {
            Output::Send { to, packet } => send(inner, to, Order::Packet(packet)),
            Output::Garbage(to, bytes) => send(inner, to, Order::Raw(bytes)),
            Output::Text(to) => send(inner, to, Order::Text),
            Output::End(to, ending) => {
                send(inner, to, Order::End(ending));
                inner.inboxes.remove(&to);
            }
            Output::StopListening(lasts) => {
                self.deaf_until.send_replace(now.at + lasts);
            }
            Output::Say(line) => tracing::info!("cloud: {line}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
