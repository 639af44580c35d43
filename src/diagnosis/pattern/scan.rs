//! Test 4.1: are ages (or other sizes) regular? Counts the fullest window of 10 %. Pure.
//! Never decides by the coefficient of variation: a few random drops among regular ones blind it.

use super::math::{binomial_tail, extent, median, number};

/// A window is so wide, relative to its lower end.
const WIDTH: f64 = 1.10;
/// Three windows further down, and four from the lower end up: six neighbours of the same relative width.
const DOWN: f64 = WIDTH * WIDTH * WIDTH;
const UP: f64 = WIDTH * WIDTH * WIDTH * WIDTH;
/// The guard against smooth distributions.
const LOCAL: f64 = 0.01;
/// So many of all must be in the window.
const SHARE: f64 = 0.4;

/// A regular size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Regular {
    /// The median of the window.
    pub(super) value: f64,
    /// Its least …
    pub(super) from: f64,
    /// … and greatest.
    pub(super) to: f64,
    /// How many it holds.
    pub(super) support: usize,
    /// Of so many.
    pub(super) of: usize,
    /// `p_local`.
    pub(super) p: f64,
}

impl Regular {
    /// Whether a value belongs to the window.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }
}

/// The claim, if all three conditions hold. Zeros count in `n` and open no window: a window is relative.
pub(super) fn regular(values: &[f64]) -> Option<Regular> {
    let mut sorted: Vec<f64> =
        values.iter().copied().filter(|value| value.is_finite() && *value >= 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let needed = critical(n)?;
    let below = |bound: f64| sorted.partition_point(|value| *value < bound);
    let up_to = |bound: f64| sorted.partition_point(|value| *value <= bound);
    let mut fullest: Option<(usize, f64, f64)> = None;
    let mut least: f64 = 1.0;
    for &x in sorted.iter().filter(|value| **value > 0.0) {
        let inside = up_to(WIDTH * x) - below(x);
        if inside >= 3 {
            let around = up_to(UP * x) - below(x / DOWN);
            least = least.min(binomial_tail(around as u64, 1.0 / 7.0, inside as u64));
        }
        let top = sorted.get(up_to(WIDTH * x).saturating_sub(1)).copied().unwrap_or(x);
        let width = top / x;
        // Of windows that hold as many, the narrowest.
        if fullest.is_none_or(|(most, _, narrowest)| inside > most || (inside == most && width < narrowest)) {
            fullest = Some((inside, x, width));
        }
    }
    let (support, x, _) = fullest?;
    let p = (number(n) * least).min(1.0);
    if support < needed || p > LOCAL || number(support) < SHARE * number(n) {
        return None;
    }
    let window = sorted.get(below(x)..up_to(WIDTH * x)).unwrap_or_default();
    let (from, to) = extent(window);
    Some(Regular { value: median(window), from, to, support, of: n, p })
}

/// `k(n)`: so many in one window happen by chance in at most one of 500 memoryless histories.
fn critical(n: usize) -> Option<usize> {
    Some(match n {
        0..=2 => return None,
        3 => 3,
        4..=6 => 4,
        7..=12 => 5,
        13..=19 => 6,
        20..=27 => 7,
        28..=35 => 8,
        36..=45 => 9,
        46.. => 10,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_five_of_seven_at_a_day_are_regular() {
        let found = regular(&[86397.0, 86402.0, 3711.0, 86399.0, 86401.0, 51234.0, 86400.0]).unwrap();
        assert_eq!((found.support, found.of, found.value), (5, 7, 86400.0));
        assert_eq!((found.from, found.to), (86397.0, 86402.0));
        assert!((found.p - 4.165e-4).abs() < 1e-7, "p_local {}", found.p);
    }

    #[test]
    fn v3_ten_random_ages_are_not() {
        let ages = [412.0, 9033.0, 1840.0, 15210.0, 3377.0, 660.0, 24101.0, 5120.0, 7288.0, 2954.0];
        assert_eq!(regular(&ages), None);
    }

    #[test]
    fn v4_message_counts_are_regular_and_the_ages_beside_them_are_not() {
        let found = regular(&[10012.0, 9987.0, 10004.0, 9995.0, 10008.0, 9991.0]).unwrap();
        assert_eq!((found.support, found.value), (6, 9999.5));
        assert!((found.p - 5.1e-5).abs() < 1e-6, "p_local {}", found.p);
        assert_eq!(regular(&[6120.0, 9880.0, 4410.0, 12950.0, 7700.0, 5230.0]), None);
    }

    #[test]
    fn the_critical_counts_are_the_exact_tail_where_all_are_in_the_window() {
        // P(S = n) = sum over j of (-1)^j C(n-1, j) n / (n + 0.1 j).
        let three = 1.0 - 2.0 * 3.0 / 3.1 + 3.0 / 3.2;
        assert!(f64::abs(three - 0.00202) < 1e-5, "{three}");
        assert_eq!((critical(2), critical(3), critical(4), critical(50)), (None, Some(3), Some(4), Some(10)));
    }

    #[test]
    fn a_smooth_hump_is_not_regular_although_its_window_is_full() {
        // 20 ages between 1000 s and 1900 s: 8 of them in the fullest window, and as dense beside it.
        let ages: Vec<f64> = (0..20).map(|step| 1000.0 * 1.034_f64.powi(step)).collect();
        assert_eq!(regular(&ages), None);
    }

    #[test]
    fn nothings_are_not_regular() {
        assert_eq!(regular(&[0.0; 12]), None);
        assert_eq!(regular(&[]), None);
        assert_eq!(regular(&[5.0, 5.0]), None);
    }
}
