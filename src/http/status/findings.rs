//! What the diagnosis found, in words; and where it found nothing, what that means and what cannot be known.
//! Never says "the cause is" of what is only inferred, and never shows a probability.

use std::time::Duration;

use maud::{Markup, html};

use super::causes::{known, meaning, words};
use super::limits::{self, Line};
use super::past::Past;
use super::view::View;
use super::words::{counted, span};
use crate::diagnosis::{Evidence, Finding};
use crate::lifecycle::history::Session;

/// Drops without which no test looks (drop-diagnosis.md section 9).
const FEWEST: usize = 3;
/// Drops from which the absence of a pattern is worth a word (section 10).
const TELLING: usize = 10;
/// Silences that differ less than this tell nothing about how long a silence may be.
const ALIKE: f64 = 1.2;
/// A pattern of the clock needs so many days.
const DAYS: Duration = Duration::from_secs(3 * 86_400);

/// The findings that stand, or why there is none.
pub(super) fn findings(past: &Past, view: &View, id: &str) -> Markup {
    html! {
        h3 { "What stands out" }
        @for (index, finding) in past.findings.iter().enumerate() { (one(index + 1, finding, view)) }
        @let kept = past.sessions.iter().filter(|session| !session.censored()).count();
        @if past.findings.is_empty() { p.verdict { (nothing(kept, &limits::relevant(past, view.window))) } }
        @let unknowable = unknowable(past);
        @if kept > 0 && !unknowable.is_empty() {
            details id={ "unknown-" (id) } {
                summary { "What cannot be known yet" }
                ul { @for sentence in unknowable { li { (sentence) } } }
            }
        }
    }
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
            p.said { (finding.words) }
            @if let Some(other) = finding.or {
                p { "It fits as well: " (words(other)) " " code { (other) } ". The two cannot be told apart yet." }
            }
            @if !finding.advice.is_empty() { p.advice { strong { "What to do: " } (finding.advice) } }
            dl {
                (fact("support", &html! { (support) ", " (share(finding.share)) " of the drops that could be explained" }))
                (fact("drops", &html! { (view.time(finding.first)) " to " (view.time(finding.last)) }))
                (fact("known since", &view.when(finding.since)))
                @if finding.contradicted > 0 {
                    (fact("contradicted", &html! { "by " (counted(u64::from(finding.contradicted), "session")) " since" }))
                }
                @if !finding.disproof.is_empty() { (fact("would disprove it", &html! { (finding.disproof) })) }
                @if !finding.test.is_empty() { (fact("how it was found", &html! { (finding.test) })) }
            }
            @if finding.evidence == Evidence::Suspected { p { small { "Suspected only: it looks like it, and no test passed." } } }
        }
    }
}

fn fact(term: &str, value: &Markup) -> Markup {
    html! { div { dt { (term) } dd { (value) } } }
}

fn share(share: f64) -> String {
    format!("{:.0} %", 100.0 * share.clamp(0.0, 1.0))
}

/// What it means that there is no finding.
fn nothing(drops: usize, lines: &[Line]) -> String {
    if let Some(line) = lines.first().filter(|_| drops >= FEWEST) {
        let limit = span(Duration::from_secs_f64(line.length));
        return format!(
            "{drops} drops, no pattern that a test confirms yet. {} of {} that got so old ended {limit} after \
             connecting: worth a look.",
            line.drops,
            counted(line.reached as u64, "session"),
        );
    }
    match drops {
        0 => "No drop is known: there is nothing to explain.".to_owned(),
        1..FEWEST => format!(
            "{}: too few to show a pattern, it takes at least {FEWEST}.",
            counted(drops as u64, "drop")
        ),
        FEWEST..TELLING => {
            format!("{drops} drops, no pattern so far. What was seen of each stands with it below.")
        }
        TELLING.. => format!(
            "{drops} drops, no pattern in age, time of day, message count, commands or idle time. \
             Such drops come and go by themselves, or follow something that is not seen from here."
        ),
    }
}

/// What the data at hand can not decide, in sentences.
fn unknowable(past: &Past) -> Vec<String> {
    let mut sentences = Vec::new();
    let silences = past.silences;
    if silences.count == 0 {
        sentences.push(
            "Whether silence ends sessions: there was no silence of 5 s that a packet of ours ended."
                .to_owned(),
        );
    } else if silences.longest.as_secs_f64() < ALIKE * silences.shortest.as_secs_f64() {
        let about = span(Duration::from_secs(silences.longest.as_secs().max(1)));
        sentences.push(format!(
            "Whether silence ends sessions: all silences lasted about as long ({about}). Another keep-alive would show it."
        ));
    }
    if let (Some(first), Some(last)) = (past.sessions.first(), past.sessions.last()) {
        let covered = last.end.at.saturating_since(first.start.at);
        if covered < DAYS {
            sentences.push(format!(
                "Whether the time of day matters: what is known covers {}, and a pattern of the clock takes days.",
                span(Duration::from_secs(covered.as_secs()))
            ));
        }
    }
    let late =
        past.sessions.iter().filter(|session| !session.censored() && session.uncertainty().as_secs() > 0);
    let late: Vec<Duration> = late.map(|session| Session::uncertainty(session)).collect();
    if let Some(longest) = late.iter().max() {
        sentences.push(format!(
            "When exactly {} ended: it was noticed by a timeout, up to {} late.",
            counted(late.len() as u64, "session"),
            span(Duration::from_secs(longest.as_secs()))
        ));
    }
    sentences.push(
        "In which direction a path was broken: TCP says that acknowledgements stopped, not where.".to_owned(),
    );
    sentences
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
            "5 of 7, 71 % of the drops",
            "a planned reconnect before that",
            "a session that lives longer",
            "window scan",
            "something at this time of the clock",
        ] {
            assert!(page.contains(said), "{said} is not in {page}");
        }
    }

    #[test]
    fn no_finding_is_told_by_how_much_there_is_to_see() {
        for (drops, said) in [
            (0, "No drop is known"),
            (2, "2 drops: too few to show a pattern, it takes at least 3"),
            (3, "3 drops, no pattern so far"),
            (10, "10 drops, no pattern in age, time of day, message count, commands or idle time"),
        ] {
            let mut story = Story::new();
            story.drops_after(2_500, drops);
            let page = page(&story);
            assert!(page.contains(said), "{said} is not in {page}");
        }
    }

    #[test]
    fn drops_at_a_known_limit_are_not_called_without_pattern() {
        let mut story = Story::new();
        story.drops_after(3_600, 10);
        let page = page(&story);
        assert!(page.contains("no pattern that a test confirms yet. 10 of 10 sessions"), "{page}");
        assert!(!page.contains("no pattern in age"), "{page}");
    }

    #[test]
    fn what_cannot_be_known_depends_on_what_was_seen() {
        let mut story = Story::new();
        story.silences(&[30, 31, 33]).drops_after(600, 2);
        let alike = page(&story);
        assert!(alike.contains("all silences lasted about as long (33 s)"), "{alike}");
        assert!(alike.contains("covers 20 min"), "{alike}");
        story.silences(&[30, 90]).drops_after(2 * 86_400, 2);
        let known = page(&story);
        assert!(!known.contains("silence") && !known.contains("the time of day matters"), "{known}");
    }
}
