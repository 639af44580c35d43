//! Name lookup by the system's resolver, with the reason of a failure.
//!
//! Never blocks the runtime, not even at its shutdown, and never takes more than so many threads.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupError, SockType, getaddrinfo};
use tokio::sync::{Semaphore, watch};

use crate::clock::{self, Instant};
use crate::connection::error::ErrorName;
use crate::connection::{Failure, Phase, classify};

/// Threads that ask the system's resolver at once: it may sit there for half a minute after we gave up, and 2,000 connections
/// ask for one name again and again.
const THREADS: usize = 16;

/// A lookup that is under way for longer is not waited for by those who come then: its question may be lost.
const YOUNG: Duration = Duration::from_secs(5);

/// The one of this process: it is the process that has threads.
static RESOLVER: Resolver = Resolver::new(resolve);

type Answer = Result<Vec<IpAddr>, Failure>;

/// The system's resolver, shared by all connections. Who asks for one name at the same time shares the answer; nothing is kept.
struct Resolver {
    resolve: fn(&str) -> Answer,
    room: Semaphore,
    running: Mutex<BTreeMap<String, Running>>,
}

/// A lookup that is under way.
struct Running {
    since: Instant,
    answer: watch::Receiver<Option<Answer>>,
}

/// The addresses of `host` in the order in which they should be tried.
pub(super) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let addresses = RESOLVER.look_up(host).await?;
    let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
    Ok(interleave(&addresses))
}

impl Resolver {
    const fn new(resolve: fn(&str) -> Answer) -> Self {
        Self { resolve, room: Semaphore::const_new(THREADS), running: Mutex::new(BTreeMap::new()) }
    }

    async fn look_up(&'static self, host: &str) -> Answer {
        let mut answer = match self.under_way(host) {
            Some(answer) => answer,
            None => self.begin(host).await?,
        };
        // Without an answer the thread ended by a bug.
        let nothing = || classify::lookup(Phase::Dns, libc::EAI_FAIL, None);
        let answered = answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        answered.unwrap_or_else(|| Err(nothing()))
    }

    /// A lookup of this name that somebody else began just now.
    fn under_way(&self, host: &str) -> Option<watch::Receiver<Option<Answer>>> {
        let running = self.lock();
        let known = running.get(host)?;
        (clock::boot().saturating_since(known.since) < YOUNG).then(|| known.answer.clone())
    }

    /// Begins a lookup when there is room, unless somebody else did so meanwhile.
    async fn begin(&'static self, host: &str) -> Result<watch::Receiver<Option<Answer>>, Failure> {
        let failed = |number| classify::lookup(Phase::Dns, libc::EAI_SYSTEM, number);
        let room = self.room.acquire().await.map_err(|_closed| failed(None))?;
        if let Some(answer) = self.under_way(host) {
            return Ok(answer);
        }
        let (told, answer) = watch::channel(None);
        let running = Running { since: clock::boot(), answer: answer.clone() };
        self.lock().insert(host.to_owned(), running);
        let name = host.to_owned();
        // A thread of its own, because a runtime that stops waits for its blocking pool.
        let thread = std::thread::Builder::new().name("resolver".to_owned()).spawn(move || {
            let found = (self.resolve)(&name);
            self.is_over(&name, &told);
            let _ = told.send(Some(found));
            drop(room);
        });
        if let Err(error) = thread {
            self.lock().remove(host);
            return Err(failed(error.raw_os_error()));
        }
        Ok(answer)
    }

    /// A lookup is over; a younger one of the same name goes on.
    fn is_over(&self, host: &str, told: &watch::Sender<Option<Answer>>) {
        let mut running = self.lock();
        if running.get(host).is_some_and(|known| told.subscribe().same_channel(&known.answer)) {
            running.remove(host);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resolve(host: &str) -> Answer {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(host), None, Some(hints)).map_err(|error| failure(&error))?;
    let addresses: Vec<_> = found.filter_map(Result::ok).map(|info| info.sockaddr.ip()).collect();
    if addresses.is_empty() {
        return Err(classify::lookup(Phase::Dns, libc::EAI_NODATA, None));
    }
    Ok(addresses)
}

fn failure(error: &LookupError) -> Failure {
    // A number of 0 means that the name never reached the resolver: it holds a NUL.
    if error.error_num() == 0 {
        return Failure::new(Phase::Dns, ErrorName::DnsInvalidName, "the host is not a possible name");
    }
    classify::lookup(Phase::Dns, error.error_num(), std::io::Error::last_os_error().raw_os_error())
}

/// Alternates the families, beginning with the one that the resolver prefers (RFC 8305 §4).
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(preferred) = addresses.first().map(SocketAddr::is_ipv6) else { return Vec::new() };
    let (first, second): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(|a| a.is_ipv6() == preferred);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(addresses.len());
    loop {
        let pair = (first.next(), second.next());
        order.extend(pair.0);
        order.extend(pair.1);
        if pair == (None, None) {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    #[test]
    fn families_alternate_and_the_preferred_one_leads() {
        let addresses =
            ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(|a| a.parse().unwrap());
        let order: Vec<_> = interleave(&addresses).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert!(interleave(&[]).is_empty());
    }

    /// Where resolvers of these tests wait until they may answer.
    type Gate = (Mutex<bool>, Condvar);

    fn pass(gate: &Gate) {
        drop(gate.1.wait_while(gate.0.lock().unwrap(), |open| !*open));
    }

    fn set(gate: &Gate, open: bool) {
        *gate.0.lock().unwrap() = open;
        gate.1.notify_all();
    }

    #[tokio::test]
    async fn many_who_ask_for_one_name_at_once_share_the_answer_and_nothing_is_kept() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static GATE: Gate = (Mutex::new(false), Condvar::new());
        static SLOW: Resolver = Resolver::new(|_| {
            pass(&GATE);
            let asked = ASKED.fetch_add(1, Ordering::Relaxed);
            Ok(vec![IpAddr::from([192, 0, 2, u8::try_from(asked).unwrap()])])
        });
        for round in 0..2_u8 {
            set(&GATE, false);
            let mut all: Vec<_> = (0..500).map(|_| Box::pin(SLOW.look_up("broker.example"))).collect();
            for one in &mut all {
                assert!(one.now_or_never().is_none());
            }
            set(&GATE, true);
            let answers = join_all(all).await;
            assert!(answers.iter().all(|answer| *answer == Ok(vec![IpAddr::from([192, 0, 2, round])])));
        }
        assert!(SLOW.lock().is_empty());
    }

    #[tokio::test]
    async fn names_that_nobody_answers_take_so_many_threads_and_no_more() {
        static ASKING: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        static GATE: Gate = (Mutex::new(false), Condvar::new());
        static STUCK: Resolver = Resolver::new(|_| {
            MOST.fetch_max(ASKING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            pass(&GATE);
            ASKING.fetch_sub(1, Ordering::SeqCst);
            Err(classify::lookup(Phase::Dns, libc::EAI_AGAIN, None))
        });
        let names: Vec<_> = (0..4 * THREADS).map(|name| name.to_string()).collect();
        let hasty =
            names.iter().map(|name| tokio::time::timeout(Duration::from_millis(1), STUCK.look_up(name)));
        assert!(join_all(hasty).await.iter().all(Result::is_err));
        assert_eq!(
            STUCK.room.available_permits(),
            0,
            "who gives up makes no room: the thread is still there"
        );
        set(&GATE, true);
        let answers = join_all(names.iter().map(|name| STUCK.look_up(name))).await;
        assert!(answers.iter().all(Result::is_err));
        assert!(MOST.load(Ordering::SeqCst) <= THREADS);
    }
}
