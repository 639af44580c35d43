//! One connection with all that watches it, as the program assembles them; and what was concluded at its end.
//!
//! Never waits for a length of time where it can wait for an event.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hangup::clock::{self, Now};
use hangup::config::{Jitter, Policy};
use hangup::connection::driver::{Connection, Control};
use hangup::connection::plan::Transport;
use hangup::diagnosis::desk::{Desk, Options, Subject};
use hangup::diagnosis::{Cause, Evidence, Finding, Verdict};
use hangup::host::{Signal, SignalKind, Timeline};
use hangup::lifecycle::board::{Board, ConnectionStatus, SharedHistory};
use hangup::lifecycle::history::History;
use hangup::lifecycle::observer::{Fact, Observer};
use hangup::lifecycle::recorder::Recorder;
use hangup::reading::Reading;
use hangup::source::{Planner, Sink};
use hangup::telemetry::{ConnectionLabels, Metrics};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::PATIENCE;

/// Waits short and without chance, no rest after takeovers: everything else as it is by default.
pub(crate) fn fast() -> Policy {
    let millis = Duration::from_millis;
    let mut policy = Policy {
        initial_delay: millis(10),
        factor: 1.0,
        jitter: Jitter::None,
        max_delay_network: millis(1_500),
        max_delay_service: millis(1_500),
        max_delay_setup: millis(1_500),
        stable_after: Duration::ZERO,
        takeover_count: 0,
        ..Policy::default()
    };
    policy.limits.ping = Duration::from_secs(1);
    // In compressed time a silence of a tenth of a second is one.
    policy.limits.silence = millis(80);
    policy
}

/// A running connection.
pub(crate) struct Lab {
    script: &'static str,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) host: Timeline,
    history: SharedHistory,
    desk: Desk,
    looking: JoinHandle<()>,
    control: mpsc::Sender<Control>,
    running: JoinHandle<()>,
    /// Every finding that ever stood.
    ever: Arc<Mutex<Vec<Finding>>>,
}

/// What is known when all is over.
#[derive(Debug)]
pub(crate) struct Outcome {
    script: &'static str,
    /// The findings that stand.
    pub(crate) findings: Vec<Finding>,
    /// Every finding that ever stood, as it was then.
    pub(crate) ever: Vec<Finding>,
    /// What is thought of each drop, oldest first.
    pub(crate) verdicts: Vec<Verdict>,
    /// `mqtt_client_drop_causes_total` without the zeros.
    pub(crate) counted: BTreeMap<(String, String), f64>,
    /// `mqtt_client_connection_drops_total`, all of them.
    pub(crate) drops: f64,
    /// `mqtt_client_finding`, those that are up.
    pub(crate) shown: Vec<String>,
    /// What is said beside the findings.
    pub(crate) remarks: Vec<String>,
}

impl Lab {
    /// Starts it. One second of the test is `scale` seconds to the tests of the diagnosis.
    pub(crate) fn start(script: &'static str, scale: f64, policy: Policy, planner: Arc<dyn Planner>) -> Self {
        let labels = ConnectionLabels {
            connection: script.to_owned(),
            broker: "localhost:1".to_owned(),
            protocol: "3.1.1",
            transport: Transport::Wss,
            source: "test",
            proxied: false,
            signs_in: true,
        };
        let (metrics, host) = (Arc::new(Metrics::started(clock::now())), Timeline::default());
        let desk = Desk::new(host.clone(), Options { scale, ..Options::default() });
        let looking = tokio::spawn(desk.clone().run());
        let entry = Board::default().enter(ConnectionStatus::new(script, "test", "wss", clock::now()));
        let history = entry.lock().unwrap().history.clone();
        let (control, orders) = mpsc::channel(4);
        let handles = metrics.connection(&labels);
        let subject = Subject {
            history: history.clone(),
            gauges: handles.findings(),
            control: Some(control.downgrade()),
        };
        let ever = Arc::default();
        desk.tell_to(script, Box::new(Remembers(Arc::clone(&ever))));
        let recorder =
            Recorder::new(handles, entry).on_host(host.clone()).heard_by(desk.observer(script, subject));
        let connection = Connection::new(script, policy, planner, recorder, Box::new(Deaf), 1);
        let running = tokio::spawn(connection.run(orders));
        Self { script, metrics, host, history, desk, looking, control, running, ever }
    }

    /// Its name, and that of its script.
    pub(crate) fn name(&self) -> &'static str {
        self.script
    }

    /// The first answer that the history gives.
    pub(crate) async fn when<T>(&self, what: &str, ask: impl Fn(&History) -> Option<T>) -> T {
        let asked = async {
            loop {
                if let Some(answer) = self.history.read(&ask) {
                    return answer;
                }
                // Shorter than anything that a test wants to be right about.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        answered.unwrap_or_else(|_| panic!("{}: did not happen within {PATIENCE:?}: {what}", self.script))
    }

    /// Waits for so many drops.
    pub(crate) async fn drops(&self, count: usize) {
        self.when(&format!("{count} drops"), |history| (history.drops().len() >= count).then_some(())).await;
    }

    /// Waits for a session with this number to begin.
    pub(crate) async fn session(&self, number: u64) {
        let what = format!("session {number}");
        self.when(&what, |history| history.living().filter(|living| living.number >= number).map(|_| ()))
            .await;
    }

    /// Waits until this is found and rests on so many drops.
    pub(crate) async fn finds(&self, cause: Cause, evidence: Evidence, members: usize) {
        let what = format!("{cause} {evidence} from {members} drops");
        let rests = |history: &History| {
            let fits = |finding: &&Finding| {
                (finding.cause, finding.evidence) == (cause, evidence)
                    && finding.claim.members.len() >= members
            };
            history.findings().iter().find(fits).map(|_| ())
        };
        self.when(&what, rests).await;
    }

    /// Adds what the watcher would have noticed now.
    pub(crate) fn notice(&self, kind: SignalKind) {
        self.host.add(Signal { at: clock::now(), kind });
    }

    /// Stops it, lets the desk look a last time, and prints its row.
    pub(crate) async fn end(self) -> Outcome {
        self.control.send(Control::Stop).await.unwrap();
        tokio::time::timeout(PATIENCE, self.running).await.expect("it ends").expect("it does not panic");
        self.looking.abort();
        let _ = self.looking.await;
        self.desk.look_at_all(clock::now());
        let (findings, verdicts, remarks) = self.history.read(|history| {
            let verdict = |number| history.verdict(number).cloned().expect("every drop has a verdict");
            let verdicts = history.drops().map(|drop| verdict(drop.number)).collect();
            (history.findings().to_vec(), verdicts, history.remarks().to_vec())
        });
        let outcome = Outcome {
            script: self.script,
            findings,
            ever: self.ever.lock().unwrap().clone(),
            verdicts,
            counted: sums(&self.metrics, "mqtt_client_drop_causes_total", ["cause", "evidence"]),
            drops: sums(&self.metrics, "mqtt_client_connection_drops_total", ["error", "connection"])
                .values()
                .sum(),
            shown: sums(&self.metrics, "mqtt_client_finding", ["finding", "connection"])
                .into_keys()
                .map(|(finding, _)| finding)
                .collect(),
            remarks,
        };
        outcome.print();
        outcome.adds_up();
        outcome
    }
}

impl Outcome {
    /// The only finding, and the gauge that says so.
    pub(crate) fn only(&self) -> &Finding {
        let [finding] = &self.findings[..] else { panic!("{self:#?}") };
        let mut expected: Vec<String> =
            [Some(finding.cause), finding.or].into_iter().flatten().map(|cause| cause.to_string()).collect();
        let mut shown = self.shown.clone();
        expected.sort();
        shown.sort();
        assert_eq!(shown, expected, "{self:#?}");
        finding
    }

    /// Nothing was ever found.
    pub(crate) fn nothing(&self) {
        assert_eq!((&self.findings[..], &self.ever[..]), (&[][..], &[][..]), "{self:#?}");
        assert_eq!(self.shown, [""; 0]);
    }

    /// So many drops are thought to have this cause.
    pub(crate) fn judged(&self, cause: Cause, evidence: Evidence) -> usize {
        let alike = |verdict: &&Verdict| (verdict.cause, verdict.evidence) == (cause, evidence);
        self.verdicts.iter().filter(alike).count()
    }

    /// So many were counted so when they came.
    pub(crate) fn counted(&self, cause: Cause, evidence: Evidence) -> f64 {
        self.counted.get(&(cause.to_string(), evidence.to_string())).copied().unwrap_or_default()
    }

    /// Every drop has one cause on the page.
    fn adds_up(&self) {
        let verdicts = f64::from(u32::try_from(self.verdicts.len()).unwrap());
        assert_eq!((self.counted.values().sum(), verdicts), (self.drops, self.drops), "{self:#?}");
    }

    fn print(&self) {
        let row = match &self.findings[..] {
            [] => {
                let last = self.verdicts.last().map(|v| (v.cause, v.evidence, v.words.clone()));
                let nothing = self.remarks.iter().find(|remark| remark.contains("drops, no pattern"));
                match (nothing, last) {
                    (Some(nothing), _) => format!("no finding | - | - | {nothing}"),
                    (None, Some((cause, evidence, words))) => {
                        format!("verdict {cause} | {evidence} | - | {words}")
                    }
                    (None, None) => "nothing | - | - | -".to_owned(),
                }
            }
            findings => findings
                .iter()
                .map(|finding| {
                    let or = finding.or.map(|or| format!(" or {or}")).unwrap_or_default();
                    let Finding { cause, evidence, claim, words, .. } = finding;
                    format!("finding {cause}{or} | {evidence} | {} of {} | {words}", claim.support, claim.of)
                })
                .collect::<Vec<_>>()
                .join(" AND "),
        };
        eprintln!("TABLE | {} | {} drops | {row} |", self.script, self.verdicts.len());
    }
}

/// The sums of a family by two labels, without the zeros.
pub(crate) fn sums(metrics: &Metrics, family: &str, labels: [&str; 2]) -> BTreeMap<(String, String), f64> {
    let mut sums = BTreeMap::new();
    for found in metrics.registry().gather().iter().filter(|found| found.name() == family) {
        for metric in found.get_metric() {
            let label = |name: &str| {
                let pair = metric.get_label().iter().find(|pair| pair.name() == name);
                pair.map(|pair| pair.value().to_owned()).unwrap_or_default()
            };
            let value = metric.get_counter().get_value() + metric.get_gauge().get_value();
            if value > 0.0 {
                *sums.entry((label(labels[0]), label(labels[1]))).or_default() += value;
            }
        }
    }
    sums
}

/// Remembers every finding that it is told.
struct Remembers(Arc<Mutex<Vec<Finding>>>);

impl Observer for Remembers {
    fn heard(&mut self, fact: &Fact<'_>, _: Now) {
        if let Fact::Concluded(findings) = fact {
            self.0.lock().unwrap().extend(findings.iter().cloned());
        }
    }
}

/// Readings are of no interest here.
pub(crate) struct Deaf;

impl Sink for Deaf {
    fn reading(&mut self, _: &Reading<'_>) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn devices(&mut self, _: &[&str]) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: hangup::clock::Instant) {}
}
