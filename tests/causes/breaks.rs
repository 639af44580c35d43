//! What a single drop shows by itself or by what follows it: a frozen broker, a restart, another client.
//!
//! Never more than the drops that it takes.

use std::sync::Arc;
use std::time::Duration;

use hangup::clock;
use hangup::config::Policy;
use hangup::connection::driver::{Connection, Control};
use hangup::connection::plan::Transport;
use hangup::diagnosis::{Cause, Evidence, Rule};
use hangup::lifecycle::board::{Board, ConnectionStatus};
use hangup::lifecycle::recorder::Recorder;
use hangup::simulator::{Fault, Settings};
use hangup::source::navien::Navien;
use hangup::telemetry::{ConnectionLabels, Metrics};
use tokio::sync::mpsc;

use crate::lab::{Deaf, Lab, fast};
use crate::talk::{Account, paces};

#[tokio::test]
async fn a_broker_that_freezes_is_observed() {
    let account = Account::at(Settings::default()).await;
    let lab = Lab::start("frozen broker", 1.0, fast(), account.talking(1, paces(&[300])));
    lab.session(1).await;
    account.cloud.faults().inject(Fault::Frozen(Duration::from_secs(300)));
    lab.drops(1).await;
    let outcome = lab.end().await;
    outcome.nothing();
    let verdict = &outcome.verdicts[0];
    assert_eq!(
        (verdict.cause, verdict.evidence, verdict.rule),
        (Cause::BrokerStalled, Evidence::Observed, Rule::NotAnswered)
    );
    assert!(verdict.words.contains("acknowledged everything"), "{}", verdict.words);
    assert_eq!(outcome.counted(Cause::BrokerStalled, Evidence::Observed), 1.0);
    account.cloud.stop().await;
}

#[tokio::test]
async fn a_broker_that_restarts_is_inferred_even_right_after_a_message() {
    let account = Account::at(Settings::default()).await;
    let lab = Lab::start("broker restart", 1.0, fast(), account.talking(30, paces(&[30])));
    lab.session(1).await;
    // So long that the last message is a moment old whenever the end comes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    account.cloud.faults().inject(Fault::Down(Duration::from_millis(1_500)));
    lab.session(2).await;
    let outcome = lab.end().await;
    outcome.nothing();
    let verdict = &outcome.verdicts[0];
    assert_eq!(
        (verdict.cause, verdict.evidence, verdict.rule),
        (Cause::BrokerRestart, Evidence::Inferred, Rule::ConnectsRefused)
    );
    assert!(verdict.words.contains("the connect after it was refused"), "{}", verdict.words);
    assert_eq!(outcome.counted(Cause::BrokerRestart, Evidence::Inferred), 1.0);
    account.cloud.stop().await;
}

#[tokio::test]
async fn another_client_with_our_client_id_is_suspected() {
    let account = Account::at(Settings::default()).await;
    // AWS throws out whoever connects within a second of another with the same client id: come back later than that.
    let policy = Policy { initial_delay: Duration::from_millis(1_400), ..fast() };
    // A connection that says nothing: no close can be the answer to a message.
    let planner = account.talking(30, Arc::new(|_| Box::new(std::iter::empty())));
    let lab = Lab::start("takeover", 1.0, policy, planner);
    for takeover in 1..=3 {
        lab.session(takeover).await;
        // More than a second after our own CONNECT, and after our SUBSCRIBEs.
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        let other = Other::connects(account.navien(30, "causes"));
        lab.drops(usize::try_from(takeover).unwrap()).await;
        other.leaves().await;
    }
    lab.finds(Cause::SessionTakenOver, Evidence::Suspected, 3).await;
    let outcome = lab.end().await;
    let finding = outcome.only();
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::SessionTakenOver, None, Evidence::Suspected)
    );
    assert_eq!((finding.claim.support, finding.claim.of), (3, 3));
    let words = "The last 3 sessions ended politely within 2 min and came back at once";
    assert!(finding.words.starts_with(words), "{}", finding.words);
    assert_eq!(outcome.judged(Cause::SessionTakenOver, Evidence::Suspected), 3);
    assert!(outcome.remarks.iter().any(|remark| remark.contains("second client that nobody sees")));
    account.cloud.stop().await;
}

/// A second real client.
struct Other {
    control: mpsc::Sender<Control>,
    running: tokio::task::JoinHandle<()>,
}

impl Other {
    fn connects(account: Arc<Navien>) -> Self {
        let labels = ConnectionLabels {
            connection: "other".to_owned(),
            broker: "localhost:1".to_owned(),
            protocol: "3.1.1",
            transport: Transport::Wss,
            source: "test",
            proxied: false,
            signs_in: true,
        };
        let entry = Board::default().enter(ConnectionStatus::new("other", "test", "wss", clock::now()));
        let recorder = Recorder::new(Metrics::new().connection(&labels), entry);
        // One that is thrown out does not come back in the time of this test.
        let policy = Policy {
            initial_delay: Duration::from_secs(60),
            max_delay_network: Duration::from_secs(60),
            ..fast()
        };
        let connection = Connection::new("other", policy, account, recorder, Box::new(Deaf), 2);
        let (control, orders) = mpsc::channel(4);
        Self { control, running: tokio::spawn(connection.run(orders)) }
    }

    async fn leaves(self) {
        self.control.send(Control::Stop).await.unwrap();
        tokio::time::timeout(crate::support::PATIENCE, self.running).await.expect("it leaves").unwrap();
    }
}
