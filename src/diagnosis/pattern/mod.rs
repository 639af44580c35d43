//! The tests over many drops: regular ages, known limits, counts, events, packets, silences, takeovers, the clock
//! (drop-diagnosis.md sections 3 to 5). Pure.
//!
//! Never reads a clock and never throws dice without a fixed seed: the same case gives the same claims. Never says a
//! word: claims are numbers.

mod ages;
pub mod burst;
mod clock;
mod count;
mod event;
#[cfg(test)]
pub(super) mod examples;
mod hint;
pub mod idle;
pub mod limits;
mod math;
mod packet;
mod scan;
mod takeover;
mod view;

use super::{Case, Claim};
use view::View;

/// The tests run after these drops, and after every tenth from then on. More looks are more false alarms.
pub const LOOKS: [u64; 13] = [3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50];

/// Fewer drops carry no pattern.
const LEAST: usize = 3;

/// Whether the tests run after this drop, counted from 1.
#[must_use]
pub fn is_look(drop: u64) -> bool {
    LOOKS.contains(&drop) || (drop > 50 && drop.is_multiple_of(10))
}

/// All claims that pass, in the order of their precedence (section 6): packet, event, silence, takeover, then one of count,
/// age or clock, and the hint of a clock only where nothing else claims.
#[must_use]
pub fn claims(case: &Case) -> Vec<Claim> {
    let view = View::of(case);
    let enough = view.drops.len() >= LEAST;
    let mut claims = if enough { packet::claims(&view) } else { Vec::new() };
    let provoked = !claims.is_empty();
    if enough {
        claims.extend(event::claims(&view, &case.events));
        claims.extend(idle::claim(&view, &case.survived_gaps));
    }
    if !provoked {
        claims.extend(takeover::claim(case));
    }
    if enough {
        claims.extend(ages::claim(&view, case));
    }
    if enough && claims.is_empty() {
        claims.extend(hint::claim(&view, case.utc_offset));
    }
    claims
}

#[cfg(test)]
mod tests;
