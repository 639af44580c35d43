//! What the log hears of findings.
//!
//! Never tells the same twice.

use tracing::info;

use super::super::{Finding, combine};

/// One line when a finding appears, when it becomes another and when it goes.
pub(super) fn tell(connection: &str, before: &[Finding], after: &[Finding]) {
    let alike = |one: &Finding, other: &Finding| combine::same(&one.claim.pattern, &other.claim.pattern);
    let better = |gone: &Finding| after.iter().any(|finding| replaces(finding, gone));
    for finding in after {
        let earlier = before.iter().find(|earlier| alike(earlier, finding));
        let what = match earlier {
            // The same drops, told by another test: that is no news to act on.
            None if before.iter().any(|gone| {
                replaces(finding, gone) && gone.cause == finding.cause && gone.or == finding.or
            }) =>
            {
                continue;
            }
            None if before.iter().any(|gone| replaces(finding, gone)) => {
                "a pattern in the drops is better known"
            }
            None => "a pattern in the drops",
            Some(earlier) if (earlier.cause, earlier.or) != (finding.cause, finding.or) => {
                "a pattern in the drops is better known"
            }
            Some(_) => continue,
        };
        let Finding { cause, evidence, words, advice, .. } = finding;
        info!(connection, cause = cause.as_str(), evidence = evidence.as_str(), "{what}: {words} {advice}");
    }
    for finding in before.iter().filter(|finding| !after.iter().any(|later| alike(finding, later))) {
        if better(finding) {
            continue;
        }
        let Finding { cause, contradicted, .. } = finding;
        info!(
            connection,
            cause = cause.as_str(),
            contradicted,
            "a pattern in the drops does not stand any more: {}",
            finding.words
        );
    }
}

/// Whether what is found now explains the drops of a finding that is gone.
fn replaces(now: &Finding, gone: &Finding) -> bool {
    let (of, by) = (&gone.claim.members, &now.claim.members);
    let both = of.iter().filter(|number| by.contains(number)).count();
    both > 0 && both * 2 > of.len()
}
