//! `/` and `/connections/{name}`: what every connection does, why it dropped, and what stands out, for people.
//! Never needs a script or another host, and never draws while it holds a lock or on a thread that a connection needs.

mod card;
mod causes;
mod clients;
mod document;
mod drops;
mod findings;
mod fleet;
mod legend;
mod lengths;
mod limits;
mod past;
mod phases;
mod picture;
mod strip;
#[cfg(test)]
mod tests;
mod timeline;
mod view;
mod window;
mod words;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::{Pages, answer};
use crate::clock::{Now, now};
use crate::host::Signal;
use crate::lifecycle::board::ConnectionStatus;
use card::Detail;
use past::Past;
use view::{Ask, View};

/// Pages drawn at once: a crowd of readers takes turns.
pub(super) const PAINTERS: usize = 2;
/// So many connections are all shown in full, below the overview.
const ALL_IN_FULL: usize = 5;
/// Of more, so many of those with trouble.
const TROUBLED_IN_FULL: usize = 3;

/// The words of an address; none where they cannot be read.
type Words = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The page of all connections.
pub(super) async fn front(State(pages): State<Pages>, words: Words) -> Response {
    drawn(pages, move |pages| {
        let scene = Scene::now(pages, words);
        Some(scene.front().into_string())
    })
    .await
}

/// The page of one connection.
pub(super) async fn one(State(pages): State<Pages>, Path(name): Path<String>, words: Words) -> Response {
    drawn(pages, move |pages| Scene::now(pages, words).one(&name).map(Markup::into_string)).await
}

pub(super) async fn style() -> Response {
    answer::typed("text/css; charset=utf-8", include_str!("style.css"))
}

pub(super) async fn script() -> Response {
    answer::typed("text/javascript; charset=utf-8", include_str!("script.js"))
}

/// A page drawn beside the connections' threads; there is none where nothing of that name is.
async fn drawn(pages: Pages, draw: impl FnOnce(&Pages) -> Option<String> + Send + 'static) -> Response {
    let Ok(place) = pages.painters.clone().acquire_owned().await else { return broken() };
    let page = tokio::task::spawn_blocking(move || {
        let _place = place;
        draw(&pages)
    });
    match page.await {
        Ok(Some(page)) => answer::typed("text/html; charset=utf-8", page.into_response()),
        Ok(None) => answer::text(
            StatusCode::NOT_FOUND,
            "There is no connection of this name. The page / lists all that there are.\n".to_owned(),
        ),
        Err(_) => broken(),
    }
}

fn broken() -> Response {
    let sentence = "The page could not be drawn; the log says why. Please report this.\n";
    answer::text(StatusCode::INTERNAL_SERVER_ERROR, sentence.to_owned())
}

/// All that a page is drawn of.
struct Scene {
    connections: Vec<ConnectionStatus>,
    signals: Vec<Signal>,
    ask: Ask,
    now: Now,
    zone: TimeZone,
}

impl Scene {
    fn now(pages: &Pages, words: Words) -> Self {
        let (now, zone) = (now(), TimeZone::system());
        let pairs = words.map(|Query(pairs)| pairs).unwrap_or_default();
        let ask = Ask::of(&pairs, now.wall, &zone);
        Self { connections: pages.board.snapshot(), signals: pages.host.all(), ask, now, zone }
    }

    /// What is shown of these connections: at the same stretch of time, so that they can be compared.
    fn view(&self, shown: &[&ConnectionStatus], root: &'static str) -> View {
        let began = |connection: &&ConnectionStatus| {
            connection.history.read(|history| past::began(history, self.now))
        };
        let window = self.ask.range.window(shown.iter().filter_map(began).min(), self.now.wall);
        let in_it = |signal: &&Signal| window.holds(signal.at.wall);
        View {
            ask: self.ask.clone(),
            now: self.now.wall,
            at: self.now.at,
            zone: self.zone.clone(),
            window,
            host: self.signals.iter().filter(in_it).cloned().collect(),
            root,
        }
    }

    fn front(&self) -> Markup {
        let all: Vec<&ConnectionStatus> = self.connections.iter().collect();
        let view = self.view(&all, "");
        let body = match all.as_slice() {
            [] => html! { p { "No connection is configured." } },
            [only] => full(only, &view, Detail::Short),
            _ => many(&self.connections, &view),
        };
        document::document(&self.connections, None, &body, &view)
    }

    fn one(&self, name: &str) -> Option<Markup> {
        let connection = self.connections.iter().find(|connection| connection.name == name)?;
        let view = self.view(&[connection], "../");
        let body = full(connection, &view, Detail::Full);
        Some(document::document(&self.connections, Some(connection), &body, &view))
    }
}

/// One connection, after one short look into its history.
fn full(connection: &ConnectionStatus, view: &View, detail: Detail) -> Markup {
    let now = Now { at: view.at, wall: view.now };
    let past = connection.history.read(|history| Past::of(history, view.window, now));
    card::card(connection, &past, view, detail)
}

/// The overview, and below it in full what needs a look; all of them where there are few.
fn many(connections: &[ConnectionStatus], view: &View) -> Markup {
    let rows = fleet::rows(connections, view.window);
    let troubled = rows.iter().filter(|row| card::mood(row.connection) == "bad");
    let few = connections.len() <= ALL_IN_FULL;
    let shown: Vec<&ConnectionStatus> = if few {
        rows.iter().map(|row| row.connection).collect()
    } else {
        troubled.clone().take(TROUBLED_IN_FULL).map(|row| row.connection).collect()
    };
    let more = if few { 0 } else { troubled.count() - shown.len() };
    html! {
        (fleet::overview(&rows, view))
        @for connection in shown { (full(connection, view, Detail::Short)) }
        @if more > 0 { p { (more) " more with trouble; the overview leads to each." } }
    }
}
