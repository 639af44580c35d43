//! Hears what a broker says of its clients, keeps the book, and tells what became of it. Pure.
//! Never answers, and never does more for one message than look up one client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::book::{Book, Fate, Told};
use super::event::{Event, Parsed, What};
use super::storm::Storm;
use super::view::{Standing, Tally, View};
use super::{aws, emqx, filters, mosquitto};
use crate::clock::{Instant, Now};
use crate::config::{Fleet, FleetKind, unshared};
use crate::connection::message::Incoming;
use crate::mapping::topic;
use crate::source::listen::Listener;
use crate::source::{Outcome, Sink};

/// Larger messages are not looked at: an event has some hundred bytes.
const LARGEST: usize = 16 * 1024;
/// How often the gauges are set while something moves, …
const TICK: Duration = Duration::from_secs(1);
/// … how often the page is told, …
const PAGE: Duration = Duration::from_secs(5);
/// … and how often clients are forgotten that nobody hears of.
const SWEEP: Duration = Duration::from_secs(3600);
/// Clients that the page shows.
const OFFENDERS: usize = 20;

/// The listener of one connection.
#[derive(Debug)]
pub struct Watch {
    settings: Fleet,
    filters: Vec<String>,
    book: Book,
    storm: Storm,
    tally: Tally,
    since: Option<SystemTime>,
    /// Something changed that the page was not told.
    stale: bool,
    next: Option<Instant>,
    page: Instant,
    sweep: Instant,
}

impl Watch {
    /// A listener that knows of no client yet.
    #[must_use]
    pub fn new(settings: &Fleet) -> Self {
        let keeps_ids = settings.show_clients;
        Self {
            filters: filters(settings).iter().map(|filter| unshared(filter).to_owned()).collect(),
            book: Book::new(settings.client_limit, keeps_ids),
            settings: settings.clone(),
            storm: Storm::default(),
            tally: Tally::default(),
            since: None,
            stale: false,
            next: None,
            page: Instant::default(),
            sweep: Instant::default(),
        }
    }

    /// How the fleet stands.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        Standing {
            clients: self.book.len(),
            connected: self.book.connected(),
            dropped_recently: self.storm.recent(),
            burst: self.storm.is_on(now),
            bursts: self.storm.told(),
        }
    }

    /// What is known of the fleet.
    #[must_use]
    pub fn view(&self, now: Now) -> View {
        View {
            at: now.wall,
            since: self.since.unwrap_or(now.wall),
            kind: self.settings.kind.as_str(),
            shows_clients: self.settings.show_clients,
            client_limit: self.settings.client_limit,
            standing: self.standing(now.at),
            tally: self.tally.clone(),
            bursts: self.storm.bursts().cloned().collect(),
            offenders: self.book.offenders(OFFENDERS, now),
        }
    }

    fn parse<'a>(&self, message: &'a Incoming) -> Parsed<'a> {
        match self.settings.kind {
            FleetKind::AwsIot => aws::parse(&message.topic, &message.payload),
            FleetKind::Emqx => emqx::parse(&message.topic, &message.payload),
            FleetKind::Mosquitto => mosquitto::parse(&message.payload),
        }
    }

    /// Keeps an event, and tells it.
    fn note(&mut self, mut event: Event<'_>, now: Now, sink: &mut dyn Sink) {
        if let Some(bare) = event.bare.take()
            && !self.book.knows(&event.client)
        {
            event.client = bare;
        }
        let key = self.book.key(&event.client);
        let told = self.book.note(key, &event, now);
        *self.tally.events.entry(told.fate).or_default() += 1;
        if told.fate != Fate::Duplicate {
            self.count(key, &event, told, now);
        }
        sink.presence(&event, told);
    }

    fn count(&mut self, key: u64, event: &Event<'_>, told: Told, now: Now) {
        match event.what {
            What::Connected => self.tally.connects += 1,
            What::Disconnected(reason, by) => {
                *self.tally.disconnects.entry((reason, by)).or_default() += 1;
                if reason.is_drop(by) {
                    self.storm.dropped(key, reason, self.book.len(), now);
                    told.lasted.into_iter().for_each(|length| self.tally.lasted(length));
                }
            }
        }
    }

    fn changes(&mut self, now: Instant) {
        self.stale = true;
        let soon = now + TICK;
        self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
    }
}

impl Listener for Watch {
    fn restored(&mut self, now: Now, sink: &mut dyn Sink) {
        self.book.listens_anew();
        self.since = Some(now.wall);
        self.changes(now.at);
        self.next = Some(now.at);
        self.due(now, sink);
    }

    fn heard(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Option<Outcome> {
        if !self.filters.iter().any(|filter| topic::fits(filter, &message.topic)) {
            return None;
        }
        // What is retained was said long ago.
        if message.retain {
            return Some(Outcome::Ignored);
        }
        let outcome = if message.payload.len() > LARGEST {
            Outcome::Oversize
        } else {
            match self.parse(message) {
                Parsed::Event(event) => {
                    self.note(event, now, sink);
                    Outcome::Decoded
                }
                Parsed::Other => return Some(Outcome::Ignored),
                Parsed::Malformed => Outcome::Malformed,
            }
        };
        if outcome != Outcome::Decoded {
            self.tally.malformed += 1;
            sink.presence_malformed();
        }
        self.changes(now.at);
        Some(outcome)
    }

    fn deadline(&self) -> Option<Instant> {
        self.next
    }

    fn due(&mut self, now: Now, sink: &mut dyn Sink) {
        if self.next.is_none_or(|next| now.at < next) {
            return;
        }
        self.storm.move_on(now.at);
        if now.at.saturating_since(self.sweep) >= SWEEP {
            self.sweep = now.at;
            self.book.forget(now.at);
        }
        sink.fleet_stands(self.standing(now.at));
        let calm = self.storm.is_calm(now.at);
        let page_due = self.stale && now.at.saturating_since(self.page) >= PAGE;
        if page_due {
            (self.page, self.stale) = (now.at, !calm);
            sink.fleet(&Arc::new(self.view(now)));
        }
        self.next = if !calm || self.stale { Some(now.at + TICK) } else { Some(now.at + SWEEP) };
    }
}
