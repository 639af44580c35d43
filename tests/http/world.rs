//! A server on a free port, clients that speak to it byte by byte, and connections with a past to show.
//! Never reaches into the server: what it shows was recorded, as at home.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hangup::clock::{Now, now};
use hangup::config::Http;
use hangup::connection::ending::{EndedBy, Ending, LinkStats};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::plan::Transport;
use hangup::connection::{Detail, Failure, Phase, Tier};
use hangup::host::Timeline;
use hangup::http::{self, Pages};
use hangup::lifecycle::board::{Board, ConnectionStatus};
use hangup::lifecycle::recorder::Recorder;
use hangup::lifecycle::{CloseCause, Event};
use hangup::reading::store::Store;
use hangup::telemetry::{ConnectionLabels, Metrics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that runs.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) board: Arc<Board>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) host: Timeline,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    pub(crate) fn start_at(listen: &str) -> Self {
        let listeners =
            http::bind(&Http { listen: vec![listen.parse().unwrap()], ..Http::default() }).unwrap();
        let address = listeners.addresses()[0];
        let (metrics, board) = (Arc::new(Metrics::new()), Arc::new(Board::default()));
        let store = Arc::new(Store::new(100, metrics.exporter()));
        let host = Timeline::default();
        let pages = Pages::new(Arc::clone(&metrics), store, Arc::clone(&board), host.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(http::serve(listeners, pages, async move {
            let _ = stopped.await;
        }));
        Self { address, board, metrics, host, stop, served }
    }

    /// A connection that the pages show, so long ago.
    pub(crate) fn life(&self, name: &str, ago: Duration) -> Life {
        let transport = Transport::Wss;
        let labels = ConnectionLabels {
            connection: name.to_owned(),
            broker: "broker.example:443".to_owned(),
            protocol: "3.1.1",
            transport,
            source: "navien",
            proxied: false,
            signs_in: true,
        };
        let now = now();
        let now = Now { at: now.at - ago, wall: now.wall - ago };
        let entry = self.board.enter(ConnectionStatus::new(name, "navien", "wss", now));
        Life { recorder: Recorder::new(self.metrics.connection(&labels), entry), now }
    }

    pub(crate) async fn client(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The answer to a request without further headers.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    /// The answer to a request; each header ends in `\r\n`.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut client = self.client().await;
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: hangup\r\nConnection: close\r\n{headers}\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        Answer::read(client).await
    }

    /// Tells the server to stop; the handle ends when it has.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.served
    }
}

/// What the server said until it hung up.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(mut client: TcpStream) -> Self {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes.split_off(end + 4) }
    }

    /// The value of a header; names in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// The life of one connection.
pub(crate) struct Life {
    recorder: Recorder,
    pub(crate) now: Now,
}

impl Life {
    pub(crate) fn after(&mut self, seconds: u64, event: Event) -> &mut Self {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.recorder.record(event, self.now);
        self
    }

    /// An attempt that the broker accepts, all subscriptions included.
    pub(crate) fn goes_online(&mut self, seconds: u64) -> &mut Self {
        let accepted = Event::Established {
            session_present: false,
            attempts: 1,
            peer: "192.0.2.7:443".parse().unwrap(),
            local: "198.51.100.9:40000".parse().unwrap(),
            subscriptions: 4,
            keep_alive: Duration::from_secs(30),
            credentials_expire: Some(self.now.wall + Duration::from_secs(6 * 3600)),
            certificate_expires: None,
        };
        self.after(seconds, attempt(1)).after(1, accepted).after(0, Event::Restored { active: 4, refused: 0 })
    }

    pub(crate) fn drops(&mut self, seconds: u64, error: ErrorName, message: &str) -> &mut Self {
        self.ends(seconds, Failure::new(Phase::Session, error, message).with_detail(Detail::Fin))
    }

    /// A drop of this failure.
    pub(crate) fn ends(&mut self, seconds: u64, failure: Failure) -> &mut Self {
        let stats = LinkStats::default();
        let ending = Ending { failure, ended_by: EndedBy::Peer, alive: self.now.at, stats, tcp: None };
        self.after(seconds, Event::Dropped(Box::new(ending))).waits(2)
    }

    pub(crate) fn closes(&mut self, seconds: u64, cause: CloseCause) -> &mut Self {
        self.after(seconds, Event::Closed { cause, ending: None }).waits(1)
    }

    /// An attempt that fails for this reason.
    pub(crate) fn fails(&mut self, number: u32, failure: Failure) -> &mut Self {
        self.after(2, attempt(number))
            .after(0, Event::PhaseEntered(failure.phase))
            .after(1, Event::AttemptFailed { failure, interrupted: false })
            .waits(300)
    }

    pub(crate) fn waits(&mut self, seconds: u64) -> &mut Self {
        self.after(
            0,
            Event::Waiting { delay: Duration::from_secs(seconds), why: hangup::lifecycle::Why::Network },
        )
    }
}

pub(crate) fn attempt(number: u32) -> Event {
    Event::AttemptStarted { tier: Tier::Quick, number }
}

pub(crate) fn wrong_password() -> Failure {
    Failure::new(
        Phase::Credentials,
        ErrorName::CredentialsHttpStatus,
        "the vendor refused the e-mail or the password",
    )
    .with_detail(Detail::VendorCode(401))
    .with_class(RetryClass::Credential)
}

pub(crate) fn refused() -> Failure {
    Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "nobody listens at the broker's port")
}

/// Every state that a reader of the page may meet, with a past.
pub(crate) fn fill(world: &World) {
    let hour = Duration::from_secs(3600);
    let mut home = world.life("home", 30 * hour);
    for error in [ErrorName::UnexpectedHangup, ErrorName::PingTimeout, ErrorName::UnexpectedHangup] {
        home.goes_online(1).drops(1260, error, "the broker hung up without a word");
    }
    for _ in 0..9 {
        home.goes_online(2).closes(3 * 3600, CloseCause::Renewal);
    }
    home.goes_online(2);
    let mut cellar = world.life("cellar", Duration::from_secs(40));
    cellar.fails(1, wrong_password()).fails(2, wrong_password());
    let mut garage = world.life("garage", 2 * hour);
    garage.goes_online(1).drops(7100, ErrorName::UnexpectedHangup, "the broker hung up without a word");
    garage.fails(1, refused()).fails(2, refused());
    let mut attic = world.life("attic", Duration::from_secs(3));
    attic.after(1, attempt(1)).after(1, Event::PhaseEntered(Phase::Tls));
    world.life("shed", hour).goes_online(5).closes(600, CloseCause::Shutdown).after(0, Event::Stopped);
}
