//! Test 4.2: do sessions that reach a known limit end there? Pure.
//! Never compares with sessions that never came near the limit: nine of ten may die young of something else.

use super::super::catalogue::{LIMITS, window};
use super::super::{Case, Lived};
use super::math::{binomial_tail, number};
use super::view::View;

/// Corrected for the number of limits tried.
const LEVEL: f64 = 0.002;
/// So many of those that reached it must have ended there.
const SHARE: f64 = 0.5;
/// Below this limit, in seconds, chance is too frequent for two drops.
const SHORT: f64 = 600.0;

/// A known limit at which sessions end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    /// The limit.
    pub(super) limit: f64,
    /// Ages that fit it.
    pub(super) window: (f64, f64),
    /// Drops in the window.
    pub(super) ended: usize,
    /// Sessions that reached the window.
    pub(super) reached: usize,
    /// Chance, corrected.
    pub(super) p: f64,
}

/// Which known limit an age fits, the nearest if there are several: for rule D11.
#[must_use]
pub fn window_of(age: f64, keep_alive: f64, extra: &[f64]) -> Option<f64> {
    all(extra)
        .into_iter()
        .filter(|limit| inside(age, window(*limit, keep_alive)))
        .min_by(|one, other| (age - one).abs().total_cmp(&(age - other).abs()))
}

/// The limit that claims, the most certain if there are several.
pub(super) fn known(view: &View, extra: &[f64]) -> Option<Known> {
    let limits = all(extra);
    let candidates = number(limits.len());
    let silence = silence(&view.aged);
    limits
        .into_iter()
        .map(|limit| Known { p: 0.0, ..at(limit, silence, view) })
        .map(|known| Known { p: (candidates * chance(&known, view)).min(1.0), ..known })
        .filter(|known| known.p <= LEVEL && known.ended >= if known.limit < SHORT { 3 } else { 2 })
        .filter(|known| number(known.ended) >= SHARE * number(known.reached))
        .min_by(|one, other| one.p.total_cmp(&other.p))
}

/// The known limit at which the only two drops lie: a remark, never a claim (drop-diagnosis.md section 9).
#[must_use]
pub fn of_two(case: &Case) -> Option<f64> {
    let view = View::of(case);
    (view.aged.len() == 2).then(|| known(&view, &case.limits)).flatten().map(|known| known.limit)
}

pub(super) fn inside(age: f64, (from, to): (f64, f64)) -> bool {
    (from..=to).contains(&age)
}

fn all(extra: &[f64]) -> Vec<f64> {
    let mut limits: Vec<f64> = LIMITS.iter().map(|limit| limit.seconds).collect();
    limits.extend(extra.iter().copied().filter(|limit| limit.is_finite() && *limit > 0.0));
    limits.sort_by(f64::total_cmp);
    limits.dedup();
    limits
}

/// The longest silence that any of these sessions allowed.
pub(super) fn silence(sessions: &[&Lived]) -> f64 {
    sessions
        .iter()
        .map(|session| session.keep_alive)
        .filter(|seconds| seconds.is_finite())
        .fold(0.0, f64::max)
}

fn at(limit: f64, silence: f64, view: &View) -> Known {
    let window = window(limit, silence);
    let ages = || view.aged.iter().map(|session| session.age);
    Known {
        limit,
        window,
        ended: ages().filter(|age| inside(*age, window)).count(),
        reached: ages().chain(view.reached.iter().copied()).filter(|age| *age >= window.0).count(),
        p: 1.0,
    }
}

/// `P(Bin(r, p0) >= d)`, with the hazard `p0` of the neighbourhood.
fn chance(known: &Known, view: &View) -> f64 {
    let (from, to) = known.window;
    let (low, high) = (known.limit / 2.0, known.limit * 2.0);
    let spent = |age: f64| {
        let before = age.min(from) - low;
        let after = age.min(high) - to.max(low);
        before.max(0.0) + after.max(0.0)
    };
    let ages = || view.aged.iter().map(|session| session.age);
    let exposure: f64 = ages().chain(view.reached.iter().copied()).map(spent).sum();
    let beside = ages().filter(|age| inside(*age, (low, high)) && !inside(*age, known.window)).count();
    let hazard = (number(beside) + 0.5) / exposure.max(1.0);
    let p0 = -(-hazard * (to - from)).exp_m1();
    binomial_tail(known.reached as u64, p0, known.ended as u64)
}

#[cfg(test)]
mod tests {
    use super::super::super::Case;
    use super::super::examples::aged;
    use super::*;
    use crate::connection::ending::EndedBy;

    fn daily(case: &Case) -> Known {
        let view = View::of(case);
        let known = at(86400.0, silence(&view.aged), &view);
        Known { p: 17.0 * chance(&known, &view), ..known }
    }

    #[test]
    fn v1_five_of_five_that_reached_a_day_ended_there() {
        let case = aged(&[86397.0, 86402.0, 3711.0, 86399.0, 86401.0, 51234.0, 86400.0]);
        let found = known(&View::of(&case), &[]).unwrap();
        assert_eq!(
            (found.limit, found.window, found.ended, found.reached),
            (86400.0, (85536.0, 87324.0), 5, 5)
        );
        assert!((found.p / 4.47e-9 - 1.0).abs() < 2e-3, "{}", found.p);
    }

    #[test]
    fn v2_two_of_two_pass_and_one_that_lives_on_is_enough_to_doubt() {
        let mut case = aged(&[86455.0, 86412.0]);
        assert!((daily(&case).p - 0.001_875).abs() < 1e-6, "{}", daily(&case).p);
        assert!(known(&View::of(&case), &[]).is_some());
        case.living = Some(90000.0);
        let doubted = daily(&case);
        assert_eq!((doubted.ended, doubted.reached), (2, 3));
        assert!((doubted.p - 0.002_396).abs() < 1e-6, "{}", doubted.p);
        assert_eq!(known(&View::of(&case), &[]), None);
        // The same, where we ended the third.
        case = aged(&[86455.0, 86412.0, 90000.0]);
        case.sessions[2].ended_by = EndedBy::Us;
        assert!((daily(&case).p - 0.002_396).abs() < 1e-6, "{}", daily(&case).p);
    }

    #[test]
    fn v3_random_ages_do_not_fit_a_limit() {
        let case = aged(&[412.0, 9033.0, 1840.0, 15210.0, 3377.0, 660.0, 24101.0, 5120.0, 7288.0, 2954.0]);
        let view = View::of(&case);
        assert_eq!(known(&view, &[]), None);
        let hour = at(3600.0, 60.0, &view);
        assert_eq!((hour.ended, hour.reached), (0, 5));
    }

    #[test]
    fn a_limit_of_the_configuration_is_tried_beside_the_catalogue() {
        let case = aged(&[5010.0, 300.0, 5030.0, 800.0, 5020.0, 4000.0, 5005.0]);
        assert_eq!(known(&View::of(&case), &[]), None);
        let found = known(&View::of(&case), &[5000.0]).unwrap();
        assert_eq!((found.limit, found.ended, found.reached), (5000.0, 4, 4));
    }

    #[test]
    fn an_age_fits_the_nearest_limit_whose_window_holds_it() {
        assert_eq!(window_of(86455.0, 60.0, &[]), Some(86400.0));
        assert_eq!(window_of(352.0, 60.0, &[]), Some(350.0), "300 s and a silence of 60 s would fit as well");
        assert_eq!(window_of(5000.0, 60.0, &[]), None);
        assert_eq!(window_of(5000.0, 60.0, &[4990.0]), Some(4990.0));
        assert_eq!(window_of(f64::NAN, 60.0, &[f64::NAN]), None);
    }
}
