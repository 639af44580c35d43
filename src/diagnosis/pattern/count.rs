//! Test 4.3: do sessions end at one count of messages or bytes, and can that be told from an age? Pure.
//! Never takes a handful for a limit: what every session sends once after connecting is regular without meaning.

use super::super::{Counter, Counts, Lived};
use super::math::{float, number, student_below};
use super::scan::{self, Regular};

/// Below this count a window of 10 % holds less than three whole numbers, and equal counts are no coincidence.
const LEAST: f64 = 20.0;
/// A session with fewer messages moved little but its own beginning: the same bytes each time, without meaning.
const FEWEST: u64 = 20;
/// Level of the comparison of spreads.
const LEVEL: f64 = 0.01;

/// A regular count.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counted {
    /// Of what.
    pub(super) counter: Counter,
    /// Around which value.
    pub(super) regular: Regular,
    /// Whether it explains the drops better than their age, where that is regular too.
    pub(super) than_age: Better,
    /// `p` of the comparison of spreads.
    p: f64,
}

/// Which of two regular sizes varies less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    /// The count.
    Count,
    /// Not to be told.
    Either,
    /// The age.
    Age,
}

/// The counter that explains most, if any is regular. `of_age`: whether an age belongs to the regular one, if there is one.
pub(super) fn counted(sessions: &[&Lived], of_age: Option<&dyn Fn(f64) -> bool>) -> Option<Counted> {
    let judge = |counter: Counter| {
        let counts: Vec<f64> = sessions.iter().map(|session| of(counter, &session.counts)).collect();
        let regular = scan::regular(&counts).filter(|regular| regular.value >= LEAST)?;
        let p = of_age.map_or(0.0, |of_age| {
            // Sessions that belong to neither say nothing of which of the two is held: a few that died young of something
            // else would decide it, because every session counts some messages at its beginning.
            let (held, ages): (Vec<f64>, Vec<f64>) = (counts.iter().zip(sessions))
                .filter(|(count, session)| regular.holds(**count) || of_age(session.age))
                .map(|(count, session)| (*count, session.age))
                .unzip();
            varies_less(&held, &ages)
        });
        let than_age = if p < LEVEL {
            Better::Count
        } else if p > 1.0 - LEVEL {
            Better::Age
        } else {
            Better::Either
        };
        Some(Counted { counter, regular, than_age, p })
    };
    let counters = [Counter::MessagesReceived, Counter::MessagesSent, Counter::Bytes];
    counters.into_iter().filter_map(judge).min_by(|one, other| {
        one.p
            .total_cmp(&other.p)
            .then(other.regular.support.cmp(&one.regular.support))
            .then(spread(one).total_cmp(&spread(other)))
    })
}

/// How many of a counter a session counted.
pub(super) fn of(counter: Counter, counts: &Counts) -> f64 {
    float(match counter {
        Counter::MessagesReceived => counts.messages_received,
        Counter::MessagesSent => counts.messages_sent,
        Counter::Bytes if counts.messages_received.saturating_add(counts.messages_sent) < FEWEST => 0,
        Counter::Bytes => counts.bytes,
    })
}

fn spread(counted: &Counted) -> f64 {
    counted.regular.to / counted.regular.from
}

/// The test of Pitman and Morgan on logarithms: small where `u` varies less than `v`, near 1 where it varies more.
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
fn varies_less(u: &[f64], v: &[f64]) -> f64 {
    let pairs: Vec<(f64, f64)> = u
        .iter()
        .zip(v)
        .filter(|(u, v)| **u > 0.0 && **v > 0.0)
        .map(|(u, v)| (u.ln() + v.ln(), u.ln() - v.ln()))
        .collect();
    if pairs.len() < 3 {
        return 0.5;
    }
    let n = number(pairs.len());
    let mean = |side: fn(&(f64, f64)) -> f64| pairs.iter().map(side).sum::<f64>() / n;
    let (mean_sum, mean_difference) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut together, mut sums, mut differences) = (0.0, 0.0, 0.0);
    for (sum, difference) in &pairs {
        together += (sum - mean_sum) * (difference - mean_difference);
        sums += (sum - mean_sum).powi(2);
        differences += (difference - mean_difference).powi(2);
    }
    // Rounding leaves something like 1e-30 of a spread that is none.
    if sums * differences <= 1e-24 * n * n {
        return 0.5;
    }
    let r = (together / (sums * differences).sqrt()).clamp(-1.0, 1.0);
    let t = r * ((n - 2.0) / (1.0 - r * r).max(f64::MIN_POSITIVE)).sqrt();
    student_below(t, n - 2.0)
}

#[cfg(test)]
mod tests {
    use super::super::examples::aged;
    use super::super::view::View;
    use super::*;

    const COUNTS: [u64; 6] = [10012, 9987, 10004, 9995, 10008, 9991];
    const AGES: [f64; 6] = [6120.0, 9880.0, 4410.0, 12950.0, 7700.0, 5230.0];

    fn received(ages: &[f64], counts: &[u64]) -> super::super::super::Case {
        let mut case = aged(ages);
        for (session, count) in case.sessions.iter_mut().zip(counts) {
            session.counts.messages_received = *count;
        }
        case
    }

    #[test]
    fn v4_counts_vary_less_than_ages() {
        let counts: Vec<f64> = COUNTS.iter().map(|count| float(*count)).collect();
        let p = varies_less(&counts, &AGES);
        assert!((p / 8.2e-11 - 1.0).abs() < 0.02, "{p}");
        assert!((1.0 - varies_less(&AGES, &counts)).abs() < 1e-9);
    }

    #[test]
    fn v4_is_a_limit_of_messages_received() {
        let case = received(&AGES, &COUNTS);
        let found = counted(&View::of(&case).aged, None).unwrap();
        assert_eq!(
            (found.counter, found.regular.value, found.than_age),
            (Counter::MessagesReceived, 9999.5, Better::Count)
        );
    }

    #[test]
    fn a_constant_rate_leaves_both_and_an_exact_age_wins() {
        let ages = [1000.0, 1010.0, 990.0, 1005.0, 995.0];
        let case = received(&ages, &[1000, 1010, 990, 1005, 995]);
        assert_eq!(counted(&View::of(&case).aged, Some(&|_| true)).unwrap().than_age, Better::Either);
        let case = received(&[1000.0, 1000.1, 999.9, 1000.05, 1000.02], &[1000, 1040, 985, 1017, 973]);
        assert_eq!(counted(&View::of(&case).aged, Some(&|_| true)).unwrap().than_age, Better::Age);
    }

    #[test]
    fn a_few_that_died_young_do_not_make_a_count_of_an_age() {
        // A proxy that closes after 180 s, and a broker that hung three times: the first messages come at once.
        let ages = [179.96, 180.0, 70.7, 179.35, 180.0, 70.43, 177.41, 179.99, 70.16, 176.11];
        let counts = [39, 40, 18, 39, 39, 18, 38, 40, 18, 38];
        let case = received(&ages, &counts);
        let view = View::of(&case);
        assert_eq!(counted(&view.aged, Some(&|age| age > 170.0)).unwrap().than_age, Better::Age);
        assert_eq!(counted(&view.aged, Some(&|_| true)).unwrap().than_age, Better::Count, "with all of them");
    }

    #[test]
    fn two_publishes_after_every_connect_are_no_limit() {
        let case = received(&[100.0, 7000.0, 333.0, 25.0, 9000.0], &[2, 2, 2, 2, 2]);
        assert_eq!(counted(&View::of(&case).aged, None), None);
    }

    #[test]
    fn the_bytes_of_a_silent_session_are_its_handshake_and_no_limit() {
        // Three sessions that another client ended after about 1.3 s: a CONNECT and a few SUBSCRIBEs each.
        let mut case = aged(&[1.31, 1.36, 1.30]);
        for session in &mut case.sessions {
            session.counts.bytes = 123;
        }
        assert_eq!(counted(&View::of(&case).aged, Some(&|_| true)), None);
        for session in &mut case.sessions {
            session.counts.messages_sent = FEWEST;
        }
        assert_eq!(counted(&View::of(&case).aged, Some(&|_| true)).unwrap().counter, Counter::Bytes);
    }

    #[test]
    fn equal_counts_at_equal_ages_do_not_divide_by_nothing() {
        let case = received(&[1000.0; 5], &[1000; 5]);
        assert_eq!(counted(&View::of(&case).aged, Some(&|_| true)).unwrap().than_age, Better::Either);
    }
}
