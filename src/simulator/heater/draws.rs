//! When a household opens its taps: random, but with a morning and an evening. Pure.
//!
//! Never looks at the tank: people do not.

/// How much each hour of the day is used, relative to the others.
const HOURS: [f64; 24] = [
    0.2, 0.1, 0.1, 0.1, 0.2, 0.8, 2.6, 3.2, 2.4, 1.2, 0.8, 0.8, 1.1, 0.9, 0.6, 0.6, 0.9, 1.4, 2.0, 2.2, 1.8,
    1.4, 0.8, 0.4,
];

/// Mean litres of one opening, from the kinds below.
const MEAN_LITRES: f64 = 18.0;

/// One opening of a tap.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Opening {
    litres_left: f64,
    litres_per_minute: f64,
    since: f64,
}

/// The taps of one household.
#[derive(Clone, Debug)]
pub struct Draws {
    rng: fastrand::Rng,
    litres_a_day: f64,
    open: Option<Opening>,
    /// Seconds until a shower that certainly comes, so that a short demo has one.
    first_in: Option<f64>,
}

/// What flowed during a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Litres.
    pub litres: f64,
    /// Litres a minute.
    pub rate: f64,
    /// For how many seconds the tap has been open.
    pub open_for: f64,
}

impl Draws {
    /// A household that uses about this much hot water a day, and showers `first_in` seconds from now.
    #[must_use]
    pub fn new(seed: u64, litres_a_day: f64, first_in: Option<f64>) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), litres_a_day, open: None, first_in }
    }

    /// Moves on by `seconds` at this hour of the day (0 to 24).
    pub fn step(&mut self, seconds: f64, hour: f64) -> Flow {
        self.maybe_open(seconds, hour);
        let Some(open) = &mut self.open else { return Flow::default() };
        let litres = (open.litres_per_minute / 60.0 * seconds).min(open.litres_left);
        open.litres_left -= litres;
        open.since += seconds;
        let flow = Flow { litres, rate: litres * 60.0 / seconds, open_for: open.since };
        if open.litres_left <= 0.0 {
            self.open = None;
        }
        flow
    }

    fn maybe_open(&mut self, seconds: f64, hour: f64) {
        if let Some(left) = &mut self.first_in {
            *left -= seconds;
            if *left <= 0.0 {
                self.first_in = None;
                self.open = Some(Opening { litres_left: 55.0, litres_per_minute: 8.5, since: 0.0 });
                return;
            }
        }
        if self.open.is_none() && self.rng.f64() < self.openings_a_second(hour) * seconds {
            self.open = Some(self.any_opening());
        }
    }

    fn openings_a_second(&self, hour: f64) -> f64 {
        let weight = HOURS.get(super::whole_index(hour)).copied().unwrap_or(1.0);
        let mean = HOURS.iter().sum::<f64>() / 24.0;
        self.litres_a_day / MEAN_LITRES / 86_400.0 * weight / mean
    }

    fn any_opening(&mut self) -> Opening {
        let kind = self.rng.f64();
        let (litres, rate) = if kind < 0.6 {
            (2.0..6.0, 4.0..6.0) // Hands and dishes.
        } else if kind < 0.88 {
            (35.0..65.0, 7.5..9.5) // A shower.
        } else {
            (10.0..16.0, 5.5..6.5) // A machine.
        };
        Opening { litres_left: self.between(&litres), litres_per_minute: self.between(&rate), since: 0.0 }
    }

    fn between(&mut self, range: &std::ops::Range<f64>) -> f64 {
        range.start + (range.end - range.start) * self.rng.f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_uses_what_was_asked_for_and_mornings_more_than_nights() {
        let mut draws = Draws::new(7, 200.0, None);
        let mut by_hour = [0.0_f64; 24];
        for step in 0..(365 * 17_280_u32) {
            let hour = f64::from(step % 17_280) / 720.0;
            by_hour[super::super::whole_index(hour)] += draws.step(5.0, hour).litres;
        }
        let a_day = by_hour.iter().sum::<f64>() / 365.0;
        assert!((170.0..230.0).contains(&a_day), "{a_day}");
        assert!(by_hour[7] > 5.0 * by_hour[2], "{by_hour:?}");
    }

    #[test]
    fn the_first_shower_comes_when_promised() {
        let mut draws = Draws::new(1, 0.0, Some(60.0));
        let dry: f64 = (0..11).map(|_| draws.step(5.0, 7.0).litres).sum();
        let wet: f64 = (0..200).map(|_| draws.step(5.0, 7.0).litres).sum();
        assert!(dry == 0.0 && (wet - 55.0).abs() < 1e-6, "{dry} {wet}");
    }
}
