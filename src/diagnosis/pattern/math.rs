//! The mathematics of the tests: tails of three distributions, medians, times of the clock. Pure.
//! Never NaN where the arguments are in their domain, and never more than the digits of `f64` promise.

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts of sessions, gaps and packets are far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// A length as a number to calculate with.
pub(super) fn number(length: usize) -> f64 {
    float(u64::try_from(length).unwrap_or(u64::MAX))
}

/// A length as claims count it.
pub(super) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// `P(Bin(n, p) >= k)`.
pub(super) fn binomial_tail(n: u64, p: f64, k: u64) -> f64 {
    if k == 0 || p >= 1.0 {
        return if k <= n { 1.0 } else { 0.0 };
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    beta_regularised(float(k), float(n - k) + 1.0, p)
}

/// Fisher's exact test, one-sided: the probability of `hits` or more among `drawn`, when `marked` of `total` are hits.
///
/// At or below the expectation the answer is 1: such a count is no evidence, and its tail would be long to sum.
pub(super) fn hypergeometric_tail(total: u64, marked: u64, drawn: u64, hits: u64) -> f64 {
    let most = marked.min(drawn);
    if hits > most || marked > total || drawn > total {
        return 0.0;
    }
    if float(hits) * float(total) <= float(marked) * float(drawn) {
        return 1.0;
    }
    let first = ln_choose(marked, hits) + ln_choose(total - marked, drawn.saturating_sub(hits))
        - ln_choose(total, drawn);
    let mut term = first.exp();
    let mut sum = term;
    for x in hits..most {
        // Above the mode every term is smaller than the one before.
        let rest = float(total - marked) - float(drawn) + float(x) + 1.0;
        term *= float(marked - x) * float(drawn - x) / ((float(x) + 1.0) * rest);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum.clamp(0.0, 1.0)
}

/// `P(T <= t)` of Student's distribution.
pub(super) fn student_below(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * beta_regularised(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The median; 0 of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|below| sorted.get(below)).copied().unwrap_or_default();
    f64::midpoint(lower, upper)
}

/// Least and greatest; 0 of nothing.
pub(super) fn extent(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().reduce(f64::min).unwrap_or_default();
    let greatest = values.iter().copied().reduce(f64::max).unwrap_or_default();
    (least, greatest)
}

/// How far two times are apart on a clock of this period: at most half of it.
pub(in crate::diagnosis) fn apart(one: f64, other: f64, period: f64) -> f64 {
    let difference = (one - other).rem_euclid(period);
    difference.min(period - difference)
}

/// Length of the sum of unit vectors at these times of a clock, and the time that the sum points to.
pub(super) fn resultant(times: &[f64], period: f64) -> (f64, f64) {
    let (mut cosines, mut sines) = (0.0, 0.0);
    for time in times {
        let (sine, cosine) = (std::f64::consts::TAU * time.rem_euclid(period) / period).sin_cos();
        sines += sine;
        cosines += cosine;
    }
    let phase = f64::atan2(sines, cosines) / std::f64::consts::TAU * period;
    (cosines.hypot(sines), phase.rem_euclid(period))
}

fn ln_choose(n: u64, k: u64) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    ln_gamma(float(n) + 1.0) - ln_gamma(float(k) + 1.0) - ln_gamma(float(n - k) + 1.0)
}

/// Logarithm of the gamma function of `x >= 0.5`: Lanczos' approximation with seven and nine, good to 15 digits.
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut series = 0.999_999_999_999_809_9;
    let mut divisor = x;
    for coefficient in COEFFICIENTS {
        divisor += 1.0;
        series += coefficient / divisor;
    }
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + series.ln()
}

/// The regularised incomplete beta function `I_x(a, b)`, by its continued fraction (Lentz).
fn beta_regularised(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast on this side of the mean only.
    let value = if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    };
    value.clamp(0.0, 1.0)
}

#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..=5_000_u32 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        result *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1e-12), "{value} is not {expected}");
    }

    #[test]
    fn a_binomial_tail_is_the_sum_of_its_terms() {
        // P(Bin(5, 0.3) >= 2) = 1 - 0.7^5 - 5 * 0.3 * 0.7^4.
        close(binomial_tail(5, 0.3, 2), 1.0 - 0.7_f64.powi(5) - 1.5 * 0.7_f64.powi(4));
        close(binomial_tail(5, 1.0 / 7.0, 5), (1.0 / 7.0_f64).powi(5));
        close(binomial_tail(2, 0.010_503, 2), 0.010_503_f64.powi(2));
        assert_eq!((binomial_tail(5, 0.3, 0), binomial_tail(5, 0.3, 6)), (1.0, 0.0));
        assert_eq!((binomial_tail(5, 0.0, 1), binomial_tail(5, 1.0, 5)), (0.0, 1.0));
    }

    #[test]
    fn fishers_test_counts_the_ways() {
        // 2 of 2 marked among 302: 1 / C(302, 2).
        close(hypergeometric_tail(302, 2, 2, 2), 1.0 / (302.0 * 301.0 / 2.0));
        // The lady and her tea: 4 of 4, and 3 or more of 4, among 8.
        close(hypergeometric_tail(8, 4, 4, 4), 1.0 / 70.0);
        close(hypergeometric_tail(8, 4, 4, 3), 17.0 / 70.0);
        close(hypergeometric_tail(8, 4, 4, 2), 1.0);
        close(hypergeometric_tail(u64::MAX, u64::MAX, u64::MAX, 3), 1.0);
    }

    #[test]
    fn students_distribution_has_the_quantiles_of_the_tables() {
        assert!((student_below(31.820_516, 1.0) - 0.99).abs() < 1e-8);
        assert!((student_below(-3.746_947, 4.0) - 0.01).abs() < 1e-7);
        assert!((student_below(0.0, 3.0) - 0.5).abs() < 1e-12);
        close(student_below(f64::NEG_INFINITY, 3.0), 0.0);
    }

    #[test]
    fn the_clock_is_round() {
        close(apart(10.0, 86_390.0, 86_400.0), 20.0);
        let (length, phase) = resultant(&[86_390.0, 10.0, 86_400.0], 86_400.0);
        assert!(length > 2.999_99 && apart(phase, 0.0, 86_400.0) < 1e-6, "{length} at {phase}");
    }

    #[test]
    fn a_median_of_an_even_number_lies_between() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0]), median(&[])), (2.0, 2.5, 0.0));
    }
}
