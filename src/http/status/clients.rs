//! What the broker says of its clients, at a connection that listens: reasons, bursts, lengths, who drops most.
//! Never a client id unless the configuration shows them; and what a stranger chose is only ever text.

use maud::{Markup, html};

use super::picture::{axis, bar, grid, percent};
use super::view::View;
use super::words::{counted, span};
use crate::lifecycle::presence::Reason;
use crate::source::fleet::{Burst, Fate, LENGTHS, Offender, View as Clients};

/// Bursts that are told one by one.
const BURSTS: usize = 8;
/// Reasons that a burst is told with.
const REASONS: usize = 3;

/// The section of one connection.
pub(super) fn clients(clients: &Clients, view: &View) -> Markup {
    let drops: u64 = reasons(clients).iter().filter(|(reason, _)| is_drop(*reason)).map(|(_, n)| n).sum();
    html! {
        h3 { "The broker's clients" }
        p.verdict {
            (summary(clients)) " "
            small { "as the broker says (" (clients.kind) "), since " (view.time(clients.since)) }
        }
        (bursts(clients, view))
        @if !clients.tally.disconnects.is_empty() {
            div.pair {
                (ends(clients))
                (lengths(clients))
            }
        }
        @if drops > 0 { (offenders(clients)) }
        (doubtful(clients))
    }
}

fn summary(clients: &Clients) -> String {
    let standing = clients.standing;
    let known = counted(standing.clients as u64, "client");
    let connected = standing.connected;
    let now = match (standing.burst, standing.dropped_recently) {
        (true, recent) => format!(" A burst of drops is under way: {recent} within the last minute."),
        (false, 0) => String::new(),
        (false, recent) => format!(" {recent} dropped within the last minute."),
    };
    format!(
        "{known} known, {connected} of them seen to connect and not to leave; {} and {}.{now}",
        counted(clients.tally.connects, "connect"),
        counted(clients.tally.disconnects.values().sum(), "disconnect"),
    )
}

/// Disconnects by reason, most frequent first.
fn reasons(clients: &Clients) -> Vec<(Reason, u64)> {
    let mut reasons: Vec<_> = clients.tally.by_reason().into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

fn is_drop(reason: Reason) -> bool {
    reason.is_drop(reason.by())
}

fn ends(clients: &Clients) -> Markup {
    let reasons = reasons(clients);
    let all: u64 = reasons.iter().map(|(_, count)| count).sum();
    html! {
        table.counts {
            caption { "Disconnects by reason" }
            tbody {
                @for (reason, count) in reasons {
                    tr {
                        td.number { (count) }
                        td { (reason.words()) " " code { (reason.as_str()) } (bar(share(count, all))) }
                    }
                }
            }
        }
    }
}

fn lengths(clients: &Clients) -> Markup {
    let lengths = &clients.tally.lengths;
    let all: u64 = lengths.iter().sum();
    html! {
        table.counts {
            caption { "How long sessions lasted that a drop ended" }
            tbody {
                @for (group, count) in lengths.iter().enumerate().filter(|(_, count)| **count > 0) {
                    tr { td.number { (count) } td { (length(group)) (bar(share(*count, all))) } }
                }
                @if all == 0 { tr { td.number { "0" } td { "no session was heard from its beginning to its end" } } }
            }
        }
    }
}

/// The words for a group of lengths.
fn length(group: usize) -> String {
    let said = |seconds: u64| span(std::time::Duration::from_secs(seconds));
    match (group.checked_sub(1).and_then(|before| LENGTHS.get(before)), LENGTHS.get(group)) {
        (None, Some(most)) => format!("less than {}", said(*most)),
        (Some(least), Some(&u64::MAX) | None) => format!("{} or more", said(*least)),
        (Some(least), Some(most)) => format!("{} to {}", said(*least), said(*most)),
        (None, None) => String::new(),
    }
}

/// The bursts as a strip on the axis of the page, and the newest of them in words.
fn bursts(clients: &Clients, view: &View) -> Markup {
    let shown: Vec<&Burst> =
        clients.bursts.iter().filter(|burst| view.window.meets(burst.began, burst.ended)).collect();
    let said = match shown.len() {
        0 => return html! {},
        bursts => format!("{} of drops in this time", counted(bursts as u64, "burst")),
    };
    html! {
        figure {
            svg.timeline width="100%" height="48" role="img" aria-label=(said) {
                (grid(view, 30.0))
                rect.nothing x="0" width="100%" y="8" height="16" {}
                @for burst in &shown { (mark(burst, view)) }
                (axis(view, 44.0))
            }
            figcaption { span.key { (said) } }
        }
        ul {
            @for burst in shown.iter().rev().take(BURSTS) {
                li {
                    (view.time(burst.began)) ": " (counted(burst.clients as u64, "client"))
                    " dropped together" (why(burst))
                }
            }
        }
    }
}

fn mark(burst: &Burst, view: &View) -> Markup {
    let (left, right) = (view.window.place(burst.began), view.window.place(burst.ended));
    let width = (right - left).max(0.6);
    html! {
        rect.down x=(percent(left.min(100.0 - width))) width=(percent(width)) y="8" height="16" {
            title { (view.local(burst.began)) ": " (counted(burst.clients as u64, "client")) (why(burst)) }
        }
    }
}

fn why(burst: &Burst) -> String {
    let mut reasons = burst.reasons.clone();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let said =
        reasons.iter().take(REASONS).map(|(reason, count)| format!("{}, {count} times", reason.words()));
    let said: Vec<String> = said.collect();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) }
}

fn offenders(clients: &Clients) -> Markup {
    let offenders = &clients.offenders;
    html! {
        @if !offenders.worst.is_empty() {
            table.past {
                caption {
                    "Clients that dropped most in the last day"
                    small { " " (offenders.worst.len()) " of " (offenders.clients) }
                }
                thead { tr { th scope="col" { "client" } th scope="col" { "drops" } th scope="col" { "shortest session, and now" } } }
                tbody { @for offender in &offenders.worst { (offender_row(offender)) } }
            }
            @if !clients.shows_clients {
                p.more { small { "Numbers stand for client ids until the exporter restarts; `show_clients = true` shows the ids." } }
            }
        }
    }
}

fn offender_row(offender: &Offender) -> Markup {
    html! {
        tr {
            td { code { (offender.name()) } }
            td { (counted(offender.drops.into(), "drop")) }
            td {
                @if let Some(shortest) = offender.shortest { (span(shortest)) ", " }
                @match offender.connected {
                    Some(true) => "connected",
                    Some(false) => "away",
                    None => "not heard of since we listen anew",
                }
                " " small { "last heard of " (span(offender.heard_ago)) " before this list was made" }
            }
        }
    }
}

/// What of the broker's words could not be used as they are.
fn doubtful(clients: &Clients) -> Markup {
    let tally = &clients.tally;
    let of = |fate: Fate| tally.events.get(&fate).copied().unwrap_or_default();
    let said: Vec<String> = [
        (of(Fate::Duplicate), "told twice"),
        (of(Fate::OutOfOrder), "told after a later one"),
        (of(Fate::Untracked), "of clients beyond the limit"),
        (tally.malformed, "that cannot be read"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", counted(count, "event")))
    .collect();
    html! { @if !said.is_empty() { p.more { small { (said.join(", ")) "." } } } }
}

#[expect(clippy::cast_precision_loss, reason = "counts of drops are far below 2^52")]
fn share(count: u64, all: u64) -> f64 {
    count as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::tests::Story;
    use super::*;
    use crate::config::{Fleet, FleetKind};
    use crate::lifecycle::presence::By;
    use crate::source::fleet::{Offenders, Watch};

    const HOSTILE: &str = "<script>alert(1)</script>\" onload=x";

    fn some(story: &Story, shows_clients: bool) -> Clients {
        let settings = Fleet { show_clients: shows_clients, ..Fleet::of(FleetKind::Mosquitto) };
        let now = crate::clock::Now { at: crate::clock::Instant::default(), wall: story.now() };
        let mut clients = Watch::new(&settings).view(now);
        clients.standing.clients = 120;
        clients.standing.connected = 80;
        clients.tally.connects = 200;
        clients.tally.disconnects = [
            ((Reason::KeepAliveTimeout, By::Broker), 90),
            ((Reason::ClientInitiatedDisconnect, By::Client), 10),
        ]
        .into();
        clients.tally.lasted(Duration::from_secs(45));
        clients.tally.events = [(Fate::Duplicate, 3)].into();
        clients.bursts = vec![Burst {
            began: story.now() - Duration::from_secs(600),
            ended: story.now() - Duration::from_secs(590),
            clients: 40,
            reasons: vec![(Reason::KeepAliveTimeout, 40)],
        }];
        let id = shows_clients.then(|| HOSTILE.to_owned());
        let (key, drops, shortest) = (0xabcd_ef01_0000_0000, 17, Some(Duration::from_secs(2)));
        let heard_ago = Duration::from_secs(30);
        let offender = Offender { key, id, drops, shortest, connected: Some(true), heard_ago };
        clients.offenders = Offenders { clients: 1, worst: vec![offender] };
        clients
    }

    #[test]
    fn a_fleet_is_told_in_words_and_a_stranger_s_id_is_only_text() {
        let story = Story::new();
        let view = story.view(Duration::from_secs(3600));
        let page = clients(&some(&story, true), &view).into_string();
        for said in [
            "120 clients known, 80 of them seen to connect",
            "nothing heard of it for 1.5 keep-alives",
            "40 clients dropped together (nothing heard of it for 1.5 keep-alives, 40 times)",
            "10 s to 1 min",
            "17 drops",
            "3 events told twice",
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=x",
        ] {
            assert!(page.contains(said), "{said} is not in {page}");
        }
        assert!(!page.contains("<script") && !page.contains("style="), "{page}");
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    }

    #[test]
    fn an_id_that_is_not_to_be_shown_is_a_number() {
        let mut story = Story::new();
        story.begins();
        let view = story.view(Duration::from_secs(3600));
        let page = clients(&some(&story, false), &view).into_string();
        assert!(page.contains("#abcdef01") && page.contains("show_clients = true"), "{page}");
        let empty = Watch::new(&Fleet::of(FleetKind::AwsIot));
        let now = crate::clock::Now { at: crate::clock::Instant::default(), wall: story.now() };
        let page = clients(&Arc::new(empty.view(now)), &view).into_string();
        assert!(page.contains("0 clients known") && !page.contains("<table"), "{page}");
    }
}
