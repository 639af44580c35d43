//! The bytes under everything: TCP, or TLS over TCP, with what the layers above cannot see.
//!
//! Remembers how the stream ended (FIN or `close_notify`) and how many bytes the kernel took and gave. Never blocks.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::connection::classify::Broken;

/// A TCP stream that counts what the kernel takes and gives, below any encryption.
pub(crate) struct Counted {
    tcp: TcpStream,
    taken: u64,
    given: u64,
}

enum Layer {
    Plain(Counted),
    Tls(Box<TlsStream<Counted>>),
}

/// How a stream came to an orderly or bare end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    CloseNotify,
}

/// The stream.
pub(crate) struct Wire {
    layer: Layer,
    end: Option<End>,
}

impl Wire {
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { layer: Layer::Plain(Counted { tcp, taken: 0, given: 0 }), end: None }
    }

    pub(super) fn tls(stream: TlsStream<Counted>) -> Self {
        Self { layer: Layer::Tls(Box::new(stream)), end: None }
    }

    /// The TCP stream to speak TLS over; `None` when it is spoken already.
    pub(super) fn into_plain(self) -> Option<Counted> {
        match self.layer {
            Layer::Plain(counted) => Some(counted),
            Layer::Tls(_) => None,
        }
    }

    /// The kernel's socket, to ask about.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match &self.layer {
            Layer::Plain(counted) => &counted.tcp,
            Layer::Tls(stream) => &stream.get_ref().0.tcp,
        }
    }

    /// Bytes that the kernel took so far: the only sign of progress that a full buffer gives.
    pub(crate) fn taken(&self) -> u64 {
        match &self.layer {
            Layer::Plain(counted) => counted.taken,
            Layer::Tls(stream) => stream.get_ref().0.taken,
        }
    }

    /// Bytes that the kernel gave so far: a record of TLS or a frame of WebSocket shows nothing before it is whole.
    pub(crate) fn given(&self) -> u64 {
        match &self.layer {
            Layer::Plain(counted) => counted.given,
            Layer::Tls(stream) => stream.get_ref().0.given,
        }
    }

    /// How the stream ended, if it was read to its end.
    pub(crate) fn ended(&self) -> Option<Broken> {
        self.end.map(|end| match end {
            End::Fin => Broken::Fin,
            End::CloseNotify => Broken::CloseNotify,
        })
    }

    /// The peer's own certificate.
    pub(super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        match &self.layer {
            Layer::Plain(_) => None,
            Layer::Tls(stream) => stream.get_ref().1.peer_certificates().and_then(<[_]>::first),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let wanted = buf.remaining() > 0;
        let (read, clean_end) = match &mut self.layer {
            Layer::Plain(counted) => (Pin::new(counted).poll_read(cx, buf), End::Fin),
            Layer::Tls(stream) => (Pin::new(stream).poll_read(cx, buf), End::CloseNotify),
        };
        match &read {
            Poll::Ready(Ok(())) if wanted && buf.filled().len() == before => self.end = Some(clean_end),
            // TLS calls a FIN without `close_notify` an unexpected end.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.end = Some(End::Fin);
            }
            Poll::Ready(_) | Poll::Pending => {}
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.layer {
            Layer::Plain(counted) => Pin::new(counted).poll_write(cx, buf),
            Layer::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Plain(counted) => Pin::new(counted).poll_flush(cx),
            Layer::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Plain(counted) => Pin::new(counted).poll_shutdown(cx),
            Layer::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(cx, buf);
        self.given += u64::try_from(buf.filled().len() - before).unwrap_or(u64::MAX);
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = &written {
            self.taken += u64::try_from(*count).unwrap_or(u64::MAX);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
