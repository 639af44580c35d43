//! `/metrics`: the page for Prometheus, in the format and the encoding that it asks for.
//!
//! Never holds more of a page than is on its way: a large one is written as fast as its reader takes it, a piece at a time, and
//! everybody else gets a turn between two pieces.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use http_body::Frame;

use super::{Pages, answer};
use crate::clock::now;
use crate::telemetry::choice::Choice;
use crate::telemetry::encode::{self, Exposition, PIECE, Page, Zipped};

/// A page that is complete after so many pieces is sent as a whole, with its length.
const SHORT: usize = 4;

/// The fields of a query, several of one name among them.
type Fields = Vec<(String, String)>;

pub(super) async fn page(
    State(pages): State<Pages>,
    query: Result<Query<Fields>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked =
        query.map_err(|rejection| rejection.body_text()).and_then(|Query(fields)| Choice::of(&fields));
    let choice = match asked {
        Ok(choice) => choice,
        Err(why) => return answer::text(StatusCode::BAD_REQUEST, format!("{why}.\n")),
    };
    let exposition = Exposition::negotiate(all(&headers, &ACCEPT).as_deref());
    let zipped = encode::accepts_gzip(all(&headers, &ACCEPT_ENCODING).as_deref());
    let page = Page::new(&pages.metrics, &pages.store, exposition, now()).chosen(&choice);
    let mut writer = if zipped { Writer::Zipped(Box::new(Zipped::new(page))) } else { Writer::Plain(page) };
    let mut begun = Vec::new();
    let mut more = true;
    for _ in 0..SHORT {
        more = more && writer.write(&mut begun);
        if !more {
            break;
        }
        tokio::task::yield_now().await;
    }
    let body = if more {
        Body::new(Rest { writer: Some(writer), piece: begun, rested: false })
    } else {
        Body::from(begun)
    };
    with_headers(exposition, zipped, body)
}

/// Writes a page in either encoding.
enum Writer {
    Plain(Page),
    Zipped(Box<Zipped>),
}

impl Writer {
    /// One more piece onto the end; whether there is more to write.
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Plain(page) => page.write(out, out.len() + PIECE),
            Self::Zipped(page) => page.write(out),
        }
    }
}

/// What is not sent yet of a large page.
struct Rest {
    /// `None`: all is written.
    writer: Option<Writer>,
    piece: Vec<u8>,
    /// Others had their turn since the last piece.
    rested: bool,
}

/// Compressed pieces are gathered until they are worth a packet.
const WORTH_SENDING: usize = 16 * 1024;

impl http_body::Body for Rest {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = self.get_mut();
        if rest.piece.len() < WORTH_SENDING
            && let Some(writer) = &mut rest.writer
        {
            if std::mem::replace(&mut rest.rested, false) {
                rest.piece.reserve(PIECE);
                if !writer.write(&mut rest.piece) {
                    rest.writer = None;
                }
            }
            if rest.piece.len() < WORTH_SENDING && rest.writer.is_some() {
                rest.rested = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if rest.piece.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut rest.piece).into()))))
    }
}

fn with_headers(exposition: Exposition, zipped: bool, body: Body) -> Response {
    let mut response = answer::typed(exposition.content_type(), body);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if zipped {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// All values of a header that may be there several times, as one list.
fn all(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
