//! What all pictures share: numbers of SVG, the axis of time, the shapes of marks.
//! Never stretches a word: places along the axis are percent, so that text keeps its size on every screen.

use maud::{Markup, html};

use super::view::View;
use super::window::{Tick, ticks};

/// `12.34%`.
pub(super) fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

/// A tenth of a pixel is finer than a screen.
pub(super) fn pixel(value: f64) -> String {
    format!("{value:.1}")
}

/// Thin lines at the ticks.
pub(super) fn grid(view: &View, height: f64) -> Markup {
    html! {
        @for tick in ticks(view.window, &view.zone) {
            line.grid x1=(percent(tick.at)) x2=(percent(tick.at)) y1="0" y2=(pixel(height)) {}
        }
    }
}

/// The words of the axis at this height; each leads to the stretch that begins with it.
pub(super) fn axis(view: &View, y: f64) -> Markup {
    html! {
        g.ticks {
            @for (index, tick) in ticks(view.window, &view.zone).iter().enumerate() { (word(tick, index, view, y)) }
        }
    }
}

fn word(tick: &Tick, index: usize, view: &View, y: f64) -> Markup {
    let address = view.ask.link(Some(tick.stretch.query()), None);
    // A word in the middle of its line would leave the picture at its ends.
    let anchor = match tick.at {
        ..4.0 => "start",
        96.0.. => "end",
        _ => "middle",
    };
    let (from, to) = (view.local(tick.stretch.from), view.local(tick.stretch.to));
    html! {
        // On a phone every second word has room.
        a.(if index.is_multiple_of(2) { "even" } else { "odd" }) href=(address) {
            title { "show " (from) " to " (to) }
            text x=(percent(tick.at)) y=(pixel(y)) text-anchor=(anchor) { (tick.label) }
        }
    }
}

/// The shapes that marks refer to; once per page.
pub(super) fn shapes() -> Markup {
    html! {
        svg.shapes width="0" height="0" aria-hidden="true" {
            defs {
                path id="living" d="M0,-5 L4.5,3.5 L-4.5,3.5 Z" {}
                pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch width="2.5" height="6" {}
                }
            }
        }
    }
}

/// A horizontal bar of this share (0 to 1), beside a number that says the same.
pub(super) fn bar(share: f64) -> Markup {
    html! {
        svg.bar width="100%" height="8" aria-hidden="true" {
            rect.whole width="100%" height="8" rx="2" {}
            rect.part width=(percent(100.0 * share.clamp(0.0, 1.0))) height="8" rx="2" {}
        }
    }
}
