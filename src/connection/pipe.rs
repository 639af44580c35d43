//! MQTT's stream of bytes over a plain wire or over WebSocket frames.
//!
//! Says exactly how the stream ended. Never decodes MQTT.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use futures_util::{Sink, SinkExt, Stream};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WebsocketError, Message};

use super::classify::Broken;
use super::dialer::{Websocket, Wire};

/// The stream.
pub(super) enum Pipe {
    /// TCP or TLS.
    Raw(Wire),
    /// Binary frames.
    Websocket(Box<Websocket>),
}

impl Pipe {
    /// The bytes below, to ask about.
    pub(super) fn wire(&self) -> &Wire {
        match self {
            Self::Raw(wire) => wire,
            Self::Websocket(websocket) => websocket.get_ref(),
        }
    }

    /// Appends what is there to `into`, with room for `chunk` bytes at least, and says how much. Pings of WebSocket are
    /// answered on the way.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
        chunk: usize,
    ) -> Poll<Result<usize, Broken>> {
        match self {
            Self::Raw(wire) => {
                into.reserve(chunk);
                // Cancel safe: what it has read is in `into`, and it is ready then.
                let read = ready!(pin!(wire.read_buf(into)).poll(cx));
                match wire.ended() {
                    Some(end) => Poll::Ready(Err(end)),
                    None => Poll::Ready(read.map_err(Broken::Io)),
                }
            }
            Self::Websocket(websocket) => loop {
                return Poll::Ready(match ready!(Pin::new(&mut *websocket).poll_next(cx)) {
                    Some(Ok(Message::Binary(bytes))) => {
                        let count = bytes.len();
                        if into.is_empty() {
                            *into = BytesMut::from(bytes);
                        } else {
                            into.extend_from_slice(&bytes);
                        }
                        Ok(count)
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Text(_) | Message::Frame(_))) => Err(Broken::NotBinary),
                    Some(Ok(Message::Close(frame))) => {
                        Err(Broken::WebsocketClose(frame.map(|frame| u16::from(frame.code))))
                    }
                    Some(Err(error)) => Err(below(websocket.get_ref(), error)),
                    None => Err(websocket.get_ref().ended().unwrap_or(Broken::Fin)),
                });
            },
        }
    }

    /// Writes all of `from` and flushes. Ready means that the kernel has every byte.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut BytesMut,
    ) -> Poll<Result<(), Broken>> {
        match self {
            Self::Raw(wire) => {
                while !from.is_empty() {
                    match ready!(Pin::new(&mut *wire).poll_write(cx, from)) {
                        Ok(0) => return Poll::Ready(Err(Broken::Io(io::ErrorKind::WriteZero.into()))),
                        Ok(count) => from.advance(count),
                        Err(error) => return Poll::Ready(Err(Broken::Io(error))),
                    }
                }
                Pin::new(wire).poll_flush(cx).map_err(Broken::Io)
            }
            Self::Websocket(websocket) => loop {
                // What is under way first, so that at most one frame of ours waits inside the library.
                if let Err(error) = ready!(Pin::new(&mut **websocket).poll_flush(cx)) {
                    return Poll::Ready(Err(below(websocket.get_ref(), error)));
                }
                if from.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                let frame = Message::Binary(from.split().freeze());
                if let Err(error) = Pin::new(&mut **websocket).start_send(frame) {
                    return Poll::Ready(Err(below(websocket.get_ref(), error)));
                }
            },
        }
    }

    /// Closes every layer and waits for the peer to do the same. Errors end the attempt: it is gone then.
    ///
    /// Without the wait, a byte of the peer that is still under way would make the kernel send RST, and the peer
    /// could lose the DISCONNECT that it has not read yet.
    pub(super) async fn close(self) {
        match self {
            Self::Raw(mut wire) => drain(&mut wire).await,
            Self::Websocket(mut websocket) => {
                let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                let _ = websocket.send(Message::Close(Some(goodbye))).await;
                // Our FIN follows at once: a server that waits for it would otherwise cost the whole limit.
                let _ = websocket.flush().await;
                drain(websocket.get_mut()).await;
            }
        }
    }
}

/// Sends `close_notify` and FIN, and reads to the end.
async fn drain(wire: &mut Wire) {
    if wire.shutdown().await.is_err() {
        return;
    }
    let mut chunk = [0; 1024];
    while let Ok(1..) = wire.read(&mut chunk).await {}
}

/// The stream below knows better how it ended than the WebSocket library, which says "reset" for all.
fn below(wire: &Wire, error: WebsocketError) -> Broken {
    match error {
        WebsocketError::Io(error) => wire.ended().unwrap_or(Broken::Io(error)),
        WebsocketError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
        ) => wire.ended().unwrap_or(Broken::Fin),
        error @ (WebsocketError::ConnectionClosed
        | WebsocketError::AlreadyClosed
        | WebsocketError::Tls(_)
        | WebsocketError::Capacity(_)
        | WebsocketError::Protocol(_)
        | WebsocketError::WriteBufferFull(_)
        | WebsocketError::Utf8(_)
        | WebsocketError::AttackAttempt
        | WebsocketError::Url(_)
        | WebsocketError::Http(_)
        | WebsocketError::HttpFormat(_)) => Broken::Websocket(Box::new(error)),
    }
}
