//! What the system tells by itself: changes of the network by netlink, and that the clock was set.
//!
//! Never an error: a part that cannot be opened, or breaks, is said once and then tells nothing any more.

use super::SignalKind;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use tracing::{debug, info};

    use super::SignalKind;
    use crate::host::alarm::Alarm;
    use crate::host::netlink::Netlink;
    use crate::host::netlink::message::Change;
    use crate::host::network::Network;

    /// The sources that are open.
    #[derive(Debug)]
    pub(in crate::host) struct System {
        netlink: Option<Netlink>,
        network: Network,
        alarm: Option<Alarm>,
    }

    /// What woke.
    enum Woken {
        Told(io::Result<Vec<Change>>),
        Rang(io::Result<()>),
    }

    impl System {
        /// Opens what can be opened.
        pub(in crate::host) fn open() -> Self {
            let alarm = Alarm::set().inspect_err(|error| {
                debug!(%error, "no alarm when the clock is set: it is compared every few seconds");
            });
            let mut network = Network::default();
            let question = network.list();
            let netlink = Netlink::open().and_then(|netlink| netlink.ask(question).map(|()| netlink));
            Self { netlink: netlink.map_err(|error| unknown(&error)).ok(), network, alarm: alarm.ok() }
        }

        /// Whether changes of the network are told.
        pub(in crate::host) const fn tells_network(&self) -> bool {
            self.netlink.is_some()
        }

        /// What happened to the network; nothing when the clock was set. Cancel safe.
        pub(in crate::host) async fn next(&mut self) -> Vec<SignalKind> {
            let woken = tokio::select! {
                told = told(self.netlink.as_ref()) => Woken::Told(told),
                rang = rang(self.alarm.as_ref()) => Woken::Rang(rang),
            };
            match woken {
                Woken::Told(Ok(changes)) => self.hear(changes),
                Woken::Told(Err(error)) => {
                    unknown(&error);
                    self.netlink = None;
                    Vec::new()
                }
                Woken::Rang(rang) => {
                    if rang.is_err() {
                        self.alarm = None;
                    }
                    Vec::new()
                }
            }
        }

        /// Asks again for what may have been missed. To be called now and then.
        pub(in crate::host) fn catch_up(&mut self) {
            if let Some(question) = self.network.list_if_stale() {
                self.ask(question);
            }
        }

        fn hear(&mut self, changes: Vec<Change>) -> Vec<SignalKind> {
            let mut signals = Vec::new();
            for change in changes {
                let outcome = self.network.hear(change);
                signals.extend(outcome.signals);
                if let Some(question) = outcome.ask {
                    self.ask(question);
                }
            }
            signals
        }

        fn ask(&mut self, question: (u16, u32)) {
            if let Some(error) = self.netlink.as_ref().and_then(|netlink| netlink.ask(question).err()) {
                debug!(%error, "the list of links or addresses could not be asked for");
                // A question that did not leave is one that was refused.
                let _ = self.network.hear(Change::Refused(question.1));
            }
        }
    }

    fn unknown(error: &io::Error) {
        info!(%error, "the system does not tell of links, addresses and routes: changes of the network are unknown");
    }

    async fn told(netlink: Option<&Netlink>) -> io::Result<Vec<Change>> {
        match netlink {
            Some(netlink) => netlink.next().await,
            None => std::future::pending().await,
        }
    }

    async fn rang(alarm: Option<&Alarm>) -> io::Result<()> {
        match alarm {
            Some(alarm) => alarm.rings().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::System;

/// Tells nothing: only Linux is known.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct System;

#[cfg(not(target_os = "linux"))]
impl System {
    pub(super) fn open() -> Self {
        tracing::info!("changes of links, addresses and routes are unknown on this system");
        Self
    }

    pub(super) const fn tells_network(&self) -> bool {
        false
    }

    pub(super) async fn next(&mut self) -> Vec<SignalKind> {
        std::future::pending().await
    }

    pub(super) fn catch_up(&mut self) {}
}
