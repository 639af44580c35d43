//! One connection that runs, and what its successor has to know of it.
//!
//! Never decides when one is replaced.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config;
use crate::connection::driver::Control;
use crate::source;

/// A connection that runs.
pub(super) struct Running {
    pub(super) config: config::Connection,
    /// Filters that a broker which keeps the session may know from configurations before.
    pub(super) former: BTreeSet<String>,
    pub(super) control: mpsc::Sender<Control>,
    pub(super) task: JoinHandle<()>,
}

impl Running {
    /// Whether it is already what this configuration wants. A task that is over, though nobody stopped it, ended by a bug:
    /// a reload gives the connection another life.
    pub(super) fn goes_on_as(&self, config: &config::Connection) -> bool {
        self.config == *config && !self.task.is_finished()
    }

    /// What a successor with this configuration has to unsubscribe from, if the broker keeps its session: whatever was ever
    /// subscribed to under its client id, for a session of the broker's may be older than the last reload.
    pub(super) fn former_for(&self, next: &config::Connection) -> BTreeSet<String> {
        let (before, after) = (&self.config.policy, &next.policy);
        if after.clean_session != Some(false)
            || after.client_id.is_none()
            || after.client_id != before.client_id
        {
            return BTreeSet::new();
        }
        let mut former = self.former.clone();
        former.extend(source::filters(&self.config));
        for wanted in source::filters(next) {
            former.remove(&wanted);
        }
        former
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Origin, load};

    fn configured(client_id: &str, clean: bool, filters: &[&str]) -> config::Connection {
        let subscribe = |filter: &&str| {
            format!(
                "[[connection.subscribe]]\nfilter = \"{filter}\"\nmetric = [{{ name = \"test_metric\" }}]\n"
            )
        };
        let subscribe: String = filters.iter().map(subscribe).collect();
        let text = format!(
            "[[connection]]\nname = \"lan\"\n[connection.source.broker]\nurl = \"mqtt://localhost\"\n{subscribe}\
             [connection.reconnect]\nclient_id = \"{client_id}\"\nclean_session = {clean}\n"
        );
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hangup.toml");
        std::fs::write(&path, text).unwrap();
        load(&Origin::File(path)).unwrap().config.connections.remove(0)
    }

    /// Runs until it is told to stop, which nobody does.
    fn running(config: config::Connection, former: BTreeSet<String>) -> Running {
        let control = mpsc::channel(1).0;
        Running { config, former, control, task: tokio::spawn(std::future::pending()) }
    }

    fn names(former: &BTreeSet<String>) -> Vec<&str> {
        former.iter().map(String::as_str).collect()
    }

    #[tokio::test]
    async fn what_any_configuration_before_had_is_given_back() {
        let first = running(configured("a", false, &["one", "two", "three"]), BTreeSet::new());
        let next = configured("a", false, &["two", "three"]);
        let former = first.former_for(&next);
        assert_eq!(names(&former), ["one"]);
        // The broker may have been away since then.
        let second = running(next, former);
        assert_eq!(names(&second.former_for(&configured("a", false, &["three"]))), ["one", "two"]);
        // What is wanted again stays.
        assert_eq!(names(&second.former_for(&configured("a", false, &["one", "two"]))), ["three"]);
    }

    #[tokio::test]
    async fn a_session_that_is_not_kept_or_is_of_another_client_knows_nothing() {
        let running = running(configured("a", false, &["one", "two"]), BTreeSet::new());
        for next in [configured("a", true, &["one"]), configured("b", false, &["one"])] {
            assert!(running.former_for(&next).is_empty());
        }
    }

    #[tokio::test]
    async fn a_connection_whose_task_is_over_does_not_go_on() {
        let config = configured("a", false, &["one"]);
        let mut running = running(config.clone(), BTreeSet::new());
        assert!(running.goes_on_as(&config) && !running.goes_on_as(&configured("a", false, &["two"])));
        running.task.abort();
        assert!((&mut running.task).await.is_err());
        assert!(!running.goes_on_as(&config));
    }
}
