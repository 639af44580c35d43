//! One heater in the conversation: its questions, whether it is there, and the meaning of what it says.
//!
//! Never concludes anything about the session; that takes all heaters of the account. Pure.

use std::time::Duration;

use super::ask::Ask;
use super::{Manner, Memories};
use crate::clock::Instant;
use crate::source::Sink;
use crate::source::navien::decode::{self, Writer, energy::Day, truth};
use crate::source::navien::devices::Entry;
use crate::source::navien::quantities;
use crate::source::navien::requests::Kind;
use crate::source::navien::wire::Content;

pub(super) struct Heater {
    pub(super) entry: Entry,
    pub(super) label: String,
    pub(super) asks: Vec<Ask>,
    pub(super) announced: bool,
    /// When its conversation starts: heaters of one account begin one after the other.
    pub(super) starts: Instant,
    /// It neither answers nor does the cloud see it.
    asleep: bool,
    heard: Option<Instant>,
}

impl Heater {
    pub(super) fn new(entry: Entry, label: String) -> Self {
        Self {
            entry,
            label,
            asks: Vec::new(),
            announced: false,
            starts: Instant::default(),
            asleep: false,
            heard: None,
        }
    }

    /// The conversation begins at `starts`; `jitter` (0 to 1) spreads the less urgent questions.
    pub(super) fn begin(&mut self, starts: Instant, manner: &Manner, jitter: f64, sink: &mut dyn Sink) {
        let later = |seconds: f64| starts + Duration::from_secs_f64(seconds * (1.0 + jitter));
        self.starts = starts;
        self.announced = false;
        self.asks = vec![
            Ask::new(Kind::Features, manner.features_interval, starts),
            Ask::new(Kind::Status, manner.status_interval, starts),
            Ask::new(Kind::Energy, manner.energy_interval, later(5.0)),
        ];
        if manner.diagnostic {
            self.asks.push(Ask::new(Kind::Diagnostics, manner.features_interval, later(10.0)));
        }
        sink.expected_interval(&self.label, manner.status_interval);
        self.told_online(self.entry.online, starts, manner, sink);
    }

    /// When this heater wants something done.
    pub(super) fn deadline(&self, manner: &Manner) -> Option<Instant> {
        if !self.announced {
            return Some(self.starts);
        }
        let awake = |ask: &&Ask| !self.asleep || ask.is_pending() || ask.kind == Kind::Status;
        self.asks.iter().filter(awake).map(|ask| ask.deadline(manner.request_limit)).min()
    }

    /// Gives up what is overdue; tells how many status questions in a row are unanswered if that changed.
    pub(super) fn give_up(&mut self, now: Instant, manner: &Manner, sink: &mut dyn Sink) -> Option<u32> {
        let mut missed = None;
        let pause = self.pause(manner);
        for ask in &mut self.asks {
            if ask.give_up(now, manner.request_limit, pause) {
                sink.request_timed_out(&self.label);
                missed = if ask.kind == Kind::Status { Some(ask.missed()) } else { missed };
            }
        }
        self.settle(now, manner);
        missed
    }

    /// The questions whose turn it is.
    pub(super) fn turns(
        &mut self,
        now: Instant,
        manner: &Manner,
        mut jitter: impl FnMut() -> f64,
    ) -> Vec<Kind> {
        let asleep = self.asleep;
        let stretch = self.pause(manner);
        self.asks
            .iter_mut()
            .filter(|ask| !asleep || ask.kind == Kind::Status)
            .filter_map(|ask| ask.take_turn(now, stretch, jitter()).then_some(ask.kind))
            .collect()
    }

    /// A question of this kind could not be put: no answer is awaited.
    pub(super) fn cannot_ask(&mut self, kind: Kind) {
        if let Some(ask) = self.asks.iter_mut().find(|ask| ask.kind == kind) {
            ask.withdraw();
        }
    }

    /// The state of the status question.
    pub(super) fn status(&mut self) -> Option<&mut Ask> {
        self.asks.iter_mut().find(|ask| ask.kind == Kind::Status)
    }

    /// It proved to be there.
    pub(super) fn seen(&mut self, now: Instant, manner: &Manner, sink: &mut dyn Sink) {
        sink.device_seen(&self.label);
        self.heard = Some(now);
        self.settle(now, manner);
    }

    /// The cloud says whether it sees it.
    pub(super) fn told_online(
        &mut self,
        online: Option<bool>,
        now: Instant,
        manner: &Manner,
        sink: &mut dyn Sink,
    ) {
        if online == Some(true) && self.entry.online != online {
            // What it did not answer while it was away is no evidence against the session.
            self.asks.iter_mut().for_each(Ask::forgive);
        }
        self.entry.online = online;
        if let Some(online) = online {
            let lifetime = manner.online_lifetime();
            let mut out = Writer { device: &self.label, sink, lifetime, diagnostic: false };
            out.put(&quantities::DEVICE_ONLINE, &[], truth(online));
        }
        self.settle(now, manner);
    }

    /// An answer of this kind to a question of ours.
    pub(super) fn answered(&mut self, kind: Kind, now: Instant, sink: &mut dyn Sink) {
        let took = self.asks.iter_mut().find(|ask| ask.kind == kind).and_then(|ask| ask.answered(now));
        if let Some(took) = took {
            sink.request_answered(&self.label, took);
        }
    }

    /// Turns what it said into readings; tells which question it answers, if any.
    pub(super) fn decode(
        &self,
        content: &Content,
        today: Option<Day>,
        memories: &mut Memories,
        manner: &Manner,
        sink: &mut dyn Sink,
    ) -> Option<Kind> {
        let memory = memories.heaters.entry(self.entry.mac.clone()).or_default();
        let recirculation = memory.feature.recirculation;
        let answers = match content {
            Content::Status(_) => Some(Kind::Status),
            Content::Features(_) => Some(Kind::Features),
            Content::Energy(_) => Some(Kind::Energy),
            Content::Diagnostics(_) => Some(Kind::Diagnostics),
            Content::Firmware(_) | Content::Presence { .. } | Content::Refusal(_) | Content::Other => None,
        };
        let mut out = Writer {
            device: &self.label,
            sink,
            lifetime: manner.lifetime(answers.unwrap_or(Kind::Features)),
            diagnostic: manner.diagnostic,
        };
        match content {
            Content::Status(object) => {
                decode::status::write(object, recirculation, &mut memory.status, &mut out);
            }
            Content::Features(object) => decode::feature::write(object, &mut memory.feature, &mut out),
            Content::Energy(object) => decode::energy::write(object, today, &mut memory.energy, &mut out),
            Content::Diagnostics(data) => decode::diagnostics::write(data, recirculation, &mut out),
            Content::Firmware(list) => decode::diagnostics::write_firmware(list, &mut out),
            Content::Presence { .. } | Content::Refusal(_) | Content::Other => {}
        }
        answers
    }

    /// The least time between two questions.
    fn pause(&self, manner: &Manner) -> Duration {
        if self.asleep { manner.look_up_interval() } else { Duration::ZERO }
    }

    /// Falls asleep when the cloud says offline and nothing was heard for two turns; wakes up otherwise.
    fn settle(&mut self, now: Instant, manner: &Manner) {
        let silent_after = manner.status_interval * 2 + manner.request_limit;
        let silent = self.heard.is_none_or(|heard| now.saturating_since(heard) > silent_after);
        let asleep = self.entry.online == Some(false) && silent;
        if self.asleep && !asleep {
            for ask in &mut self.asks {
                ask.not_after(now);
            }
        } else if asleep && !self.asleep && self.announced {
            for ask in &mut self.asks {
                ask.not_before(now + manner.look_up_interval());
            }
        }
        self.asleep = asleep;
    }
}
