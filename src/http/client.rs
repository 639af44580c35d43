//! One accepted client: its bytes, whatever kind of socket they come through.
//! Never says who the client is: nothing here is logged or counted by address.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// So long a client may leave an answer unread.
const UNREAD_TIME: Duration = Duration::from_secs(30);

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A client of any socket.
pub(super) struct Client(pub(super) Box<dyn Stream>);

impl From<TcpStream> for Client {
    /// An answer that nobody reads must not stay in memory; the kernel watches over it.
    fn from(stream: TcpStream) -> Self {
        // Without it only the place in the queue is at stake, so a system that refuses it is no failure.
        let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_TIME));
        let _ = stream.set_nodelay(true);
        Self(Box::new(stream))
    }
}

impl From<UnixStream> for Client {
    fn from(stream: UnixStream) -> Self {
        Self(Box::new(stream))
    }
}
