//! Section 5: an age of 24 hours, or a time of the day? Votes of sessions that began off the clock's phase, and the drift of
//! the phase. Pure.
//! Never decides where both stay possible.

use super::super::{Case, Lived};
use super::math::{apart, number, resultant};
use super::view::{Role, View, died, role, well_aged};

/// Periods of clocks, in seconds: five minutes to a week.
pub(super) const PERIODS: [f64; 11] =
    [300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0, 43200.0, 86400.0, 604_800.0];

/// Drops, and the drift below which it is a lifetime (1 % of clocks) and above which it is a clock (99 % of random walks).
const DRIFT: [(f64, f64, f64); 10] = [
    (4.0, 0.63, 3.29),
    (5.0, 0.54, 3.18),
    (6.0, 0.56, 2.99),
    (8.0, 0.68, 2.66),
    (10.0, 0.75, 2.38),
    (12.0, 0.83, 2.15),
    (15.0, 0.93, 1.88),
    (20.0, 1.05, 1.51),
    (25.0, 1.13, 1.29),
    (30.0, 1.12, 1.18),
];
/// The longest run that the table knows.
const LONGEST: usize = 30;

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Decision {
    /// An age.
    Lifetime,
    /// A time of the clock.
    Calendar { period: f64, phase: f64 },
    /// Not to be told yet.
    Either { period: f64, phase: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Lifetime,
    Calendar,
}

/// Decides for a regular age.
pub(super) fn decide(view: &View, age: f64, case: &Case) -> Decision {
    let Some(period) = period_near(age) else { return Decision::Lifetime };
    let ends: Vec<f64> = view
        .aged
        .iter()
        .filter(|drop| near(drop.age, age, period))
        .map(|drop| case.local(died(drop)))
        .collect();
    let (_, phase) = resultant(&ends, period);
    let (for_lifetime, for_calendar) = votes(&view.aged, age, period, case);
    let run: Vec<f64> = bounding(view, age).into_iter().map(|end| case.local(end)).collect();
    let drift = side(&run, period);
    let voted = if for_calendar >= 2 && for_calendar >= 3 * for_lifetime {
        Some(Side::Calendar)
    } else if for_lifetime >= 2 && for_lifetime >= 3 * for_calendar {
        Some(Side::Lifetime)
    } else {
        None
    };
    let decided = voted.or(match drift {
        Some(Side::Lifetime) if for_calendar > for_lifetime => None,
        Some(Side::Calendar) if for_lifetime > for_calendar => None,
        other => other,
    });
    match decided {
        Some(Side::Lifetime) => Decision::Lifetime,
        Some(Side::Calendar) => Decision::Calendar { period, phase },
        None => Decision::Either { period, phase },
    }
}

/// How far a time may be from a phase and an age from another to be on it.
pub(in crate::diagnosis) fn tolerance(period: f64) -> f64 {
    f64::max(0.02 * period, 60.0)
}

fn near(one: f64, other: f64, period: f64) -> bool {
    (one - other).abs() <= tolerance(period)
}

fn period_near(age: f64) -> Option<f64> {
    PERIODS
        .into_iter()
        .filter(|period| (period - age).abs() <= 0.03 * age)
        .min_by(|one, other| (one - age).abs().total_cmp(&(other - age).abs()))
}

/// Votes for a lifetime and for a clock (5.1). Two earlier drops must make the phase, else the first one would make it alone.
fn votes(drops: &[&Lived], age: f64, period: f64, case: &Case) -> (usize, usize) {
    let within = tolerance(period);
    let ends: Vec<f64> = drops.iter().map(|drop| case.local(died(drop))).collect();
    let (mut for_lifetime, mut for_calendar) = (0, 0);
    for (position, drop) in drops.iter().enumerate() {
        let Some(phase) = common(ends.get(..position).unwrap_or_default(), period) else { continue };
        if apart(case.local(drop.start), phase, period) < 0.1 * period {
            continue;
        }
        let on_phase = apart(case.local(died(drop)), phase, period) <= within;
        let at_age = near(drop.age, age, period);
        if on_phase && !at_age {
            for_calendar += 1;
        } else if at_age && !on_phase {
            for_lifetime += 1;
        }
    }
    (for_lifetime, for_calendar)
}

/// The phase that most of these times share, at least two.
fn common(ends: &[f64], period: f64) -> Option<f64> {
    let around = |phase: f64| ends.iter().filter(move |end| apart(**end, phase, period) <= tolerance(period));
    let (most, phase) = ends
        .iter()
        .map(|end| (around(*end).count(), *end))
        // Of clusters of one size, the earliest: what came later is what is judged by it.
        .rev()
        .max_by(|one, other| one.0.cmp(&other.0))?;
    if most < 2 {
        return None;
    }
    let cluster: Vec<f64> = around(phase).copied().collect();
    Some(resultant(&cluster, period).1)
}

/// The ends of the drops that bound the longest run of sessions of this age, one after the other (5.2).
fn bounding(view: &View, age: f64) -> Vec<f64> {
    let (mut longest, mut run) = (Vec::new(), Vec::new());
    for session in view.sessions {
        let counts = role(session) == Role::Drop && well_aged(session);
        if !counts {
            run.clear();
        } else if (session.age - age).abs() <= 0.06 * age {
            run.push(died(session));
        } else {
            // The drop before a run bounds it too.
            run = vec![died(session)];
        }
        if run.len() >= longest.len() {
            longest.clone_from(&run);
        }
    }
    longest.split_off(longest.len().saturating_sub(LONGEST))
}

/// Von Neumann's ratio of the phases, trend and all: near 2 for a clock, near 0 for what drifts.
fn ratio(ends: &[f64], period: f64) -> Option<f64> {
    let first = ends.first().copied()?;
    let phases: Vec<f64> = ends.iter().map(|end| end - ((end - first) / period).round() * period).collect();
    let n = number(phases.len());
    if phases.len() < 4 {
        return None;
    }
    let mean = phases.iter().sum::<f64>() / n;
    let variance = phases.iter().map(|phase| (phase - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let steps = phases.iter().zip(phases.iter().skip(1)).map(|(one, next)| (next - one).powi(2)).sum::<f64>()
        / (n - 1.0);
    // A phase that does not move at all does not drift: what a clock gives on average.
    Some(if variance > 0.0 { steps / variance } else { 2.0 })
}

fn side(ends: &[f64], period: f64) -> Option<Side> {
    let drift = ratio(ends, period)?;
    let (below, above) = bounds(number(ends.len()));
    if drift < below {
        Some(Side::Lifetime)
    } else if drift > above {
        Some(Side::Calendar)
    } else {
        None
    }
}

fn bounds(n: f64) -> (f64, f64) {
    for ((from, low, high), (to, next_low, next_high)) in DRIFT.iter().zip(DRIFT.iter().skip(1)) {
        if n <= *to {
            let way = ((n - from) / (to - from)).clamp(0.0, 1.0);
            return (low + way * (next_low - low), high + way * (next_high - high));
        }
    }
    (1.12, 1.18)
}

#[cfg(test)]
mod tests {
    use super::super::examples::aged;
    use super::*;

    const DAY: f64 = 86_400.0;

    fn at_phases(phases: &[f64]) -> Vec<f64> {
        phases.iter().enumerate().map(|(day, phase)| 14_400.0 + DAY * number(day) + phase).collect()
    }

    #[test]
    fn v7_a_drifting_phase_is_a_lifetime_and_a_wandering_one_is_not_decided() {
        let drifting = at_phases(&[0.0, 5.0, 11.0, 14.0, 22.0, 27.0, 33.0, 38.0]);
        assert!((ratio(&drifting, DAY).unwrap() - 0.1725).abs() < 1e-4);
        assert_eq!(side(&drifting, DAY), Some(Side::Lifetime));
        let held = at_phases(&[12.0, -8.0, 31.0, 5.0, -22.0, 17.0, 3.0, -11.0]);
        assert!((ratio(&held, DAY).unwrap() - 2.6118).abs() < 1e-4);
        assert_eq!(side(&held, DAY), None, "between 0.68 and 2.66");
    }

    #[test]
    fn the_bounds_are_interpolated() {
        assert_eq!(bounds(8.0), (0.68, 2.66));
        let (low, high) = bounds(7.0);
        assert!((low - 0.62).abs() < 1e-12 && (high - 2.825).abs() < 1e-12);
        assert_eq!((bounds(30.0), bounds(99.0)), ((1.12, 1.18), (1.12, 1.18)));
    }

    #[test]
    fn an_age_far_from_every_period_is_a_lifetime() {
        let case = aged(&[5000.0, 5010.0, 5020.0]);
        assert_eq!(decide(&View::of(&case), 5000.0, &case), Decision::Lifetime);
        assert_eq!(
            (period_near(7200.0), period_near(84_000.0), period_near(83_000.0)),
            (Some(7200.0), Some(DAY), None)
        );
    }

    /// Sessions that begin when the one before ended, five seconds later, and end at these times.
    fn ending_at(ends: &[f64]) -> super::super::super::Case {
        let mut case = aged(&vec![0.0; ends.len()]);
        let mut start = ends[0] - DAY;
        for (session, end) in case.sessions.iter_mut().zip(ends) {
            session.start = start;
            session.age = end - start;
            start = end + 5.0;
        }
        case
    }

    #[test]
    fn sessions_that_began_off_the_phase_vote() {
        // Daily at one time; on two days a drop came between.
        let noon = 43_200.0;
        let daily = ending_at(
            &[0.0, DAY, DAY + noon, 2.0 * DAY, 3.0 * DAY, 3.0 * DAY + noon, 4.0 * DAY].map(|end| end + DAY),
        );
        assert_eq!(votes(&View::of(&daily).aged, DAY, DAY, &daily), (0, 2));
        assert!(matches!(decide(&View::of(&daily), DAY, &daily), Decision::Calendar { .. }));
        // A day after connecting; a drop between shifts all that follow.
        let lived = ending_at(&[1.0, 2.0, 2.5, 3.5, 3.75, 4.75, 5.75].map(|days| DAY * days));
        assert_eq!(votes(&View::of(&lived).aged, DAY, DAY, &lived), (3, 0));
        assert_eq!(decide(&View::of(&lived), DAY, &lived), Decision::Lifetime);
    }

    #[test]
    fn a_drop_between_ends_a_run_and_bounds_the_next() {
        let case = ending_at(&[1.0, 2.0, 2.5, 3.5, 4.5, 5.5].map(|days| DAY * days));
        assert_eq!(bounding(&View::of(&case), DAY), [2.5, 3.5, 4.5, 5.5].map(|days| DAY * days));
    }

    #[test]
    fn a_clock_that_is_set_an_hour_back_in_autumn_still_holds_its_phase() {
        // Daily at four of local time; summer time ends after the fifth. Other drops between make the votes.
        let hour = 3_600.0;
        let ends: Vec<f64> = (1..=10)
            .flat_map(|day| {
                let four = f64::from(day) * DAY + if day > 5 { hour } else { 0.0 };
                [Some(four), (day % 3 == 0).then_some(four + 10.0 * hour)].into_iter().flatten()
            })
            .collect();
        let winter = ending_at(&ends);
        let case =
            Case { utc_offset: hour, earlier_offsets: vec![(5.5 * DAY, 2.0 * hour)], ..winter.clone() };
        let mean = |case: &Case| match decide(&View::of(case), DAY, case) {
            Decision::Calendar { phase, .. } | Decision::Either { phase, .. } => Some(phase),
            Decision::Lifetime => None,
        };
        assert!(matches!(decide(&View::of(&case), DAY, &case), Decision::Calendar { .. }));
        assert!((mean(&case).unwrap() - 2.0 * hour).abs() < 60.0, "{:?}", mean(&case));
        assert!((case.local(5.0 * DAY) - case.local(4.0 * DAY) - DAY).abs() < 1e-6);
        assert!((case.local(6.0 * DAY) - case.local(5.0 * DAY) - DAY + hour).abs() < 1e-6);
    }

    #[test]
    fn the_phase_of_a_day_is_local() {
        let case = ending_at(&at_phases(&[0.0, 20.0, 10.0, -10.0]));
        let Decision::Either { period, phase } =
            decide(&View::of(&case), DAY, &Case { utc_offset: 3600.0, ..case.clone() })
        else {
            panic!("undecided")
        };
        assert!((period - DAY).abs() < 1e-9);
        assert!((phase - 18_005.0).abs() < 1.0, "04:00 UTC is 05:00 there, not {phase}");
    }
}
