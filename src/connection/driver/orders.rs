//! The driver's half that carries commands: from the inbox to the queue, to the network, to their fate.
//! Never sends one before the subscriptions are back, and never a second one before the first has its answer.

use tokio::sync::mpsc;

use super::Connection;
use crate::clock::{Instant, Now};
use crate::connection::order::{Fate, Order, Refusal, Verdict, Worded};
use crate::connection::queue::{End, Queue, Rules};
use crate::diagnosis::EventKind;
use crate::lifecycle::Event;
use crate::telemetry::Loss;

/// Commands that were given to this connection.
pub(super) struct Orders {
    /// `None` when nobody is left to give any.
    inbox: Option<mpsc::Receiver<Order>>,
    queue: Queue<Order>,
}

impl Orders {
    /// The next command; pending for ever when none can come. Cancel safe.
    pub(super) async fn next(orders: &mut Option<Self>) -> Order {
        let Some(Self { inbox, .. }) = orders else { return std::future::pending().await };
        if let Some(open) = inbox
            && let Some(order) = open.recv().await
        {
            return order;
        }
        *inbox = None;
        std::future::pending().await
    }

    /// How many wait for their turn.
    pub(super) fn waiting(orders: Option<&Self>) -> u64 {
        orders.map_or(0, |orders| u64::try_from(orders.queue.len()).unwrap_or(u64::MAX))
    }

    /// Whether a command waits or is under way.
    pub(super) fn any(orders: Option<&Self>) -> bool {
        orders.is_some_and(|orders| {
            orders.queue.is_busy() || orders.inbox.as_ref().is_some_and(|inbox| !inbox.is_empty())
        })
    }

    /// When something is to be done.
    pub(super) fn deadline(orders: Option<&Self>) -> Option<Instant> {
        orders?.queue.deadline()
    }
}

impl Connection {
    /// The same connection, which takes commands from this inbox.
    #[must_use]
    pub fn taking_commands(mut self, rules: Rules, inbox: mpsc::Receiver<Order>) -> Self {
        self.recorder.traffic().queue_capacity(rules.capacity);
        self.orders = Some(Orders { inbox: Some(inbox), queue: Queue::new(rules) });
        self
    }

    /// A command came. What its device cannot do is said at once, and not when the connection is back; what can be sent at
    /// once never counts as waiting.
    pub(super) fn ordered(&mut self, order: Order, now: Now) {
        let fate = order.fate.clone();
        self.enqueue(order, now);
        self.serve_orders(now);
        fate.send_if_modified(|fate| {
            let waits = *fate == Fate::Received;
            if waits {
                *fate = Fate::Queued;
            }
            waits
        });
    }

    fn enqueue(&mut self, order: Order, now: Now) {
        let Some(mut orders) = self.orders.take() else { return };
        let possible =
            self.dialogue.as_ref().map(|dialogue| dialogue.word(&order.device, &order.command, now));
        if let Some(Err(refusal)) = possible {
            self.settle(&order, Fate::Refused(refusal));
        } else {
            let (changes, since, mut ended) = (order.command.changes(), order.accepted, Vec::new());
            orders.queue.push(order, changes, since, &mut ended);
            self.all_ended(ended);
        }
        self.orders = Some(orders);
    }

    /// The subscriptions are back.
    pub(super) fn open_orders(&mut self) {
        if let Some(orders) = &mut self.orders {
            orders.queue.open();
        }
    }

    /// The session is over. An answer that came with its last packets counts.
    pub(super) fn close_orders(&mut self, now: Now) {
        let Some(mut orders) = self.orders.take() else { return };
        self.hear_verdict(&mut orders, now);
        let mut ended = Vec::new();
        orders.queue.close(&mut ended);
        self.all_ended(ended);
        self.count_waiting(&orders);
        self.orders = Some(orders);
    }

    /// The connection is over: every command that is left has its fate now.
    pub(super) fn stop_orders(&mut self) {
        let Some(mut orders) = self.orders.take() else { return };
        let mut ended = Vec::new();
        orders.queue.stop(&mut ended);
        // What came while nobody looked.
        while let Some(order) = orders.inbox.as_mut().and_then(|inbox| inbox.try_recv().ok()) {
            ended.push((order, End::Stopped));
        }
        self.all_ended(ended);
        self.count_waiting(&orders);
    }

    /// The broker acknowledged the message with this number.
    pub(super) fn taken(&mut self, number: u64) {
        if let Some(orders) = &mut self.orders {
            orders.queue.taken(|order| order.number == number);
        }
    }

    /// The broker refused the message with this number.
    pub(super) fn order_refused(&mut self, number: u64) {
        let refused =
            self.orders.as_mut().and_then(|orders| orders.queue.refused(|order| order.number == number));
        if let Some(order) = refused {
            self.settle(&order, Fate::Refused(Refusal::ByBroker));
        }
    }

    /// Takes the answer, gives up what is overdue, and sends the next command if it may go.
    pub(super) fn serve_orders(&mut self, now: Now) {
        let Some(mut orders) = self.orders.take() else { return };
        self.hear_verdict(&mut orders, now);
        let mut ended = Vec::new();
        while let Some(turn) = orders.queue.turn(now.at, &mut ended) {
            match self.send(turn.item(), now) {
                Ok(Worded { patience, rest, .. }) => {
                    turn.item().fate.send_replace(Fate::Sent);
                    orders.queue.sent(turn, now.at, patience, rest);
                    self.recorder.record(Event::Happened(EventKind::Command), now);
                }
                Err(refusal) => self.settle(&turn.give_up(), Fate::Refused(refusal)),
            }
        }
        self.all_ended(ended);
        self.count_waiting(&orders);
        self.orders = Some(orders);
    }

    /// Hands a command to the network.
    fn send(&mut self, order: &Order, now: Now) -> Result<Worded, Refusal> {
        let dialogue = self.dialogue.as_mut().ok_or(Refusal::NotConnected)?;
        let mut worded = dialogue.word(&order.device, &order.command, now)?;
        worded.message.token = order.number;
        match self.publish(worded.message.clone(), now) {
            Ok(()) => {}
            Err(Loss::Quarantined) => return Err(Refusal::Quarantined),
            Err(Loss::Refused | Loss::QueueFull | Loss::Expired) => return Err(Refusal::NotSent),
        }
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.commanded(&order.device, &order.command);
        }
        Ok(worded)
    }

    fn hear_verdict(&mut self, orders: &mut Orders, now: Now) {
        let Some(verdict) = self.dialogue.as_mut().and_then(|dialogue| dialogue.verdict()) else { return };
        let Some(order) = orders.queue.answered() else { return };
        let fate = match verdict {
            Verdict::Done => Fate::Acknowledged,
            Verdict::Failed { code, words, rest } => {
                orders.queue.rest(now.at + rest);
                Fate::Failed { code, words }
            }
        };
        self.settle(&order, fate);
    }

    fn all_ended(&mut self, ended: Vec<(Order, End)>) {
        for (order, end) in ended {
            match end {
                End::Displaced => self.recorder.traffic().lost(Loss::QueueFull),
                End::Expired => self.recorder.traffic().lost(Loss::Expired),
                End::NotConnected | End::Stopped => self.recorder.traffic().lost(Loss::Refused),
                // It was sent: no loss that we know of.
                End::Unanswered { .. } | End::Interrupted { .. } => {}
            }
            self.settle(&order, end.into());
        }
    }

    /// Its fate is known: counted, logged and told once.
    fn settle(&mut self, order: &Order, fate: Fate) {
        let (device, command) = (order.device.as_str(), order.command.name());
        self.sink.command(device, command, fate.as_str());
        tracing::info!(connection = self.name, device, command, fate = fate.as_str(), "a command: {fate}");
        order.fate.send_replace(fate);
    }

    fn count_waiting(&self, orders: &Orders) {
        self.recorder.traffic().queued(orders.queue.len());
    }
}
