//! The office where commands are handed in: which device is where, and what became of each command.
//!
//! Never waits for a connection: what it cannot pass on at once it refuses.

mod fields;
mod ledger;
mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use crate::clock::Now;
use crate::config;
use crate::connection::order::{Fate, Order, Refusal};
use crate::connection::queue::Rules;
use crate::source::Command;

pub use fields::{Fields, ReadError, read};
use ledger::Ledger;
pub use ledger::Ticket;
pub use token::{Admission, LEAST as LEAST_TOKEN};

/// A connection looks at what is handed to it at once: more than this only waits when it is stuck.
const INBOX: usize = 1024;
/// An id that somebody gives fits into so many characters.
const LONGEST_ID: usize = 64;

/// The office. Shared by the pages and the connections.
#[derive(Debug)]
pub struct Office {
    settings: config::Commands,
    token: token::Guard,
    state: Mutex<State>,
    numbers: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    connections: BTreeMap<String, Counter>,
    ledger: Ledger,
}

/// Where commands for one connection are handed in.
#[derive(Debug)]
struct Counter {
    source: &'static str,
    inbox: mpsc::Sender<Order>,
    /// `None` until the connection was up for the first time.
    devices: Option<BTreeSet<String>>,
}

/// A command as somebody hands it in.
#[derive(Debug)]
pub struct Request<'r> {
    /// The label of the device.
    pub device: &'r str,
    /// The connection, if it was named.
    pub connection: Option<&'r str>,
    /// The fields of the JSON object without `id`.
    pub fields: &'r Fields,
    /// The sender's own id for it, if there is one.
    pub id: Option<&'r str>,
}

/// Why a command was not even given to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is wrong in form; a sentence that shows what is right.
    Wrong(String),
    /// No connection has such a device; a sentence that names those that there are.
    NoSuchDevice(String),
    /// Not every connection has told its devices yet.
    DevicesUnknown,
    /// Several connections have a device of this name.
    Ambiguous(Vec<String>),
    /// The id belongs to another command.
    IdTaken,
    /// Too many commands have no fate yet.
    TooMany,
}

/// What handing in came to.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The slip that tells what becomes of it.
    pub ticket: Ticket,
    /// It was handed in before, by its id.
    pub again: bool,
}

impl Office {
    /// An office with these settings; closed without a token file.
    #[must_use]
    pub fn new(settings: config::Commands) -> Self {
        Self { settings, token: token::Guard::default(), state: Mutex::default(), numbers: AtomicU64::new(1) }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &config::Commands {
        &self.settings
    }

    /// Whether it is open at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.settings.token_file.is_some()
    }

    /// Says in the log whether commands are taken, if they should be.
    pub fn announce(&self, now: Now) {
        if let Some(file) = &self.settings.token_file
            && self.token.examine(file, now)
        {
            tracing::info!("commands to devices are taken from who shows the token");
        }
    }

    /// What may wait in a connection, and for how long.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let config::Commands { queue, age_limit, queue_changes, .. } = self.settings;
        Rules { capacity: queue, age_limit, queue_changes }
    }

    /// Whether whoever shows this header may hand in commands. The token file is read anew.
    #[must_use]
    pub fn admit(&self, authorization: Option<&[u8]>, now: Now) -> Admission {
        match &self.settings.token_file {
            Some(file) => self.token.admit(file, authorization, now),
            None => Admission::Closed,
        }
    }

    /// A connection takes commands from now on, from what is returned; a predecessor of this name does not any more.
    pub fn enter(&self, connection: &str, source: &'static str) -> mpsc::Receiver<Order> {
        let (inbox, orders) = mpsc::channel(INBOX);
        self.lock().connections.insert(connection.to_owned(), Counter { source, inbox, devices: None });
        orders
    }

    /// A connection is no more.
    pub fn leave(&self, connection: &str) {
        self.lock().connections.remove(connection);
    }

    /// The devices of a connection.
    pub fn devices(&self, connection: &str, devices: &[&str]) {
        if let Some(counter) = self.lock().connections.get_mut(connection) {
            counter.devices = Some(devices.iter().map(|device| (*device).to_owned()).collect());
        }
    }

    /// Hands a command in.
    ///
    /// # Errors
    /// When it goes to no connection. What a connection makes of it is told by the ticket.
    pub fn submit(&self, request: &Request<'_>, now: Now) -> Result<Accepted, Fault> {
        if let Some(id) = request.id
            && !is_id(id)
        {
            let rule = format!("an id is 1 to {LONGEST_ID} of a-z, A-Z, 0-9, `_`, `-`, `.` and `:`");
            return Err(Fault::Wrong(rule));
        }
        let mut state = self.lock();
        let connection = state.place_of(request)?;
        let counter = state.connections.get(&connection).ok_or(Fault::DevicesUnknown)?;
        let (source, inbox) = (counter.source, counter.inbox.clone());
        let command = Command::read(source, request.fields).map_err(Fault::Wrong)?;
        if let Some(before) = request.id.and_then(|id| state.ledger.find(id, now.at)) {
            let same = before.device == request.device && before.connection == connection;
            if !same || before.command != command {
                return Err(Fault::IdTaken);
            }
            if !before.may_be_tried_again() {
                return Ok(Accepted { ticket: before, again: true });
            }
            state.ledger.forget(&before.id);
        }
        let (fate, told) = watch::channel(Fate::Received);
        let ticket = Ticket {
            id: request.id.map_or_else(new_id, str::to_owned),
            device: request.device.to_owned(),
            connection,
            command,
            accepted: now,
            fate: told,
        };
        let order = Order {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            device: ticket.device.clone(),
            command,
            accepted: now.at,
            fate,
        };
        if !state.ledger.add(ticket.clone(), now.at) {
            return Err(Fault::TooMany);
        }
        drop(state);
        if let Err(refused) = inbox.try_send(order) {
            let (order, refusal) = match refused {
                TrySendError::Full(order) => (order, Refusal::QueueFull),
                TrySendError::Closed(order) => (order, Refusal::Stopping),
            };
            order.fate.send_replace(Fate::Refused(refusal));
        }
        Ok(Accepted { ticket, again: false })
    }

    /// The ticket with this id, while it is kept.
    #[must_use]
    pub fn ticket(&self, id: &str, now: Now) -> Option<Ticket> {
        self.lock().ledger.find(id, now.at)
    }

    /// A poisoned lock still holds usable books.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The connection of a device.
    fn place_of(&self, request: &Request<'_>) -> Result<String, Fault> {
        let named = |name: &String| request.connection.is_none_or(|wanted| wanted == name.as_str());
        let asked: Vec<_> = self.connections.iter().filter(|(name, _)| named(name)).collect();
        let has =
            |counter: &Counter| counter.devices.as_ref().is_some_and(|all| all.contains(request.device));
        let found: Vec<_> = asked.iter().filter(|(_, counter)| has(counter)).map(|(name, _)| *name).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] if asked.is_empty() => Err(Fault::NoSuchDevice(no_such("connection", &self.names()))),
            [] if asked.iter().any(|(_, counter)| counter.devices.is_none()) => Err(Fault::DevicesUnknown),
            [] => {
                let devices = asked.iter().filter_map(|(_, counter)| counter.devices.as_ref()).flatten();
                Err(Fault::NoSuchDevice(no_such("device", &devices.cloned().collect::<Vec<_>>())))
            }
            several => Err(Fault::Ambiguous(several.iter().map(|name| (*name).clone()).collect())),
        }
    }

    fn names(&self) -> Vec<String> {
        self.connections.keys().cloned().collect()
    }
}

fn no_such(what: &str, there_are: &[String]) -> String {
    if there_are.is_empty() {
        return format!("there is no such {what}, and no other");
    }
    format!("there is no such {what}; there are: {}", there_are.join(", "))
}

fn is_id(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    !text.is_empty() && text.len() <= LONGEST_ID && text.chars().all(fits)
}

/// Not to be guessed and not to be met again.
fn new_id() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// Tells the office what devices a connection has.
#[derive(Clone, Debug)]
pub struct Directory {
    office: Arc<Office>,
    connection: String,
}

impl Directory {
    /// For the connection of this name.
    #[must_use]
    pub fn new(office: Arc<Office>, connection: &str) -> Self {
        Self { office, connection: connection.to_owned() }
    }

    /// These are its devices.
    pub fn list(&self, devices: &[&str]) {
        self.office.devices(&self.connection, devices);
    }
}

#[cfg(test)]
mod tests;
