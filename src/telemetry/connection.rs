//! The lifecycle metrics of one connection: bound handles, one function per fact.
//! Used by the recorder only, which decides what a fact is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::closed::Counters;
use super::labels::cut;
use super::metrics::Families;
use super::values::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec};
use super::{ConnectionLabels, Traffic};
use crate::clock::{Now, unix_seconds};
use crate::connection::ending::PhaseTime;
use crate::connection::error::ErrorName;
use crate::connection::{Phase, Tier};
use crate::diagnosis::{Cause, Evidence, Finding};
use crate::lifecycle::{CloseCause, CredentialEvent, CredentialKind, StateName};

/// The lifecycle metrics of one connection. Used by the recorder only.
#[derive(Debug)]
pub struct ConnectionMetrics {
    traffic: Traffic,
    connected: Gauge,
    states: Vec<(StateName, Gauge)>,
    last_connect: Gauge,
    last_disconnect: Gauge,
    last_session_duration: Gauge,
    quick_attempts: IntCounter,
    deep_attempts: IntCounter,
    connect_failures: Counters<(Phase, ErrorName)>,
    consecutive_failures: Gauge,
    reconnect_delay: Gauge,
    phases: Vec<(Phase, Histogram)>,
    fresh_sessions: IntCounter,
    remembered_sessions: IntCounter,
    drops: Counters<ErrorName>,
    drop_causes: Counters<(Cause, Evidence)>,
    path_suspect: Gauge,
    findings: FindingGauges,
    closes: Counters<&'static str>,
    reconnect_attempts: Histogram,
    session_duration: Histogram,
    outage_duration: Histogram,
    ping_timeouts: IntCounter,
    keepalive: Gauge,
    subscriptions: Gauge,
    subscriptions_active: Gauge,
    subscriptions_restored: IntCounter,
    subscribe_failures: Counters<ErrorName>,
    credential_refreshes: Counters<&'static str>,
    credential_failures: Counters<(&'static str, ErrorName)>,
    credential_expiry: Gauge,
    certificate_expiry: Gauge,
}

/// Which findings stand at one connection: a gauge for each cause that can be found. Clones share them.
#[derive(Clone, Debug)]
pub struct FindingGauges(Arc<[(Cause, Gauge)]>);

impl FindingGauges {
    /// These stand now, and no others. Where two causes fit, both do.
    pub fn show(&self, standing: &[Finding]) {
        for (cause, gauge) in &*self.0 {
            let stands = standing.iter().any(|finding| finding.cause == *cause || finding.or == Some(*cause));
            gauge.set(if stands { 1.0 } else { 0.0 });
        }
    }
}

/// What a new session tells the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub(crate) session_present: bool,
    pub(crate) subscriptions: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) credentials_expire: Option<SystemTime>,
    pub(crate) certificate_expires: Option<SystemTime>,
}

impl ConnectionMetrics {
    pub(super) fn new(families: &Families, labels: &ConnectionLabels, started: Now) -> Self {
        let name = cut(&labels.connection);
        let info = [name, cut(&labels.broker), labels.protocol, labels.transport.as_str(), labels.source];
        // A reload may have changed what the connection leads to: two info series would spoil every join.
        families.connection_info.forget(&[name]);
        families.connection_info.with_label_values(&info).set(1.0);
        let gauge = |family: &GaugeVec| family.with_label_values(&[name]);
        let optional = |family: &GaugeVec| family.absent(&[name]);
        let histogram = |family: &HistogramVec| family.with_label_values(&[name]);
        let counter = |family: &IntCounterVec| family.with_label_values(&[name]);
        let connect_errors =
            labels.phases().flat_map(|phase| labels.connect_errors(phase).map(move |error| (phase, error)));
        let kinds = [CredentialKind::Refresh, CredentialKind::SignIn].map(CredentialKind::as_str);
        let kinds = kinds.into_iter().filter(|_| labels.signs_in);
        let credential_errors = kinds
            .clone()
            .flat_map(|kind| labels.connect_errors(Phase::Credentials).map(move |error| (kind, error)));
        let metrics = Self {
            traffic: Traffic::new(families, name),
            connected: gauge(&families.connected),
            states: StateName::ALL
                .iter()
                .map(|state| (*state, families.state.with_label_values(&[name, state.as_str()])))
                .collect(),
            last_connect: gauge(&families.last_connect),
            last_disconnect: gauge(&families.last_disconnect),
            last_session_duration: optional(&families.last_session_duration),
            quick_attempts: families.connect_attempts.with_label_values(&[name, Tier::Quick.as_str()]),
            deep_attempts: families.connect_attempts.with_label_values(&[name, Tier::Deep.as_str()]),
            connect_failures: Counters::new(
                &families.connect_failures,
                name,
                connect_errors,
                |(phase, error)| vec![phase.as_str(), error.as_str()],
            ),
            consecutive_failures: gauge(&families.consecutive_failures),
            reconnect_delay: gauge(&families.reconnect_delay),
            phases: labels
                .phases()
                .map(|phase| (phase, families.phase_duration.with_label_values(&[name, phase.as_str()])))
                .collect(),
            fresh_sessions: families.sessions.with_label_values(&[name, "false"]),
            remembered_sessions: families.sessions.with_label_values(&[name, "true"]),
            drops: Counters::new(&families.drops, name, labels.drop_errors(), |error| vec![error.as_str()]),
            drop_causes: Counters::new(
                &families.drop_causes,
                name,
                Cause::VERDICTS.iter().copied(),
                |(cause, evidence)| vec![cause.as_str(), evidence.as_str()],
            ),
            path_suspect: gauge(&families.path_suspect),
            findings: FindingGauges(
                Cause::FINDINGS
                    .iter()
                    .map(|cause| (*cause, families.finding.with_label_values(&[name, cause.as_str()])))
                    .collect(),
            ),
            closes: Counters::new(
                &families.closes,
                name,
                CloseCause::ALL.iter().map(|cause| cause.as_str()),
                |cause| vec![cause],
            ),
            reconnect_attempts: histogram(&families.reconnect_attempts),
            session_duration: histogram(&families.session_duration),
            outage_duration: histogram(&families.outage_duration),
            ping_timeouts: counter(&families.ping_timeouts),
            keepalive: optional(&families.keepalive),
            subscriptions: gauge(&families.subscriptions),
            subscriptions_active: gauge(&families.subscriptions_active),
            subscriptions_restored: counter(&families.subscriptions_restored),
            subscribe_failures: Counters::new(
                &families.subscribe_failures,
                name,
                labels.subscribe_errors(),
                |error| vec![error.as_str()],
            ),
            credential_refreshes: Counters::new(&families.credential_refreshes, name, kinds, |kind| {
                vec![kind]
            }),
            credential_failures: Counters::new(
                &families.credential_failures,
                name,
                credential_errors,
                |(kind, error)| vec![kind, error.as_str()],
            ),
            credential_expiry: optional(&families.credential_expiry),
            certificate_expiry: optional(&families.certificate_expiry),
        };
        // After a reload the series is there already and knows of a real end.
        if metrics.last_disconnect.get() == 0.0 {
            metrics.last_disconnect.set(started.unix_seconds());
        }
        // A life that a reload begins has not failed yet, and may have other credentials or none.
        metrics.consecutive_failures.set(0.0);
        metrics.credential_expiry.clear();
        metrics.certificate_expiry.clear();
        metrics.state(StateName::Idle);
        metrics
    }

    /// The counters of what flows.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// It is in this state now.
    pub(crate) fn state(&self, state: StateName) {
        for (other, gauge) in &self.states {
            gauge.set(if *other == state { 1.0 } else { 0.0 });
        }
    }

    /// An attempt begins, and with it a network connection.
    pub(crate) fn attempt_started(&self, tier: Tier) {
        match tier {
            Tier::Quick => self.quick_attempts.inc(),
            Tier::Deep => self.deep_attempts.inc(),
        }
        self.traffic.network_connection_begins();
    }

    /// An attempt failed; so many did since the last session.
    pub(crate) fn attempt_failed(&self, phase: Phase, error: ErrorName, consecutive: u32) {
        self.connect_failures.add(&(phase, error), 1);
        self.consecutive_failures.set(f64::from(consecutive));
    }

    /// A phase of the connect succeeded.
    pub(crate) fn phase_finished(&self, time: PhaseTime) {
        if let Some((_, histogram)) = self.phases.iter().find(|(phase, _)| *phase == time.phase) {
            histogram.observe(time.took.as_secs_f64());
        }
    }

    /// One try to obtain credentials.
    pub(crate) fn credentials(&self, event: &CredentialEvent) {
        self.credential_refreshes.add(&event.kind.as_str(), 1);
        match event.outcome {
            Ok(Some(expiry)) => self.credential_expiry.set(unix_seconds(expiry)),
            Ok(None) => {}
            Err(error) => self.credential_failures.add(&(event.kind.as_str(), error), 1),
        }
    }

    /// CONNACK accepted.
    pub(crate) fn established(&self, accepted: Accepted, now: Now) {
        self.connected.set(1.0);
        self.last_connect.set(now.unix_seconds());
        self.traffic.heard_from_broker(now);
        if accepted.session_present { &self.remembered_sessions } else { &self.fresh_sessions }.inc();
        self.consecutive_failures.set(0.0);
        self.reconnect_delay.set(0.0);
        self.keepalive.set(accepted.keep_alive.as_secs_f64());
        self.subscriptions.set(count(accepted.subscriptions));
        self.subscriptions_active.set(0.0);
        if let Some(expiry) = accepted.credentials_expire {
            self.credential_expiry.set(unix_seconds(expiry));
        }
        match accepted.certificate_expires {
            Some(expiry) => self.certificate_expiry.set(unix_seconds(expiry)),
            None => self.certificate_expiry.clear(),
        }
    }

    /// A session follows a drop: the outage is over.
    pub(crate) fn outage_over(&self, lasted: Duration, attempts: u32) {
        self.outage_duration.observe(lasted.as_secs_f64());
        self.reconnect_attempts.observe(f64::from(attempts));
    }

    /// The subscriptions are acknowledged, or refused.
    pub(crate) fn restored(&self, active: usize, refused: usize, now: Now) {
        self.traffic.heard_from_broker(now);
        self.subscriptions_active.set(count(active));
        self.subscriptions_restored.inc_by(active as u64);
        self.subscribe_failures.add(&ErrorName::SubscribeFailure, refused as u64);
    }

    /// A session ended and we did not ask for it.
    pub(crate) fn dropped(&self, phase: Phase, error: ErrorName, lasted: Option<Duration>, now: Now) {
        self.drops.add(&error, 1);
        if phase == Phase::Subscribe {
            self.subscribe_failures.add(&error, 1);
        }
        if let Some(lasted) = lasted {
            self.session_duration.observe(lasted.as_secs_f64());
            self.last_session_duration.set(lasted.as_secs_f64());
        }
        self.session_over(now);
    }

    /// The verdict on a drop is final.
    pub(crate) fn explained(&self, cause: Cause, evidence: Evidence) {
        self.drop_causes.add(&(cause, evidence), 1);
    }

    /// The gauges of the findings, which are not the recorder's to set.
    #[must_use]
    pub fn findings(&self) -> FindingGauges {
        self.findings.clone()
    }

    /// The kernel waits in vain for the broker's machine, or it does not.
    pub(crate) fn path_suspect(&self, suspect: bool) {
        self.path_suspect.set(if suspect { 1.0 } else { 0.0 });
    }

    /// The session ended because a PINGRESP did not come.
    pub(crate) fn ping_timed_out(&self) {
        self.ping_timeouts.inc();
    }

    /// We ended a session.
    pub(crate) fn closed(&self, cause: CloseCause, now: Now) {
        self.closes.add(&cause.as_str(), 1);
        self.session_over(now);
    }

    /// The next attempt comes after this wait.
    pub(crate) fn waiting(&self, delay: Duration) {
        self.reconnect_delay.set(delay.as_secs_f64());
    }

    /// There is no session, and no more will come.
    pub(crate) fn disconnected(&self) {
        self.connected.set(0.0);
        self.subscriptions_active.set(0.0);
        self.keepalive.clear();
        self.traffic.network_connection_ended();
    }

    fn session_over(&self, now: Now) {
        self.path_suspect(false);
        self.disconnected();
        self.last_disconnect.set(now.unix_seconds());
    }
}

#[expect(clippy::cast_precision_loss, reason = "subscriptions are few")]
fn count(number: usize) -> f64 {
    number as f64
}
