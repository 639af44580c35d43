//! Drops by name and by cause, the last drops one by one, and the newest sessions however they ended.
//! Never shows an address or a topic, which the history holds for the diagnosis.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::causes::{badge, known, meaning, words};
use super::past::Past;
use super::picture::bar;
use super::view::View;
use super::words::{counted, span};
use crate::connection::error::ErrorName;
use crate::diagnosis::{Cause, Evidence};
use crate::lifecycle::CloseCause;
use crate::lifecycle::history::{End, Session};

/// How often each name and each cause ended a session in the window, most frequent first.
pub(super) fn tallies(past: &Past, view: &View) -> Markup {
    let mut names: BTreeMap<ErrorName, usize> = BTreeMap::new();
    let mut causes: BTreeMap<(Cause, Evidence), usize> = BTreeMap::new();
    for drop in past.drops(view.window) {
        if let Some(failure) = drop.failure() {
            *names.entry(failure.error).or_default() += 1;
        }
        let verdict = past.verdicts.get(&drop.number);
        let cause =
            verdict.map_or((Cause::Unknown, Evidence::None), |verdict| (verdict.cause, verdict.evidence));
        *causes.entry(cause).or_default() += 1;
    }
    let names = sorted(names);
    let causes = sorted(causes);
    html! {
        @if !names.is_empty() {
            div.pair {
                table.counts {
                    caption { "Drops by name" }
                    tbody {
                        @for (error, count) in &names {
                            tr {
                                td.number { (count) }
                                td { code { (error) } @if let Some(code) = error.code() { " " small { (code) } } (bar(share(*count, &names))) }
                            }
                        }
                    }
                }
                table.counts {
                    caption { "Drops by cause" }
                    tbody {
                        @for ((cause, evidence), count) in &causes {
                            tr {
                                td.number { (count) }
                                td {
                                    (words(*cause)) " "
                                    span.evidence.(evidence.as_str()) title=(meaning(*evidence)) { (known(*evidence)) }
                                    " " code { (cause) }
                                    (bar(share(*count, &causes)))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn sorted<K: Ord>(counts: BTreeMap<K, usize>) -> Vec<(K, usize)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[expect(clippy::cast_precision_loss, reason = "counts of drops are far below 2^52")]
fn share<K>(count: usize, counts: &[(K, usize)]) -> f64 {
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    count as f64 / all.max(1) as f64
}

/// The last drops in the window, newest first, so many of them.
pub(super) fn last(past: &Past, view: &View, rows: usize) -> Markup {
    let drops: Vec<&Session> = past.drops(view.window).rev().collect();
    let older = drops.len().saturating_sub(rows);
    html! {
        @if !drops.is_empty() {
            table.past {
                caption {
                    "Last drops"
                    @if older > 0 { small { " the newest " (rows) " of " (drops.len()) " in this time" } }
                }
                thead { tr { th scope="col" { "when" } th scope="col" { "session" } th scope="col" { "what happened" } } }
                tbody { @for drop in drops.iter().take(rows) { (drop_row(drop, past, view)) } }
            }
            @if let Some(oldest) = drops.get(rows.saturating_sub(1)).filter(|_| older > 0) {
                p.more {
                    a href=(view.ask.link(Some(super::window::Window { from: view.window.from, to: oldest.end.wall }.query()), None)) {
                        "older drops"
                    }
                }
            }
        }
    }
}

fn drop_row(drop: &Session, past: &Past, view: &View) -> Markup {
    let verdict = past.verdicts.get(&drop.number);
    html! {
        tr {
            td { (view.time(drop.end.wall)) br; small { (view.ago(drop.end.wall)) } }
            td title={ "session " (drop.number) ", after " (counted(u64::from(drop.attempts), "attempt")) } {
                (span(drop.age()))
                @if drop.uncertainty().as_secs() > 0 {
                    br; small { "noticed " (span(drop.uncertainty())) " later" }
                }
            }
            td {
                @if let Some(failure) = drop.failure() {
                    (failure.message) " " code { (failure.error) }
                }
                @if let Some(verdict) = verdict {
                    div.verdict {
                        (badge(verdict.cause, verdict.evidence))
                        @if verdict.cause != Cause::Unknown { ": " (verdict.words) }
                    }
                }
                div.after { small {
                    (after(drop, past))
                    @if let Some(finding) = past.finding(drop.number) { " · fits finding " (finding) }
                } }
            }
        }
    }
}

/// What came after the drop.
fn after(drop: &Session, past: &Past) -> Markup {
    html! {
        @if let Some(outage) = past.outage(drop) {
            "back after " (span(outage))
            @if let Some(attempts) = past.attempts_after(drop) { ", " (counted(u64::from(attempts), "attempt")) }
        } @else if drop.number == past.last_number {
            "not back yet"
        }
    }
}

/// The newest sessions in the window, however they ended.
pub(super) fn sessions(past: &Past, view: &View, rows: usize) -> Markup {
    let ended: Vec<&Session> = past.ended(view.window).rev().take(rows).collect();
    html! {
        @if ended.iter().any(|session| session.censored()) {
            table.past {
                caption { "Last sessions, however they ended" }
                thead { tr { th scope="col" { "ended" } th scope="col" { "lasted" } th scope="col" { "how it ended" } } }
                tbody {
                    @for session in ended {
                        tr {
                            td { (view.time(session.end.wall)) }
                            td { (span(session.lasted())) }
                            td { (ending(&session.ending)) }
                        }
                    }
                }
            }
        }
    }
}

fn ending(end: &End) -> Markup {
    match end {
        End::Dropped(failure) => html! { span.dropped { "dropped" } " " code { (failure.error) } },
        End::Closed(cause) => html! { span.closed { "closed" } " " (closed(*cause)) },
    }
}

const fn closed(cause: CloseCause) -> &'static str {
    match cause {
        CloseCause::Shutdown => "by us: the exporter stopped",
        CloseCause::Reload => "by us: the configuration changed",
        CloseCause::Renewal => "by us: renewed before its lifetime ran out",
        CloseCause::DeepReconnect => "by us: everything was rebuilt",
        CloseCause::Probe => "by us: a diagnostic probe",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::Story;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_drop_is_told_with_its_cause_its_evidence_and_its_end() {
        let mut story = Story::new();
        story.outage(42).drops_after(600, 2);
        let page = last(&story.past(DAY), &story.view(DAY), 10).into_string();
        for said in [
            "10 min",
            "the broker hung up",
            "the network path went dead",
            "observed",
            "path_dead",
            "three packets were not acknowledged",
            "back after 42 s, 1 attempt",
            "not back yet",
        ] {
            assert!(page.contains(said), "{said} is not in {page}");
        }
    }

    #[test]
    fn a_long_list_is_cut_and_the_rest_is_a_link_away() {
        let mut story = Story::new();
        story.drops_after(600, 30);
        let page = last(&story.past(DAY), &story.view(DAY), 10).into_string();
        assert_eq!(page.matches("<tr>").count(), 11);
        assert!(page.contains("the newest 10 of 30 in this time"), "{page}");
        assert!(page.contains(">older drops</a>"), "{page}");
    }

    #[test]
    fn drops_are_counted_by_name_and_by_cause() {
        let mut story = Story::new();
        story.drops_after(600, 3).unexplained().drops_after(600, 1);
        let page = tallies(&story.past(DAY), &story.view(DAY)).into_string();
        let of = |what: &str| page.find(what).unwrap_or_else(|| panic!("{what} is not in {page}"));
        assert!(page.contains("<td class=\"number\">4</td><td><code>AWS_ERROR_MQTT_UNEXPECTED_HANGUP</code> <small>5134</small>"), "{page}");
        assert!(of("the network path went dead") < of("no evidence"), "the most frequent first");
    }

    #[test]
    fn what_a_peer_said_is_escaped() {
        let mut story = Story::new();
        story.says("<script>\"'&").drops_after(600, 1);
        let page = last(&story.past(DAY), &story.view(DAY), 10).into_string();
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;&quot;"), "{page}");
    }
}
