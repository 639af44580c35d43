//! The frame of the page: head, navigation, the stretch of time, the footer.
//! Its links are relative, so that it may stand behind a proxy under any path. Never loads anything from elsewhere.

use maud::{DOCTYPE, Markup, html};

use super::picture;
use super::view::View;
use super::window::PRESETS;
use super::words::counted;
use crate::lifecycle::StateName;
use crate::lifecycle::board::ConnectionStatus;

/// Without a script the page asks for itself again after so many seconds.
const REFRESH_SECONDS: u32 = 15;
/// With a script its parts are asked for after so many.
const SCRIPT_SECONDS: u32 = 5;

/// The whole page; `only` where it is about one connection.
pub(super) fn document(
    connections: &[ConnectionStatus],
    only: Option<&ConnectionStatus>,
    body: &Markup,
    view: &View,
) -> Markup {
    let online = connections.iter().filter(|connection| connection.state == StateName::Online).count();
    let root = view.root;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if view.ask.refreshes {
                    noscript { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                    script src={ (root) "script.js" } defer data-seconds=(SCRIPT_SECONDS) {}
                }
                title {
                    @match only {
                        Some(connection) => { (connection.name) ": " (connection.state.as_str()) " · hangup" }
                        None => { (online) "/" (connections.len()) " online · hangup" }
                    }
                }
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ (root) "style.css" };
            }
            body {
                header id="head" {
                    h1 { a href=(home(view)) { "hangup" } " " small { (env!("CARGO_PKG_VERSION")) } }
                    p { (online) " of " (counted(connections.len() as u64, "connection")) " online" }
                    nav aria-label="pages" {
                        @if only.is_some() { a href=(home(view)) { "all connections" } }
                        a href={ (root) "metrics" } { "metrics" }
                        a href={ (root) "-/ready" } { "ready?" }
                        a href={ (root) "api/v1/connections" } { "JSON" }
                    }
                }
                (picture::shapes())
                @if !connections.is_empty() { (range(view)) }
                @if let Some(fault) = &view.ask.fault { p.fault role="alert" { (fault) } }
                main id="main" { (body) }
                footer id="foot" { (footer(view)) }
            }
        }
    }
}

/// The first page, at the same stretch of time.
fn home(view: &View) -> String {
    let root = if view.root.is_empty() { "./" } else { view.root };
    format!("{root}{}", super::card::kept(view))
}

/// Which stretch of time is shown, and the ways to others.
fn range(view: &View) -> Markup {
    let window = view.window;
    let link = |stretch: String| view.ask.link(Some(stretch), None);
    let length = window.length();
    html! {
        nav.range id="range" aria-label="stretch of time" {
            span { "Last" }
            @for (word, preset) in PRESETS {
                @let shown = window.to == view.now && length == *preset;
                a href=(link(format!("range={word}"))) aria-current=[shown.then_some("true")] { (word) }
            }
            span.moves {
                a href=(link(window.earlier().query())) { "‹ earlier" }
                @if let Some(later) = window.later(view.now) { a href=(link(later.query())) { "later ›" } }
                @if let Some(closer) = window.closer() { a href=(link(closer.query())) { "closer" } }
            }
            small { (view.time(window.from)) " to " (view.time(window.to)) ", " (window.words()) }
        }
    }
}

fn footer(view: &View) -> Markup {
    let again = view.ask.stretch();
    let mut held = view.ask.clone();
    held.refreshes = !view.ask.refreshes;
    html! {
        "As of " (view.time(view.now)) ", local time of this server (" (view.offset()) "). "
        @if view.ask.refreshes {
            span id="live" role="status" { "Refreshes itself" } "; " a href=(held.link(again, None)) { "stop" } "."
        } @else {
            "Does not refresh; " a href=(held.link(again, None)) { "start" } "."
        }
    }
}
