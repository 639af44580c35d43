//! Watches this machine: one task for the whole process.
//!
//! Never fails: what the system forbids is said once and stays unknown. Never logs an address or the name of an interface.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::{debug, info, warn};

use super::resolver::Resolver;
use super::system::System;
use super::{Signal, SignalKind, Timeline, clocks};
use crate::clock::{self, Instant, Now, Readings};
use crate::telemetry::ExporterMetrics;

/// How often the clocks are compared when nothing rings. The sums count, so that seconds are soon enough; and it is the
/// longest time after which a sleep is noticed where no alarm tells of it.
const LOOK: Duration = Duration::from_secs(5);

/// The resolver is looked at every so many times.
const LOOKS_PER_RESOLVER: u32 = 2;

/// A kind of signal is logged this often at most: a machine that starts containers changes its links all day.
const REPEATED: Duration = Duration::from_secs(60);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    back: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Begins to watch: what is noticed is added to the timeline and counted.
    #[must_use]
    pub fn start(timeline: Timeline, metrics: ExporterMetrics) -> Self {
        let back = Arc::new(Notify::new());
        let books = Books { timeline, metrics, back: Arc::clone(&back), logged: BTreeMap::new() };
        Self { back, task: tokio::spawn(watch(books)) }
    }

    /// Returns when the network came back since the last call. Cancel safe.
    pub async fn network_back(&self) {
        self.back.notified().await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(mut books: Books) {
    let mut system = System::open();
    books.unknown(system.tells_network());
    let mut resolver = Resolver::new();
    if !resolver.is_known() {
        info!("the configuration of the resolver cannot be read here: changes of it are unknown");
    }
    let mut clocks = Clocks { last: clock::readings() };
    let mut looks = 0_u32;
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut signals = Vec::new();
        let heard = tokio::select! {
            heard = system.next() => Some(heard),
            _ = ticks.tick() => None,
        };
        // First the clocks, whoever woke us: what happened to the network happened after the sleep.
        signals.extend(clocks.look());
        if let Some(heard) = heard {
            signals.extend(heard);
        } else {
            system.catch_up();
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(LOOKS_PER_RESOLVER) && resolver.changed() {
                signals.push(SignalKind::ResolverChanged);
            }
        }
        books.unknown(system.tells_network());
        books.write(signals, clock::now());
    }
}

/// The clocks at the last look.
struct Clocks {
    last: Option<Readings>,
}

impl Clocks {
    fn look(&mut self) -> Vec<SignalKind> {
        let Some(now) = clock::readings() else { return Vec::new() };
        let before = self.last.replace(now);
        before.map_or_else(Vec::new, |before| clocks::compare(&before, &now))
    }
}

/// Where it is written.
struct Books {
    timeline: Timeline,
    metrics: ExporterMetrics,
    back: Arc<Notify>,
    /// When each kind was logged last.
    logged: BTreeMap<&'static str, Instant>,
}

impl Books {
    /// What the system does not tell is not shown as zero.
    fn unknown(&self, tells_network: bool) {
        if !tells_network {
            self.metrics.network_changes_unknown();
        }
    }

    fn write(&mut self, signals: Vec<SignalKind>, now: Now) {
        let mut news = Vec::new();
        let mut back = false;
        for kind in signals {
            self.metrics.host_signal(&kind);
            back |= is_back(&kind);
            match kind {
                SignalKind::Suspended(lasted) => info!(seconds = lasted.as_secs(), "this machine slept"),
                SignalKind::ClockForward(by) => stepped("forward", by),
                SignalKind::ClockBack(by) => stepped("back", by),
                SignalKind::LinkDown(_)
                | SignalKind::LinkUp(_)
                | SignalKind::AddressAdded(..)
                | SignalKind::AddressRemoved(..)
                | SignalKind::RouteAdded
                | SignalKind::RouteRemoved
                | SignalKind::ResolverChanged => {
                    debug!(kind = kind.as_str(), "the network of this machine changed");
                    if self.is_news(kind.as_str(), now.at) {
                        news.push(kind.as_str());
                    }
                }
            }
            self.timeline.add(Signal { at: now, kind });
        }
        if !news.is_empty() {
            info!(kinds = news.join(", "), "the network of this machine changed");
        }
        if back {
            self.back.notify_one();
        }
    }

    fn is_news(&mut self, kind: &'static str, now: Instant) -> bool {
        let told = self.logged.get(kind).is_some_and(|last| now.saturating_since(*last) < REPEATED);
        if !told {
            self.logged.insert(kind, now);
        }
        !told
    }
}

/// Whether this is the network coming back: an address with which the world can be reached, or a way to it.
fn is_back(signal: &SignalKind) -> bool {
    match signal {
        SignalKind::RouteAdded => true,
        SignalKind::AddressAdded(_, IpAddr::V4(address)) => !address.is_link_local(),
        SignalKind::AddressAdded(_, IpAddr::V6(address)) => !address.is_unicast_link_local(),
        SignalKind::Suspended(_)
        | SignalKind::ClockForward(_)
        | SignalKind::ClockBack(_)
        | SignalKind::LinkDown(_)
        | SignalKind::LinkUp(_)
        | SignalKind::AddressRemoved(..)
        | SignalKind::RouteRemoved
        | SignalKind::ResolverChanged => false,
    }
}

fn stepped(direction: &str, by: Duration) {
    let seconds = by.as_secs_f64();
    if by >= clocks::REPORTED {
        warn!(seconds, direction, "the wall clock was stepped: certificates and signed URLs depend on it");
    } else {
        info!(seconds, direction, "the wall clock was stepped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::store::Store;
    use crate::telemetry::Metrics;
    use crate::telemetry::encode::{self, Exposition};

    fn books() -> (Books, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::started(clock::now()));
        let back = Arc::new(Notify::new());
        let (timeline, own) = (Timeline::default(), metrics.exporter());
        (Books { timeline, metrics: own, back, logged: BTreeMap::new() }, metrics)
    }

    fn page(metrics: &Metrics) -> String {
        let store = Store::new(10, metrics.exporter());
        encode::page(metrics, &store, Exposition::negotiate(None), clock::now())
    }

    #[tokio::test]
    async fn what_happens_is_kept_and_counted() {
        let (mut books, metrics) = books();
        let slept = SignalKind::Suspended(Duration::from_secs(60));
        let stepped = SignalKind::ClockBack(Duration::from_secs(40));
        let signals =
            vec![slept.clone(), stepped.clone(), SignalKind::LinkDown(3), SignalKind::ResolverChanged];
        books.write(signals.clone(), clock::now());
        let kept: Vec<_> = books.timeline.all().into_iter().map(|signal| signal.kind).collect();
        assert_eq!(kept, signals);
        let page = page(&metrics);
        for line in [
            "hangup_host_suspends_total 1",
            "hangup_host_clock_steps_total 1",
            "hangup_host_network_changes_total{kind=\"link_down\"} 1",
            "hangup_host_network_changes_total{kind=\"link_up\"} 0",
            "hangup_host_network_changes_total{kind=\"resolver_changed\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not on\n{page}");
        }
    }

    #[tokio::test]
    async fn only_a_network_that_comes_back_wakes_those_who_wait_for_it() {
        let (mut books, _metrics) = books();
        let back = Arc::clone(&books.back);
        let woken = async |back: &Notify| {
            tokio::time::timeout(Duration::from_millis(20), back.notified()).await.is_ok()
        };
        books.write(vec![SignalKind::LinkUp(3), SignalKind::RouteRemoved], clock::now());
        assert!(!woken(&back).await);
        books.write(vec![SignalKind::LinkUp(3), SignalKind::RouteAdded], clock::now());
        assert!(woken(&back).await);
        assert!(!woken(&back).await, "once");
    }

    #[tokio::test]
    async fn what_the_system_does_not_tell_is_not_shown_as_zero() {
        let (books, metrics) = books();
        books.unknown(true);
        assert!(page(&metrics).contains("{kind=\"route_added\"} 0"));
        books.unknown(false);
        let page = page(&metrics);
        assert!(!page.contains("{kind=\"route_added\"}"), "{page}");
        assert!(page.contains("{kind=\"resolver_changed\"} 0"), "{page}");
    }

    #[tokio::test]
    async fn a_kind_that_comes_again_and_again_is_news_once_a_minute() {
        let (mut books, _metrics) = books();
        let start = clock::now().at;
        let told: Vec<_> =
            [0, 1, 59, 60, 61].map(|s| books.is_news("link_up", start + Duration::from_secs(s))).into();
        assert_eq!(told, [true, false, false, true, false]);
        assert!(books.is_news("link_down", start + Duration::from_secs(1)), "another kind");
    }

    #[tokio::test]
    async fn it_watches_until_it_is_dropped() {
        let (books, metrics) = books();
        let watcher = Watcher::start(books.timeline.clone(), metrics.exporter());
        let task = watcher.task.abort_handle();
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        drop(watcher);
        while !task.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn an_address_of_the_link_alone_is_not_the_network_coming_back() {
        for address in ["fe80::1", "169.254.3.4"] {
            assert!(!is_back(&SignalKind::AddressAdded(3, address.parse().unwrap())), "{address}");
        }
        for address in ["2001:db8::1", "192.0.2.1", "10.0.0.1"] {
            assert!(is_back(&SignalKind::AddressAdded(3, address.parse().unwrap())), "{address}");
        }
        assert!(is_back(&SignalKind::RouteAdded));
        assert!(!is_back(&SignalKind::LinkUp(3)));
    }
}
