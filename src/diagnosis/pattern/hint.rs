//! Test 5.4: do drops cluster at a time of the clock although no age is regular? Pure.
//! Never counts a burst as many drops: it is thinned to one.

use super::super::{Case, Claim, Lived, Pattern};
use super::clock::PERIODS;
use super::math::{apart, count, number, resultant};
use super::view::{View, died, numbers};

const LEVEL: f64 = 0.002;
/// So many drops are needed after thinning.
const LEAST: usize = 5;
/// So well must they agree: 1 is perfectly.
const AGREEMENT: f64 = 0.8;

/// The claim, for the longest period that passes: what happens daily happens at the same minute of the hour as well.
pub(super) fn claim(view: &View, case: &Case) -> Option<Claim> {
    let ends: Vec<f64> = view.aged.iter().map(|drop| case.local(died(drop))).collect();
    let span = ends.last()? - ends.first()?;
    let periods = || PERIODS.into_iter().filter(|period| span >= 3.0 * period);
    let tried = number(periods().count());
    periods().rev().find_map(|period| {
        let times = thinned(&ends, period);
        let (length, phase) = resultant(&times, period);
        let p = (tried * chance(times.len(), length)).min(1.0);
        if times.len() < LEAST || p > LEVEL || length < AGREEMENT * number(times.len()) {
            return None;
        }
        let near = |drop: &&&Lived| apart(case.local(died(drop)), phase, period) <= around(period);
        let members: Vec<&Lived> = view.aged.iter().filter(near).copied().collect();
        Some(Claim {
            pattern: Pattern::ClockHint { period, phase },
            support: count(members.len()),
            of: count(view.aged.len()),
            members: numbers(members),
            p,
        })
    })
}

/// Drops so near to a phase belong to it, and drops so near to each other are one.
pub(in crate::diagnosis) fn around(period: f64) -> f64 {
    period / 10.0
}

/// Local times of drops at least a tenth of the period apart.
fn thinned(ends: &[f64], period: f64) -> Vec<f64> {
    let mut times: Vec<f64> = Vec::with_capacity(ends.len());
    for &time in ends {
        if times.last().is_none_or(|last| time - last >= around(period)) {
            times.push(time);
        }
    }
    times
}

/// Rayleigh's test, in the form that holds for few: how often random times agree so well.
fn chance(n: usize, length: f64) -> f64 {
    let n = number(n);
    let root = (1.0 + 4.0 * n + 4.0 * (n * n - length * length)).max(0.0).sqrt();
    (root - (1.0 + 2.0 * n)).exp().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::Case;
    use super::super::examples::aged;
    use super::*;

    const OFFSETS: [f64; 7] = [12.0, -8.0, 31.0, 5.0, -22.0, 17.0, 3.0];

    fn daily(offsets: &[f64]) -> Case {
        let mut case = aged(&vec![0.0; offsets.len()]);
        for (day, (session, offset)) in case.sessions.iter_mut().zip(offsets).enumerate() {
            let end = 86_400.0 * number(20_000 + day) + 14_400.0 + offset;
            // Ages that are not regular.
            session.age = 4000.0 + 7000.0 * number(day);
            session.start = end - session.age;
        }
        case
    }

    #[test]
    fn v8_seven_drops_at_four_o_clock_are_a_hint() {
        let ends: Vec<f64> = View::of(&daily(&OFFSETS)).aged.iter().map(|drop| died(drop)).collect();
        let (length, _) = resultant(&ends, 86_400.0);
        assert!((length / 7.0 - 0.999_999).abs() < 1e-6);
        assert!((chance(7, length) / 6.67e-5 - 1.0).abs() < 2e-3);
        let found = {
            let case = daily(&OFFSETS);
            claim(&View::of(&case), &case)
        }
        .unwrap();
        assert_eq!((found.support, found.of), (7, 7));
        let Pattern::ClockHint { period, phase } = found.pattern else { panic!("{found:?}") };
        assert!((period - 86_400.0).abs() < 1e-9);
        assert!((phase - 14_405.4).abs() < 0.1, "{phase}");
    }

    #[test]
    fn v8_with_two_of_them_elsewhere_it_is_none() {
        let mut offsets = OFFSETS;
        offsets[2] += 30_000.0;
        offsets[5] -= 20_000.0;
        let case = daily(&offsets);
        let ends: Vec<f64> = View::of(&case).aged.iter().map(|drop| died(drop)).collect();
        let (length, _) = resultant(&ends, 86_400.0);
        assert!((length / 7.0 - 0.649).abs() < 0.02, "{}", length / 7.0);
        assert_eq!(claim(&View::of(&case), &case), None);
    }

    #[test]
    fn the_formula_has_a_floor_for_few() {
        for (n, floor) in [(3, 0.0336), (4, 0.0076), (5, 0.0016), (6, 3.4e-4), (7, 6.7e-5)] {
            let p = chance(n, number(n));
            assert!((p / floor - 1.0).abs() < 0.03, "{n}: {p}");
        }
    }

    #[test]
    fn a_burst_is_one_drop() {
        assert_eq!(thinned(&[0.0, 10.0, 20.0, 400.0, 410.0], 3600.0), [0.0, 400.0]);
    }
}
