//! The lengths of dropped sessions against the limits that are known from others (drop-diagnosis.md section 4.2). Pure.
//! Never a claim: that is the diagnosis' to make. Here it is a remark that says how little it proves.

use super::block::Block;
use super::words::{counted, span};
use crate::diagnosis::catalogue::{LIMITS, window};
use crate::lifecycle::export::{Connection, Drop};

/// The silence that is allowed when nobody says how long.
const USUAL_KEEP_ALIVE: f64 = 60.0;

pub(super) fn section(blocks: &mut Vec<Block>, connection: &Connection) {
    let ages: Vec<f64> = connection.past.recent_drops.iter().filter_map(age).collect();
    let keep_alive = connection.keep_alive_seconds.unwrap_or(USUAL_KEEP_ALIVE);
    let rows: Vec<_> =
        LIMITS.iter().filter_map(|limit| row(&ages, limit.seconds, limit.owner, keep_alive)).collect();
    if rows.is_empty() {
        return;
    }
    blocks.push(Block::Heading(3, "Lengths near known limits".to_owned()));
    blocks.push(Block::Text(
        "By itself this proves nothing: among many limits some length is always near one. A finding says when it is more \
         than chance."
            .to_owned(),
    ));
    blocks.push(Block::Table(vec!["limit", "drops near it", "whose it is known to be"], rows));
}

fn age(drop: &Drop) -> Option<f64> {
    drop.age_seconds.or(drop.duration_connected_seconds)
}

/// What is near this limit; one drop alone is not worth a line.
fn row(ages: &[f64], limit: f64, owner: &str, keep_alive: f64) -> Option<Vec<String>> {
    let (from, to) = window(limit, keep_alive);
    let near = ages.iter().filter(|age| (from..=to).contains(*age)).count() as u64;
    let reached = ages.iter().filter(|age| **age >= from).count() as u64;
    let owner = if owner.is_empty() { "no one in particular" } else { owner };
    (near >= 2).then(|| {
        vec![span(limit), format!("{near} of {} so long", counted(reached, "drop")), owner.to_owned()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_when_two_drops_are_near_it() {
        let ages = [86_397.0, 86_402.0, 3_711.0, 86_399.0, 51_234.0];
        assert_eq!(
            row(&ages, 86_400.0, "AWS IoT WebSockets", 60.0).unwrap(),
            ["1 d", "3 of 3 drops so long", "AWS IoT WebSockets"]
        );
        assert_eq!(row(&ages, 3_600.0, "tokens", 60.0), None);
        assert_eq!(row(&ages, 43_200.0, "", 60.0), None);
    }
}
