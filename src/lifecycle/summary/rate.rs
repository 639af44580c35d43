//! How often, and how sure that is: events counted over a time as a rate with the range that fits the count. Pure.
//! Never a rate without its range: three drops in a day say little about the next week.

const DAY: f64 = 86_400.0;
/// Below this, a rate for a day would be told from too little.
const SHORTEST: f64 = 600.0;
/// Up to this count the range is the exact one.
const EXACT: u64 = 10_000;
/// Each end of the range is wrong this often: 95 % in the middle.
const TAIL: f64 = 0.025;

/// Events a day, with the rates between which a Poisson process would fit the count (exact, 95 %).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) per_day: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Rate {
    /// Of so many events in so many seconds; nothing when these are too few to say anything.
    pub(super) fn of(count: u64, seconds: f64) -> Option<Self> {
        if !seconds.is_finite() || seconds < SHORTEST {
            return None;
        }
        let days = seconds / DAY;
        let (from, to) = range(count);
        Some(Self { per_day: float(count) / days, from: from / days, to: to / days })
    }

    /// `between 0.6 and 8.8 a day would fit`.
    pub(super) fn words(self) -> String {
        if self.from <= 0.0 {
            format!("up to {} a day would fit", figure(self.to))
        } else {
            format!("between {} and {} a day would fit", figure(self.from), figure(self.to))
        }
    }
}

/// Two significant digits, which is more than is known.
pub(super) fn figure(rate: f64) -> String {
    match rate {
        rate if rate < 0.095 => format!("{rate:.2}"),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate => format!("{rate:.0}"),
    }
}

/// The means between which a count of `count` is no surprise (Garwood's interval).
fn range(count: u64) -> (f64, f64) {
    let count_f = float(count);
    if count > EXACT {
        // So many are normally distributed, to three digits; to add the terms up would take for ever.
        let reach = 1.96 * count_f.sqrt();
        return (count_f - reach, count_f + reach);
    }
    // Far beyond either end: six standard deviations and some.
    let far = count_f + 8.0 * (count_f + 4.0).sqrt() + 8.0;
    // P(X >= count) = TAIL at the lower end, P(X <= count) = TAIL at the upper.
    let low = match count.checked_sub(1) {
        Some(below) => meet(0.0, count_f, |mean| 1.0 - at_most(below, mean) > TAIL),
        None => 0.0,
    };
    (low, meet(count_f, far, |mean| at_most(count, mean) < TAIL))
}

/// Where `beyond` becomes true, by halving.
fn meet(mut low: f64, mut high: f64, beyond: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if beyond(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::midpoint(low, high)
}

/// P(X <= count) for a Poisson variable with this mean.
fn at_most(count: u64, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    // In logarithms: e^-mean alone vanishes for large means.
    let mut log_term = -mean;
    let mut sum = log_term.exp();
    for k in 1..=count {
        log_term += mean.ln() - float(k).ln();
        sum += log_term.exp();
    }
    sum.min(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 drops")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_nobody_has_is_no_work() {
        for count in [EXACT, EXACT + 1, u64::MAX] {
            let (low, high) = range(count);
            let width = (high - low) / (2.0 * 1.96 * float(count).sqrt());
            assert!((0.98..1.02).contains(&width), "{count}: {low} to {high}");
        }
    }

    /// Exact limits from the tables of the chi-squared distribution.
    #[test]
    fn the_range_is_the_exact_one() {
        let table = [
            (0, 0.0, 3.689),
            (1, 0.0253, 5.572),
            (3, 0.6187, 8.767),
            (10, 4.795, 18.39),
            (100, 81.36, 121.63),
        ];
        for (count, from, to) in table {
            let (low, high) = range(count);
            assert!((low - from).abs() < 0.01 && (high - to).abs() < 0.01, "{count}: {low} {high}");
        }
    }

    #[test]
    fn three_drops_in_a_day_say_little_and_say_so() {
        assert_eq!(Rate::of(3, 86_400.0).unwrap().words(), "between 0.6 and 8.8 a day would fit");
        assert_eq!(Rate::of(0, 86_400.0).unwrap().words(), "up to 3.7 a day would fit");
        assert_eq!(Rate::of(30, 10.0 * 86_400.0).unwrap().words(), "between 2.0 and 4.3 a day would fit");
    }

    #[test]
    fn no_rate_is_told_from_minutes_or_from_nonsense() {
        for seconds in [0.0, 599.0, -5.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Rate::of(3, seconds), None);
        }
    }

    #[test]
    fn many_drops_are_no_difficulty() {
        let rate = Rate::of(20_000, 86_400.0).unwrap();
        assert!(
            (19_700.0..19_730.0).contains(&rate.from) && (20_270.0..20_300.0).contains(&rate.to),
            "{rate:?}"
        );
    }
}
