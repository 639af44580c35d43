//! What one rendering of the page is about: the present, the zone, the stretch of time, and how links are written.
//! Never reads a clock or a history.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::window::{Range, Window};
use super::words::distance;
use crate::clock::Instant;
use crate::host::Signal;

/// What was asked for in the address.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    /// The stretch of time.
    pub(super) range: Range,
    /// Page of the overview, from 1.
    pub(super) page: usize,
    /// Whether the page asks for itself again.
    pub(super) refreshes: bool,
    /// What of the address could not be understood.
    pub(super) fault: Option<String>,
}

impl Ask {
    /// Of the pairs of an address; the last of a name counts.
    pub(super) fn of(pairs: &[(String, String)], now: SystemTime, zone: &TimeZone) -> Self {
        let get = |name: &str| {
            let found = pairs.iter().rev().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let (range, fault) = match Range::parse(get("range"), get("from"), get("to"), now, zone) {
            Ok(range) => (range, None),
            Err(fault) => (Range::Fitting, Some(fault)),
        };
        let page = get("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        Self { range, page, refreshes: get("refresh") != Some("off"), fault }
    }

    /// The part of an address that keeps the stretch of time, or nothing if none was asked for.
    pub(super) fn stretch(&self) -> Option<String> {
        match self.range {
            Range::Fitting => None,
            Range::Last(length) => Some(format!("range={}", length_word(length))),
            Range::Between(from, to) => Some(Window { from, to }.query()),
        }
    }

    /// An address with this stretch and these further words; what else was asked for stays.
    pub(super) fn link(&self, stretch: Option<String>, more: Option<String>) -> String {
        let off = (!self.refreshes).then(|| "refresh=off".to_owned());
        let words: Vec<String> = [stretch, more, off].into_iter().flatten().collect();
        format!("?{}", words.join("&"))
    }
}

/// A length as the address has it: `24h` rather than `1day`.
pub(super) fn length_word(length: Duration) -> String {
    let preset = super::window::PRESETS.iter().find(|(_, known)| *known == length);
    preset.map_or_else(|| format!("{}s", length.as_secs()), |(word, _)| (*word).to_owned())
}

/// One rendering.
pub(super) struct View {
    /// What was asked for.
    pub(super) ask: Ask,
    /// The present.
    pub(super) now: SystemTime,
    /// The same on the boot clock.
    pub(super) at: Instant,
    /// The zone of this server.
    pub(super) zone: TimeZone,
    /// The stretch of time.
    pub(super) window: Window,
    /// What happened on this machine in it, oldest first.
    pub(super) host: Vec<Signal>,
    /// From this page to the first: empty or `../`.
    pub(super) root: &'static str,
}

impl View {
    /// A time as people of this server read it: `21 Nov 12:04:05`, with the offset and the exact one at hand.
    pub(super) fn time(&self, at: SystemTime) -> Markup {
        self.stamped(at, &self.local(at))
    }

    /// A time relative to now, with the exact one at hand.
    pub(super) fn ago(&self, at: SystemTime) -> Markup {
        self.stamped(at, &distance(at, self.now))
    }

    /// Both, the second small.
    pub(super) fn when(&self, at: SystemTime) -> Markup {
        html! { (self.time(at)) " " small { (self.ago(at)) } }
    }

    /// `21 Nov 12:04:05`, with the year where it is another.
    pub(super) fn local(&self, at: SystemTime) -> String {
        let (zoned, now) = (self.zoned(at), self.zoned(self.now));
        let form = if zoned.year() == now.year() { "%-d %b %H:%M:%S" } else { "%-d %b %Y %H:%M:%S" };
        zoned.strftime(form).to_string()
    }

    /// `2026-11-21T12:04:05+01:00`.
    pub(super) fn exact(&self, at: SystemTime) -> String {
        self.zoned(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// `UTC+01:00`.
    pub(super) fn offset(&self) -> String {
        format!("UTC{}", self.zoned(self.now).strftime("%:z"))
    }

    fn stamped(&self, at: SystemTime, words: &str) -> Markup {
        let exact = self.exact(at);
        html! { time datetime=(exact) title=(exact) { (words) } }
    }

    fn zoned(&self, at: SystemTime) -> jiff::Zoned {
        // A time that no calendar has is shown as the beginning of them all.
        Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600)
    }

    fn ask(words: &[(&str, &str)]) -> Ask {
        let pairs: Vec<_> =
            words.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Ask::of(&pairs, now(), &TimeZone::UTC)
    }

    #[test]
    fn links_keep_what_was_asked_for() {
        let plain = ask(&[]);
        assert_eq!((plain.page, plain.refreshes, plain.stretch()), (1, true, None));
        let asked = ask(&[("range", "24h"), ("page", "3"), ("refresh", "off")]);
        assert_eq!(asked.link(asked.stretch(), Some("page=4".to_owned())), "?range=24h&page=4&refresh=off");
        assert_eq!(ask(&[("range", "90m")]).stretch().as_deref(), Some("range=5400s"));
        assert_eq!(ask(&[("page", "0")]).page, 1);
    }

    #[test]
    fn what_is_not_understood_is_said_and_nothing_else_is_lost() {
        let ask = ask(&[("range", "<b>"), ("page", "2")]);
        assert!(ask.fault.as_deref().is_some_and(|fault| fault.contains("`range=6h`")));
        assert_eq!((ask.range, ask.page), (Range::Fitting, 2));
    }

    #[test]
    fn times_are_local_and_exact_ones_carry_their_offset() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let window = Range::Fitting.window(None, now());
        let view = View {
            ask: ask(&[]),
            now: now(),
            at: Instant::default(),
            zone,
            window,
            host: Vec::new(),
            root: "",
        };
        assert_eq!(view.local(now()), "1 Jan 01:00:00");
        assert_eq!(view.local(now() - Duration::from_secs(86_400)), "31 Dec 2024 01:00:00");
        assert_eq!(view.exact(now()), "2025-01-01T01:00:00+01:00");
        assert_eq!(view.offset(), "UTC+01:00");
    }
}
