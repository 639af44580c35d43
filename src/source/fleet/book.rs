//! The clients of a broker as its words leave them: who is connected, how long sessions last, who drops most. Pure.
//! Never grows beyond its limit, and never keeps a client id unless somebody may see it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::event::{Event, LONGEST_CLIENT_ID, What};
use super::offenders::{Offender, Offenders};
use crate::clock::{Instant, Now};
use crate::lifecycle::presence::Reason;

/// AWS counts anew when a client was away for about an hour: after so long a silence a lower number is a new beginning.
const COUNTS_ANEW: Duration = Duration::from_secs(30 * 60);
/// What is left of a connection that was taken over may be told so much later.
const ECHO: Duration = Duration::from_secs(3);
/// The same when its successor is there.
const ECHO_OF_OLD: Duration = Duration::from_millis(500);
/// The last day in pieces of three hours: drops are counted in them.
const PIECES: usize = 8;
const PIECE: u64 = 3 * 3600;
/// A client that is away and was not heard of for longer is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(2 * 86_400);
/// When the book is full, one in so many makes room at once: looking for them takes a walk through all.
const MAKE_ROOM: usize = 16;
/// Numbers of the newest events of a client that are kept to know a repeated one.
const REMEMBERED: usize = 3;

/// What became of an event. The label `outcome` of `mqtt_broker_client_events_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It is news.
    New,
    /// It comes after a later one: it is counted, and the client stays as it is.
    OutOfOrder,
    /// It was told before.
    Duplicate,
    /// The book is full: it is counted, and nothing is known of its client.
    Untracked,
}

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What became of it.
    pub fate: Fate,
    /// How long the session lasted that it ends, where both of its ends were heard.
    pub lasted: Option<Duration>,
}

/// Tenths of a second on the boot clock: thirteen years of them fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(u32);

impl Tick {
    fn of(at: Instant) -> Self {
        Self(u32::try_from(at.since_boot().as_millis() / 100).unwrap_or(u32::MAX))
    }

    fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(100) * self.0.saturating_sub(earlier.0)
    }
}

/// One client, in about 100 bytes.
#[derive(Clone, Debug)]
struct Client {
    /// The number of its newest event.
    order: Option<u64>,
    /// The number of its newest connection, its low half.
    session: Option<u32>,
    /// Since when it is connected.
    since: Option<Tick>,
    /// When the broker last spoke of it.
    heard: Tick,
    /// When the broker made room for another connection of its id.
    taken_over: Option<Tick>,
    /// Drops in each piece of the last day, and which piece the newest is.
    drops: [u16; PIECES],
    piece: u32,
    /// Low halves of the numbers of its newest events.
    recent: [u32; REMEMBERED],
    /// Its shortest session that a drop ended, in milliseconds.
    shortest: u32,
    /// How often we had listened anew when it was last heard of.
    watch: u16,
    /// Its id, where it may be shown.
    id: Option<Box<str>>,
}

/// All clients that the broker spoke of.
#[derive(Debug)]
pub struct Book {
    clients: HashMap<u64, Client>,
    keys: RandomState,
    limit: usize,
    keeps_ids: bool,
    watch: u16,
    connected: usize,
    swept: Option<Instant>,
}

impl Book {
    /// An empty book for at most so many clients. The ids of clients are kept only where they may be shown.
    #[must_use]
    pub fn new(limit: usize, keeps_ids: bool) -> Self {
        let (clients, keys) = (HashMap::new(), RandomState::new());
        Self { clients, keys, limit, keeps_ids, watch: 0, connected: 0, swept: None }
    }

    /// The number that stands for a client id, in this process only.
    #[must_use]
    pub fn key(&self, id: &str) -> u64 {
        self.keys.hash_one(id)
    }

    /// Whether the broker spoke of this client.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.clients.contains_key(&self.key(id))
    }

    /// Clients in mind.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether the broker spoke of nobody yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Clients whose connect was heard, and no end of it, since we listen without a gap.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.connected
    }

    /// Whether this client is connected, if that is known.
    #[must_use]
    pub fn is_connected(&self, id: &str) -> Option<bool> {
        let client = self.clients.get(&self.key(id))?;
        if client.watch == self.watch { Some(client.since.is_some()) } else { None }
    }

    /// We listen anew: what was said meanwhile is not known.
    pub fn listens_anew(&mut self) {
        self.watch = self.watch.wrapping_add(1);
        self.connected = 0;
    }

    /// An event of this client (its [`Book::key`]), heard now.
    pub fn note(&mut self, key: u64, event: &Event<'_>, now: Now) -> Told {
        self.make_room(key, now.at);
        let untracked = Told { fate: Fate::Untracked, lasted: event.lasted };
        if !self.clients.contains_key(&key) && self.clients.len() >= self.limit {
            return untracked;
        }
        let (watch, keeps_ids) = (self.watch, self.keeps_ids);
        let client = self.clients.entry(key).or_insert_with(|| Client::new(watch, Tick::of(now.at)));
        let was = client.since.is_some() && client.watch == watch;
        if keeps_ids && client.id.is_none() {
            client.id = Some(shown(&event.client).into());
        }
        let told = client.note(event, watch, now);
        let is = client.since.is_some() && client.watch == watch;
        match (was, is) {
            (false, true) => self.connected += 1,
            (true, false) => self.connected = self.connected.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        told
    }

    /// A place for a new client, if one can be had: of those that are away, or whose end may have been missed, the ones
    /// that were not heard of for longest are forgotten.
    fn make_room(&mut self, key: u64, now: Instant) {
        if self.clients.len() < self.limit || self.clients.contains_key(&key) {
            return;
        }
        // A book that is full of connected clients is not walked through for each new one.
        if self.swept.is_some_and(|swept| now.saturating_since(swept) < Duration::from_secs(1)) {
            return;
        }
        self.swept = Some(now);
        let mut away = self.heard_last(|client| client.since.is_none() || client.watch != self.watch);
        if away.is_empty() {
            // Whoever is silent for days may be connected still, or the word of its end was lost.
            let now = Tick::of(now);
            away = self.heard_last(|client| now.since(client.heard) >= FORGOTTEN);
        }
        away.sort_unstable();
        for (_, key) in away.iter().take((self.limit / MAKE_ROOM).max(1)) {
            let gone = self.clients.remove(key);
            if gone.is_some_and(|gone| gone.since.is_some() && gone.watch == self.watch) {
                self.connected = self.connected.saturating_sub(1);
            }
        }
        if !away.is_empty() {
            self.swept = None;
        }
    }

    /// When these clients were heard of last, and their keys.
    fn heard_last(&self, which: impl Fn(&Client) -> bool) -> Vec<(Tick, u64)> {
        let clients = self.clients.iter().filter(|(_, client)| which(client));
        clients.map(|(key, client)| (client.heard, *key)).collect()
    }

    /// Forgets clients that are away and were not heard of for two days. To be called now and then.
    pub fn forget(&mut self, now: Instant) {
        let (now, watch) = (Tick::of(now), self.watch);
        self.clients.retain(|_, client| {
            let connected = client.since.is_some() && client.watch == watch;
            connected || now.since(client.heard) < FORGOTTEN
        });
        if self.clients.capacity() > 4 * self.clients.len().max(1024) {
            self.clients.shrink_to(2 * self.clients.len());
        }
    }

    /// Those that dropped most in the last day, and those with the shortest session among them; at most so many each.
    #[must_use]
    pub fn offenders(&self, most: usize, now: Now) -> Offenders {
        let piece = piece(now);
        let mut dropped: Vec<(u32, u32, u64)> = self
            .clients
            .iter()
            .map(|(key, client)| (client.drops_until(piece), client.shortest, *key))
            .filter(|(drops, _, _)| *drops > 0)
            .collect();
        let clients = dropped.len();
        if dropped.len() > most {
            let worst = |one: &(u32, u32, u64), other: &(u32, u32, u64)| {
                (other.0, one.1, one.2).cmp(&(one.0, other.1, other.2))
            };
            dropped.select_nth_unstable_by(most, worst);
            dropped.truncate(most);
        }
        dropped.sort_unstable_by(|one, other| (other.0, one.1, one.2).cmp(&(one.0, other.1, other.2)));
        let offender = |(drops, shortest, key): (u32, u32, u64)| {
            let client = self.clients.get(&key)?;
            Some(Offender {
                key,
                id: client.id.as_deref().map(str::to_owned),
                drops,
                shortest: (shortest < u32::MAX).then(|| Duration::from_millis(shortest.into())),
                connected: (client.watch == self.watch).then_some(client.since.is_some()),
                heard_ago: Tick::of(now.at).since(client.heard),
            })
        };
        Offenders { clients, worst: dropped.into_iter().filter_map(offender).collect() }
    }
}

impl Client {
    fn new(watch: u16, now: Tick) -> Self {
        Self {
            order: None,
            session: None,
            since: None,
            heard: now,
            taken_over: None,
            drops: [0; PIECES],
            piece: 0,
            recent: [u32::MAX; REMEMBERED],
            shortest: u32::MAX,
            watch,
            id: None,
        }
    }

    fn note(&mut self, event: &Event<'_>, watch: u16, now: Now) -> Told {
        let at = Tick::of(now.at);
        let fate = self.fate(event, at);
        self.remember(event.order);
        match fate {
            Fate::New => {}
            Fate::OutOfOrder => {
                self.count_drop(event, event.lasted, now);
                return Told { fate, lasted: event.lasted };
            }
            Fate::Duplicate | Fate::Untracked => return Told { fate, lasted: None },
        }
        (self.heard, self.order) = (at, event.order.or(self.order));
        let began = self.since.take().filter(|_| self.is_whole(event, watch));
        (self.watch, self.session) = (watch, event.session.map(low).or(self.session));
        let What::Disconnected(reason, _) = event.what else {
            self.since = Some(at);
            return Told { fate, lasted: None };
        };
        // The successor of what was taken over may have been told of first.
        let successor = began.filter(|began| {
            reason == Reason::DuplicateClientId && !event.takeover && at.since(*began) < ECHO
        });
        self.since = successor;
        if event.takeover {
            self.taken_over = Some(at);
        }
        let heard = began.filter(|_| successor.is_none()).map(|began| at.since(began));
        let lasted = event.lasted.or(heard);
        self.count_drop(event, lasted, now);
        Told { fate, lasted }
    }

    /// Whether the connect that was heard belongs to this end: nothing of the client was missed in between.
    fn is_whole(&self, event: &Event<'_>, watch: u16) -> bool {
        match (self.session, event.session) {
            (Some(began), Some(ends)) => began == low(ends),
            (None, _) | (_, None) => self.watch == watch,
        }
    }

    /// Whether an event is news. Where the broker numbers them, by the numbers; else only an echo is known as one.
    fn fate(&mut self, event: &Event<'_>, now: Tick) -> Fate {
        let Some(number) = event.order else {
            return if self.is_echo(event, now) { Fate::Duplicate } else { Fate::New };
        };
        let anew = now.since(self.heard) >= COUNTS_ANEW;
        // Who comes back after a long time has the numbers of the last time again.
        if anew && self.since.is_none() && event.what == What::Connected && self.order >= Some(number) {
            self.recent = [u32::MAX; REMEMBERED];
            return Fate::New;
        }
        if self.recent.contains(&low(number)) {
            return Fate::Duplicate;
        }
        match self.order {
            Some(newest) if number < newest && !anew => Fate::OutOfOrder,
            Some(_) | None => Fate::New,
        }
    }

    /// Whether this tells the end of a connection whose takeover was told already. It is told once.
    fn is_echo(&mut self, event: &Event<'_>, now: Tick) -> bool {
        if event.takeover || event.what == What::Connected {
            return false;
        }
        // Once the new connection is there, its own end would look the same.
        let within = if self.since.is_some() { ECHO_OF_OLD } else { ECHO };
        self.taken_over.take().is_some_and(|at| now.since(at) < within)
    }

    fn remember(&mut self, order: Option<u64>) {
        let Some(number) = order.map(low).filter(|number| !self.recent.contains(number)) else { return };
        self.recent.rotate_right(1);
        if let Some(newest) = self.recent.first_mut() {
            *newest = number;
        }
    }

    fn count_drop(&mut self, event: &Event<'_>, lasted: Option<Duration>, now: Now) {
        let What::Disconnected(reason, by) = event.what else { return };
        if !reason.is_drop(by) {
            return;
        }
        let newest = piece(now);
        self.turn(newest);
        if let Some(drops) = self.drops.first_mut() {
            *drops = drops.saturating_add(1);
        }
        if let Some(lasted) = lasted {
            let lasted = u32::try_from(lasted.as_millis()).unwrap_or(u32::MAX - 1);
            self.shortest = self.shortest.min(lasted);
        }
    }

    /// Moves the pieces on, so that the first is the present one.
    fn turn(&mut self, newest: u32) {
        let by = newest.saturating_sub(self.piece);
        let by = usize::try_from(by).unwrap_or(PIECES).min(PIECES);
        self.drops.rotate_right(by);
        self.drops.iter_mut().take(by).for_each(|drops| *drops = 0);
        self.piece = self.piece.max(newest);
    }

    fn drops_until(&self, newest: u32) -> u32 {
        let old = usize::try_from(newest.saturating_sub(self.piece)).unwrap_or(PIECES).min(PIECES);
        self.drops.iter().take(PIECES - old).map(|drops| u32::from(*drops)).sum()
    }
}

/// What is kept of a client id: all of it, unless it is longer than anybody would read.
fn shown(id: &str) -> &str {
    let end = (0..=LONGEST_CLIENT_ID).rev().find(|at| id.is_char_boundary(*at)).unwrap_or(0);
    id.get(..end).unwrap_or_default()
}

fn low(number: u64) -> u32 {
    // Two numbers of the last three that differ only above 2^32 do not happen by chance.
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default()
}

fn piece(now: Now) -> u32 {
    u32::try_from(now.at.since_boot().as_secs() / PIECE).unwrap_or(u32::MAX)
}
