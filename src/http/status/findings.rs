//! What the diagnosis found, in words; and where it found nothing, what that means and what cannot be known.
//! Never says "the cause is" of what is only inferred, and never shows a probability.

use std::time::Duration;

use maud::{Markup, html};

use super::causes::{known, marked, meaning, words};
use super::limits;
use super::past::Past;
use super::view::View;
use super::words::{counted, span};
use crate::diagnosis::{Evidence, Finding};

/// A pattern of the clock needs so many days.
const DAYS: Duration = Duration::from_secs(3 * 86_400);

/// The findings that stand, or why there is none; and what the diagnosis says beside them.
pub(super) fn findings(past: &Past, view: &View, id: &str) -> Markup {
    let (nothing, unknowable) = remarks(past);
    html! {
        h3 { "What stands out" }
        @for (index, finding) in past.findings.iter().enumerate() { (one(index + 1, finding, view)) }
        @if past.findings.is_empty() {
            p.verdict { (sentence(&nothing)) @if let Some(hint) = hint(past, view) { " " (hint) } }
        }
        @if !unknowable.is_empty() {
            details id={ "unknown-" (id) } {
                summary { "What cannot be known yet" }
                ul { @for remark in unknowable { li { (sentence(&remark)) } } }
            }
        }
    }
}

/// What it means that there is no finding, and what the data at hand cannot decide.
fn remarks(past: &Past) -> (String, Vec<String>) {
    let says_nothing = |remark: &&String| remark.contains("no pattern");
    let nothing = past.remarks.iter().find(says_nothing).cloned().unwrap_or_else(|| none_yet(past));
    let others = past.remarks.iter().filter(|remark| !says_nothing(remark)).cloned();
    (nothing, others.chain(too_short(past)).chain(late(past)).collect())
}

/// Before the diagnosis has said anything.
fn none_yet(past: &Past) -> String {
    if past.sessions.is_empty() && past.living.is_none() {
        return "There was no session yet, so there is no drop to explain.".to_owned();
    }
    match past.sessions.iter().filter(|session| !session.censored()).count() {
        0 => "No drop is known: there is nothing to explain.".to_owned(),
        drops => format!(
            "{}, no pattern so far. What was seen of each stands with it below.",
            counted(drops as u64, "drop")
        ),
    }
}

/// Where drops lie at a known limit and no finding says so.
fn hint(past: &Past, view: &View) -> Option<String> {
    let lines = limits::relevant(past, view.window);
    let line = lines.first()?;
    let limit = span(Duration::try_from_secs_f64(line.length).unwrap_or_default());
    let reached = counted(line.reached as u64, "session");
    let ended = line.drops;
    Some(format!(
        "Yet {ended} of {reached} that got so old ended {limit} after connecting: worth a look, though no test confirms it."
    ))
}

/// A sentence ends with a full stop.
fn sentence(words: &str) -> String {
    if words.ends_with('.') { words.to_owned() } else { format!("{words}.") }
}

/// Whether what is known is too short for a pattern of days.
fn too_short(past: &Past) -> Option<String> {
    let (first, last) = (past.sessions.first()?, past.sessions.last()?);
    let covered = last.end.wall.duration_since(first.start.wall).unwrap_or_default();
    (covered < DAYS).then(|| {
        let covered = span(Duration::from_secs(covered.as_secs()));
        format!("Whether the time of day matters: what is known covers {covered}, and a pattern of the clock takes days.")
    })
}

/// How exactly the ends of sessions are known.
fn late(past: &Past) -> Option<String> {
    let dropped = past.sessions.iter().filter(|session| !session.censored());
    let late: Vec<Duration> =
        dropped.map(|drop| drop.uncertainty()).filter(|late| late.as_secs() > 0).collect();
    let longest = span(Duration::from_secs(late.iter().max()?.as_secs()));
    let sessions = counted(late.len() as u64, "session");
    Some(format!("When exactly {sessions} ended: a timeout noticed it, up to {longest} late."))
}

fn one(number: usize, finding: &Finding, view: &View) -> Markup {
    let support = format!("{} of {}", finding.claim.support, finding.claim.of);
    html! {
        article.finding {
            h4 {
                (number) ". " (words(finding.cause)) " "
                span.evidence.(finding.evidence.as_str()) title=(meaning(finding.evidence)) { (known(finding.evidence)) }
                " " code { (finding.cause) }
            }
            p.said { (marked(&finding.words)) }
            @if let Some(other) = finding.or {
                p { "As well fits: " (words(other)) " " code { (other) } "." }
            }
            @if !finding.advice.is_empty() { p.advice { strong { "What to do: " } (marked(&finding.advice)) } }
            dl {
                (fact("support", &html! { (support) " in the test, " (share(finding.share)) " of all drops that could be explained" }))
                (fact("drops", &html! { (view.time(finding.first)) " to " (view.time(finding.last)) }))
                (fact("known since", &view.when(finding.since)))
                @if finding.contradicted > 0 {
                    (fact("contradicted", &html! { "by " (counted(u64::from(finding.contradicted), "session")) " since" }))
                }
                @if !finding.disproof.is_empty() { (fact("would disprove it", &marked(&finding.disproof))) }
                @if !finding.test.is_empty() { (fact("how it was found", &html! { (finding.test) })) }
            }
            @if finding.evidence == Evidence::Suspected { p { small { "Suspected only: it looks like it, and other causes look the same." } } }
        }
    }
}

fn fact(term: &str, value: &Markup) -> Markup {
    html! { div { dt { (term) } dd { (value) } } }
}

fn share(share: f64) -> String {
    format!("{:.0} %", 100.0 * share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Story;
    use super::*;
    use crate::diagnosis::Pattern;

    const DAY: Duration = Duration::from_secs(86_400);

    fn page(story: &Story) -> String {
        findings(&story.past(DAY), &story.view(DAY), "home").into_string()
    }

    #[test]
    fn a_finding_is_told_in_full() {
        let mut story = Story::new();
        story.drops_after(3_600, 5).finds(Pattern::Lifetime {
            age: 3_600.0,
            from: 3_600.0,
            to: 3_600.0,
            limit: Some(3_600.0),
        });
        let page = page(&story);
        for said in [
            "1. a limit on the age of sessions",
            "inferred",
            "5 of 7 drops came 1 h after connecting",
            "5 of 7 in the test, 71 % of all drops",
            "a planned reconnect before that",
            "a session that lives longer",
            "window scan",
            "something at this time of the clock",
        ] {
            assert!(page.contains(said), "{said} is not in {page}");
        }
    }

    #[test]
    fn where_there_is_no_finding_the_diagnosis_has_the_word() {
        let mut story = Story::new();
        assert!(page(&story).contains("There was no session yet"), "{}", page(&story));
        story.closes_after(2_500, 1);
        assert!(page(&story).contains("No drop is known"), "{}", page(&story));
        story.drops_after(2_500, 10);
        assert!(page(&story).contains("10 drops, no pattern so far."), "{}", page(&story));
        let said = "10 drops, no pattern in age, time of day, message count, commands or idle time";
        story.remarks(&[said, "Whether a NAT forgets cannot be known"]);
        let page = page(&story);
        assert!(page.contains(&format!("<p class=\"verdict\">{said}.</p>")), "{page}");
        assert!(page.contains("<li>Whether a NAT forgets cannot be known.</li>"), "{page}");
    }

    #[test]
    fn drops_at_a_known_limit_are_not_simply_without_pattern() {
        let mut story = Story::new();
        story.drops_after(3_600, 10);
        let page = page(&story);
        assert!(page.contains("Yet 10 of 10 sessions that got so old ended 1 h after connecting"), "{page}");
    }

    #[test]
    fn what_is_known_may_be_too_short_for_the_clock() {
        let mut story = Story::new();
        story.drops_after(600, 2);
        assert!(page(&story).contains("covers 20 min"), "{}", page(&story));
        story.drops_after(2 * 86_400, 2);
        assert!(!page(&story).contains("the time of day matters"), "{}", page(&story));
    }
}
