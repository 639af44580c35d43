//! Which fault comes when: a script, and a calm rate of surprises after it. Pure.
//!
//! Never ends a demo in a state that it cannot leave: every lasting fault lasts less than a minute.

use std::time::Duration;

use super::broker::Suback;
use super::faults::Fault;

/// A list of faults with the time of each since the cloud started.
#[derive(Clone, Debug)]
pub struct Story {
    script: std::collections::VecDeque<(Duration, Fault)>,
    afterwards: Option<Afterwards>,
}

#[derive(Clone, Debug)]
struct Afterwards {
    rng: fastrand::Rng,
    last: Duration,
    shortest: Duration,
    longest: Duration,
}

impl Story {
    /// Exactly these faults, sorted by time, and nothing afterwards.
    #[must_use]
    pub fn scripted(mut script: Vec<(Duration, Fault)>) -> Self {
        script.sort_by_key(|(at, _)| *at);
        Self { script: script.into(), afterwards: None }
    }

    /// Two minutes with everything worth seeing, and then a fault every few minutes for ever.
    ///
    /// A calm start; a hang-up; a storm that meets a client with a stable session; a heater that goes offline;
    /// garbage; lapsed credentials with a reset, so that the next attempt gets 403.
    #[must_use]
    pub fn demo(seed: u64) -> Self {
        let at = Duration::from_secs;
        let gale = Fault::Storm { times: 8, after: Duration::from_millis(700), lasts: at(24) };
        let mut story = Self::scripted(vec![
            (at(15), Fault::HangUp),
            (at(48), gale),
            (at(76), Fault::HeaterOffline(1, at(20))),
            (at(104), Fault::Garbage),
            (at(114), Fault::ExpiredCredentials),
            (at(114), Fault::Reset),
        ]);
        story.afterwards = Some(Afterwards {
            rng: fastrand::Rng::with_seed(seed),
            last: at(114),
            shortest: at(120),
            longest: at(420),
        });
        story
    }

    /// When the next fault comes, since the start.
    #[must_use]
    pub fn next_at(&mut self) -> Option<Duration> {
        if self.script.is_empty()
            && let Some(afterwards) = &mut self.afterwards
        {
            self.script.push_back(afterwards.next());
        }
        self.script.front().map(|(at, _)| *at)
    }

    /// The next fault if its time has come.
    pub fn due(&mut self, since_start: Duration) -> Option<Fault> {
        let at = self.next_at()?;
        if at <= since_start { self.script.pop_front().map(|(_, fault)| fault) } else { None }
    }
}

impl Afterwards {
    fn next(&mut self) -> (Duration, Fault) {
        let spread = self.longest.saturating_sub(self.shortest).mul_f64(self.rng.f64());
        self.last += self.shortest + spread;
        let seconds = Duration::from_secs;
        let fault = match self.rng.u8(0..14) {
            0 | 1 => Fault::HangUp,
            2 => Fault::Fin,
            3 | 4 => Fault::Reset,
            5 => Fault::WebsocketClose(1001),
            6 => Fault::Silence(seconds(40)),
            7 => Fault::Frozen(seconds(50)),
            8 => Fault::Down(seconds(12)),
            9 => Fault::PolicyClose(1),
            10 => Fault::Garbage,
            11 => Fault::HeaterOffline(self.rng.usize(0..2), seconds(45)),
            12 => Fault::Takeover,
            _ => Fault::Suback(Suback::Late(seconds(3)), seconds(30)),
        };
        (self.last, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_in_order_and_ends() {
        let (one, two) = (Duration::from_secs(1), Duration::from_secs(2));
        let mut story = Story::scripted(vec![(two, Fault::Reset), (one, Fault::Fin)]);
        assert_eq!(story.due(Duration::ZERO), None);
        assert_eq!(story.due(two), Some(Fault::Fin));
        assert_eq!(story.due(two), Some(Fault::Reset));
        assert_eq!((story.due(two), story.next_at()), (None, None));
    }

    #[test]
    fn the_demo_has_a_storm_in_its_first_minute_and_never_ends() {
        let mut story = Story::demo(3);
        let mut told = Vec::new();
        for minute in 1..600 {
            while let Some(fault) = story.due(Duration::from_secs(minute * 60)) {
                told.push((minute, fault));
            }
        }
        assert!(told.iter().any(|(minute, fault)| *minute == 1 && matches!(fault, Fault::Storm { .. })));
        let late = told.iter().filter(|(minute, _)| *minute > 2).count();
        assert!((70..300).contains(&late), "{late} faults in ten hours");
    }
}
