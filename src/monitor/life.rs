//! The life of a watched connection: turns what the program tells into the events of the recorder, in their right order.
//! Never lets a call that comes at the wrong time break the pairing: it adds what must have happened before.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Settings;
use crate::clock::{self, Now};
use crate::connection::ending::{EndedBy, Ending};
use crate::connection::error::ErrorName;
use crate::connection::limits::SILENCE;
use crate::connection::packet::{Inbound, Outbound, Publish};
use crate::connection::plan::Version;
use crate::connection::traffic::Traffic;
use crate::connection::{Failure, Phase, Tier};
use crate::diagnosis::{EventKind, Verdict, desk, gather};
use crate::host::Timeline;
use crate::lifecycle::board::{ConnectionStatus, SharedHistory};
use crate::lifecycle::export::Export;
use crate::lifecycle::history::Session;
use crate::lifecycle::observer::{Fact, Observer};
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::{CloseCause, Event};
use crate::telemetry::{ConnectionLabels, FindingGauges, Metrics};

/// Where the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Away,
    Connecting,
    InSession,
}

/// No packet of MQTT is larger: whatever a program says, no more memory is taken to say it.
const LARGEST_PACKET: usize = 256 * 1024 * 1024;

/// One watched connection.
pub(super) struct Life {
    settings: Settings,
    recorder: Recorder,
    status: Arc<Mutex<ConnectionStatus>>,
    stage: Stage,
    /// Attempts since the last session.
    attempts: u32,
    traffic: Traffic,
    gauges: FindingGauges,
    started: Now,
}

/// Drops with their first verdicts that the program has not been told of yet. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Untold(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// The drop whose first verdict is to come.
    last: Option<Arc<Session>>,
    explained: VecDeque<(Arc<Session>, Verdict)>,
}

impl Life {
    /// Nothing has happened yet.
    pub(super) fn new(settings: Settings, metrics: &Metrics, untold: &Untold) -> Self {
        let labels = ConnectionLabels {
            connection: settings.name.clone(),
            broker: settings.broker.clone(),
            protocol: settings.protocol,
            transport: settings.transport.clone(),
            source: "library",
            proxied: false,
            signs_in: true,
        };
        let now = clock::now();
        let status = ConnectionStatus::new(&*settings.name, labels.source, labels.transport.as_str(), now);
        let status = Arc::new(Mutex::new(status));
        let handles = metrics.connection(&labels);
        let gauges = handles.findings();
        let recorder = Recorder::new(handles, Arc::clone(&status)).heard_by(Box::new(untold.clone()));
        let traffic = Traffic::new(&settings.client_id, Version::V311, SILENCE, now.at);
        Self { settings, recorder, status, stage: Stage::Away, attempts: 0, traffic, gauges, started: now }
    }

    pub(super) fn name(&self) -> String {
        self.settings.name.clone()
    }

    pub(super) fn in_session(&self) -> bool {
        self.stage == Stage::InSession
    }

    pub(super) fn connecting(&mut self) {
        let now = clock::now();
        match self.stage {
            Stage::Connecting => {}
            Stage::InSession => {
                // A client that connects anew while its session lives has ended it.
                self.end(CloseCause::DeepReconnect, now);
                self.begin_attempt(now);
            }
            Stage::Away => self.begin_attempt(now),
        }
    }

    pub(super) fn connected(&mut self, session_present: bool) {
        self.connecting();
        let now = clock::now();
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.traffic = Traffic::new(&self.settings.client_id, Version::V311, SILENCE, now.at);
        self.stage = Stage::InSession;
        let attempts = std::mem::take(&mut self.attempts);
        self.recorder.record(
            Event::Established {
                session_present,
                attempts,
                peer: nowhere,
                local: nowhere,
                subscriptions: 0,
                keep_alive: self.settings.keep_alive,
                credentials_expire: None,
                certificate_expires: None,
            },
            now,
        );
    }

    pub(super) fn subscribed(&mut self, active: usize, refused: usize) {
        if self.in_session() {
            self.recorder.record(Event::Restored { active, refused }, clock::now());
        }
    }

    pub(super) fn published(&mut self, topic: &str, bytes: usize) {
        if self.in_session() {
            let now = clock::now();
            // Only the size of the payload counts: zeroes of that length are never sent anywhere.
            let publish = Publish {
                dup: false,
                qos: 0,
                retain: false,
                id: 0,
                topic: topic.to_owned(),
                payload: vec![0; bytes.min(LARGEST_PACKET)].into(),
                properties: None,
            };
            self.traffic.sent(&Outbound::Publish(publish), now.at);
            let sent = &mut self.traffic.stats.bytes_sent;
            *sent = sent.saturating_add(bytes as u64);
            self.recorder.traffic().published(0);
        }
    }

    pub(super) fn received(&mut self, bytes: usize) {
        if self.in_session() {
            let now = clock::now();
            self.traffic.stats.messages_received += 1;
            self.traffic.stats.packets_received += 1;
            let received = &mut self.traffic.stats.bytes_received;
            *received = received.saturating_add(bytes as u64);
            self.traffic.heard(now.at);
            self.recorder.traffic().received(0, bytes, now);
        }
    }

    pub(super) fn pinged(&mut self, took: Duration) {
        if self.in_session() {
            let now = clock::now();
            self.traffic.sent(&Outbound::PingReq, now.at - took);
            self.traffic.received(&Inbound::PingResp, now.at);
            self.recorder.traffic().pinged(took, now);
        }
    }

    pub(super) fn happened(&mut self, kind: EventKind) {
        self.recorder.record(Event::Happened(kind), clock::now());
    }

    pub(super) fn broke(&mut self, failure: Failure, ended_by: EndedBy) {
        let now = clock::now();
        if self.in_session() {
            self.stage = Stage::Away;
            let ending = self.ending(failure, ended_by, now);
            self.recorder.record(Event::Dropped(Box::new(ending)), now);
            self.look(now);
        } else {
            self.connecting();
            self.stage = Stage::Away;
            self.recorder.record(Event::AttemptFailed { failure, interrupted: false }, now);
        }
    }

    pub(super) fn closed(&mut self, cause: CloseCause) {
        let now = clock::now();
        match self.stage {
            Stage::Away => {}
            Stage::Connecting => {
                self.stage = Stage::Away;
                let failure = Failure::new(
                    Phase::Shutdown,
                    ErrorName::UserRequestedStop,
                    "the program stopped connecting",
                );
                self.recorder.record(Event::AttemptFailed { failure, interrupted: true }, now);
            }
            Stage::InSession => self.end(cause, now),
        }
    }

    pub(super) fn export(&self) -> Export {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Export::of(&[status], &[], self.started, clock::now())
    }

    /// Looks for patterns, at the drops at which there is a look.
    fn look(&self, now: Now) {
        let settings = gather::Settings {
            limits: self.settings.limits.iter().map(Duration::as_secs_f64).collect(),
            utc_offset: desk::utc_offset(now.wall),
            earlier_offsets: desk::earlier_offsets(now.wall),
            ..gather::Settings::default()
        };
        let conclusion = desk::look_now(&self.history(), &Timeline::default(), &settings, now);
        self.gauges.show(&conclusion.findings);
    }

    pub(super) fn history(&self) -> SharedHistory {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).history.clone()
    }

    fn begin_attempt(&mut self, now: Now) {
        self.attempts += 1;
        self.stage = Stage::Connecting;
        self.recorder.record(Event::AttemptStarted { tier: Tier::Quick, number: self.attempts }, now);
    }

    fn end(&mut self, cause: CloseCause, now: Now) {
        self.stage = Stage::Away;
        let failure =
            Failure::new(Phase::Shutdown, ErrorName::UserRequestedStop, "the program closed the connection");
        let ending = self.ending(failure, EndedBy::Us, now);
        self.recorder.record(Event::Closed { cause, ending: Some(Box::new(ending)) }, now);
    }

    fn ending(&self, failure: Failure, ended_by: EndedBy, now: Now) -> Ending {
        let alive = match ended_by {
            EndedBy::Peer => now.at,
            EndedBy::Timeout | EndedBy::LocalError | EndedBy::Us => self.traffic.last_received,
        };
        let mut stats = self.traffic.stats.clone();
        stats.last_received = Some(self.traffic.last_received);
        stats.sends = self.traffic.sends(ended_by == EndedBy::Peer, ANSWER_TIME, now.at);
        Ending { failure, ended_by, alive, stats, tcp: None }
    }
}

/// A close this soon after a packet counts as the answer to it: nothing is known of the round trip (drop-diagnosis.md section 2).
const ANSWER_TIME: Duration = Duration::from_secs(1);

impl Untold {
    /// The oldest, once.
    pub(super) fn take(&self) -> Option<(Arc<Session>, Verdict)> {
        self.waiting().explained.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().explained.is_empty()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Untold {
    fn heard(&mut self, fact: &Fact<'_>, _now: Now) {
        let mut waiting = self.waiting();
        match fact {
            Fact::Over(session) => waiting.last = Some(Arc::clone(session)),
            Fact::Explained { session: number, verdict } => {
                if let Some(session) = waiting.last.take_if(|session| session.number == *number) {
                    waiting.explained.push_back((session, (*verdict).clone()));
                }
            }
            Fact::Attempt(_) | Fact::Began(_) | Fact::Concluded(_) | Fact::Happened(_) => {}
        }
    }
}
