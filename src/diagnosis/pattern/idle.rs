//! Test 4.6: is there a length of silence from which on connections are dead? A change point in the hazard over gaps. Pure.
//! Never compares ranks: without any NAT the gap in which a connection dies is a long one.

use super::super::case::possible_gap;
use super::super::{Case, Claim, Lived, Pattern};
use super::math::{count, number};
use super::view::{View, numbers};

/// The level of this test alone: its gate on the share of fatal gaps makes it conservative.
const LEVEL: f64 = 0.01;
/// Permutations; with the observation itself 2000.
const DRAWS: u32 = 1999;
/// Where 2000 put `p` this near to the level, on either side, their own error would decide, and with a fixed seed it is the
/// same error for everybody: then it is 10,000.
const NEAR: std::ops::RangeInclusive<f64> = 0.003..=0.03;
const MORE_DRAWS: u32 = 8000;
/// With more deaths than this a draw costs more, and `p` is seldom near the level.
const CHEAP: usize = 12;
/// Of the gaps above the cut so many must have been fatal …
const SHARE: f64 = 0.8;
/// … and at least so many.
const LEAST: usize = 2;
/// Survivors that are looked at: the last.
const SURVIVORS: usize = 400;
/// So many fatal gaps without a claim speak against a NAT.
const ENOUGH: usize = 5;
/// Any number, as long as it stays.
const SEED: u64 = 46;

/// Whether the test had at least five fatal gaps and did not pass: rule D5 then says no more than rule D6.
#[must_use]
pub fn tried(case: &Case) -> bool {
    let view = View::of(case);
    fatal(&view).len() >= ENOUGH && claim(&view, &case.survived_gaps).is_none()
}

/// The claim, if the test passes.
pub(super) fn claim(view: &View, survived: &[f64]) -> Option<Claim> {
    let fatal = fatal(view);
    let alive: Vec<f64> =
        survived.iter().rev().copied().filter(|gap| possible_gap(*gap)).take(SURVIVORS).collect();
    let gaps = Gaps::of(&alive, &fatal.iter().map(|(_, gap)| *gap).collect::<Vec<f64>>());
    let cut = gaps.cut(&gaps.dead)?;
    let p = gaps.probability(cut.ratio);
    if p > LEVEL {
        return None;
    }
    let above: Vec<&Lived> =
        fatal.iter().filter(|(_, gap)| *gap >= cut.at).map(|(session, _)| *session).collect();
    let resets = above.iter().filter(|session| session.reset).count();
    Some(Claim {
        pattern: Pattern::IdleTimeout {
            survived: alive.iter().copied().filter(|gap| *gap < cut.at).fold(0.0, f64::max),
            fatal: fatal
                .iter()
                .map(|(_, gap)| *gap)
                .filter(|gap| *gap >= cut.at)
                .fold(f64::INFINITY, f64::min),
            reset: 2 * resets > above.len(),
        },
        support: count(cut.dead),
        of: count(cut.gaps),
        members: numbers(above),
        p,
    })
}

/// The gap in which each connection died.
fn fatal<'a>(view: &View<'a>) -> Vec<(&'a Lived, f64)> {
    view.drops.iter().filter_map(|drop| Some((*drop, drop.fatal_gap()?))).collect()
}

/// Gaps of both outcomes, the longest first.
struct Gaps {
    lengths: Vec<f64>,
    logarithms: Vec<f64>,
    /// Lengths summed from the longest on: for draws in proportion to them.
    sums: Vec<f64>,
    dead: Vec<bool>,
    deaths: usize,
}

/// The best cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Gaps from this length on.
    at: f64,
    /// So many of them were fatal.
    dead: usize,
    /// Of so many.
    gaps: usize,
    /// `LR`: the logarithm of how much better two hazards explain it than one.
    ratio: f64,
}

impl Gaps {
    fn of(alive: &[f64], dead: &[f64]) -> Self {
        let mut gaps: Vec<(f64, bool)> = alive.iter().map(|gap| (*gap, false)).collect();
        gaps.extend(dead.iter().map(|gap| (*gap, true)));
        gaps.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let sum = |sum: &mut f64, gap: &(f64, bool)| {
            *sum += gap.0;
            Some(*sum)
        };
        Self {
            lengths: gaps.iter().map(|gap| gap.0).collect(),
            logarithms: gaps.iter().map(|gap| gap.0.ln()).collect(),
            sums: gaps.iter().scan(0.0, sum).collect(),
            dead: gaps.iter().map(|gap| gap.1).collect(),
            deaths: dead.len(),
        }
    }

    /// The cut with the greatest ratio, for these outcomes.
    fn cut(&self, dead: &[bool]) -> Option<Cut> {
        let deaths = number(self.deaths);
        let total = self.sums.last().copied()?;
        // More gaps than this above the cut cannot be fatal to four fifths.
        let most = (deaths / SHARE).floor();
        let (mut above, mut gaps, mut log_above) = (0_usize, 0_usize, 0.0);
        let mut best: Option<Cut> = None;
        let mut steps = self.lengths.iter().zip(&self.logarithms).zip(&self.sums).zip(dead).peekable();
        while let Some((((&length, &logarithm), &sum), &died)) = steps.next() {
            gaps += 1;
            if number(gaps) > most {
                break;
            }
            if died {
                above += 1;
                log_above += logarithm;
            }
            let tied = steps.peek().is_some_and(|(((next, _), _), _)| **next >= length);
            let share = number(above) / number(gaps);
            if tied || above < LEAST || share < SHARE {
                continue;
            }
            let (below, alive_above) = (self.deaths - above, gaps - above);
            let mut ratio =
                number(above) * share.ln() - log_above + number(above) - deaths * (deaths / total).ln();
            if alive_above > 0 {
                ratio += number(alive_above) * (1.0 - share).ln();
            }
            if below > 0 {
                ratio += number(below) * (number(below) / (total - sum).max(f64::MIN_POSITIVE)).ln();
            }
            if ratio.is_finite() && best.is_none_or(|best| ratio > best.ratio) {
                best = Some(Cut { at: length, dead: above, gaps, ratio });
            }
        }
        best
    }

    /// `p` of this ratio: exact where it matters.
    fn probability(&self, observed: f64) -> f64 {
        let mut dice = fastrand::Rng::with_seed(SEED);
        let mut as_great = 1 + self.as_great(observed, &mut dice, DRAWS);
        let mut draws = 1 + DRAWS;
        let p = f64::from(as_great) / f64::from(draws);
        if !NEAR.contains(&p) || self.deaths > CHEAP {
            return p;
        }
        as_great += self.as_great(observed, &mut dice, MORE_DRAWS);
        draws += MORE_DRAWS;
        f64::from(as_great) / f64::from(draws)
    }

    /// How often deaths that do not care for the length of a gap, beyond that a longer one holds more of them, give as
    /// great a ratio.
    fn as_great(&self, observed: f64, dice: &mut fastrand::Rng, draws: u32) -> u32 {
        let mut dead = vec![false; self.lengths.len()];
        let mut chosen = Vec::with_capacity(self.deaths);
        let mut as_great = 0_u32;
        for _ in 0..draws {
            self.draw(dice, &mut dead, &mut chosen);
            // The same outcomes in another order of sums may differ in the last digits.
            if self.cut(&dead).is_some_and(|cut| cut.ratio >= observed - 1e-9) {
                as_great += 1;
            }
            for position in chosen.drain(..) {
                set(&mut dead, position, false);
            }
        }
        as_great
    }

    /// Draws as many gaps as died, without replacement, each in proportion to its length.
    fn draw(&self, dice: &mut fastrand::Rng, dead: &mut [bool], chosen: &mut Vec<usize>) {
        let total = self.sums.last().copied().unwrap_or_default();
        let mut refused = 0_usize;
        while chosen.len() < self.deaths {
            let aim = dice.f64() * total;
            let position =
                self.sums.partition_point(|sum| *sum <= aim).min(self.sums.len().saturating_sub(1));
            if dead.get(position) == Some(&false) {
                set(dead, position, true);
                chosen.push(position);
                continue;
            }
            refused += 1;
            // What is chosen already holds nearly all of the length: finish with keys instead.
            if refused > 4 * self.deaths + 16 {
                self.finish(dice, dead, chosen);
                return;
            }
        }
    }

    /// The same distribution as `draw`, one key for each gap: the least of `Exp(1) / length` win.
    fn finish(&self, dice: &mut fastrand::Rng, dead: &mut [bool], chosen: &mut Vec<usize>) {
        let mut keys: Vec<(f64, usize)> = self
            .lengths
            .iter()
            .zip(dead.iter())
            .enumerate()
            .filter(|(_, (_, dead))| !**dead)
            .map(|(position, (length, _))| (-(1.0 - dice.f64()).ln() / length, position))
            .collect();
        keys.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, position) in keys.into_iter().take(self.deaths - chosen.len()) {
            set(dead, position, true);
            chosen.push(position);
        }
    }
}

fn set(dead: &mut [bool], position: usize, value: bool) {
    if let Some(slot) = dead.get_mut(position) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::aged;
    use super::*;

    const ALIVE: [f64; 17] = [
        30.0, 45.0, 60.0, 62.0, 75.0, 80.0, 90.0, 110.0, 120.0, 140.0, 150.0, 170.0, 180.0, 200.0, 215.0,
        230.0, 238.0,
    ];

    fn case(alive: &[f64], dead: &[f64]) -> Case {
        let mut case = aged(&vec![5000.0; dead.len()]);
        for (session, gap) in case.sessions.iter_mut().zip(dead) {
            session.fatal_gaps = vec![*gap, 5.0];
        }
        case.survived_gaps = alive.to_vec();
        case
    }

    fn found(case: &Case) -> Option<Claim> {
        claim(&View::of(case), &case.survived_gaps)
    }

    #[test]
    fn v6_silences_from_262_s_on_are_fatal() {
        let gaps = Gaps::of(&ALIVE, &[262.0, 275.0, 300.0, 300.0]);
        let cut = gaps.cut(&gaps.dead).unwrap();
        assert!((cut.ratio - 8.3075).abs() < 1e-4, "{cut:?}");
        assert_eq!((cut.at, cut.dead, cut.gaps), (262.0, 4, 4));
        let many = gaps.as_great(cut.ratio, &mut fastrand::Rng::with_seed(1), 20_000);
        let many = f64::from(many) / 20_000.0;
        assert!((many - 0.0021).abs() < 0.001, "{many}");
        let found = found(&case(&ALIVE, &[262.0, 275.0, 300.0, 300.0])).unwrap();
        assert!((found.p - 0.0021).abs() < 0.002, "{}: 2000 draws scatter by 0.001", found.p);
        assert_eq!(found.pattern, Pattern::IdleTimeout { survived: 238.0, fatal: 262.0, reset: false });
        assert_eq!((found.support, found.of, found.members), (4, 4, vec![1, 2, 3, 4]));
    }

    #[test]
    fn both_ways_to_draw_have_one_distribution() {
        let gaps = Gaps::of(&ALIVE, &[262.0, 275.0, 300.0, 300.0]);
        let mut dice = fastrand::Rng::with_seed(1);
        let longest_is_drawn = |dice: &mut fastrand::Rng, keys: bool| {
            let rounds = 20_000;
            let hits = (0..rounds).filter(|_| {
                let (mut dead, mut chosen) = (vec![false; 21], Vec::new());
                if keys {
                    gaps.finish(dice, &mut dead, &mut chosen);
                } else {
                    gaps.draw(dice, &mut dead, &mut chosen);
                }
                assert_eq!((chosen.len(), dead.iter().filter(|dead| **dead).count()), (4, 4));
                dead[0]
            });
            number(hits.count()) / f64::from(rounds)
        };
        let (one, other) = (longest_is_drawn(&mut dice, false), longest_is_drawn(&mut dice, true));
        assert!((one - other).abs() < 0.015, "{one} and {other}");
    }

    #[test]
    fn near_the_level_the_dice_do_not_decide() {
        // Four fatal of seventeen, the case that a seed alone moved by a factor of two in power.
        let alive = [8.0, 15.0, 31.0, 44.0, 60.0, 71.0, 88.0, 104.0, 119.0, 140.0, 163.0, 190.0, 221.0];
        let gaps = Gaps::of(&alive, &[251.0, 300.0, 300.0, 300.0]);
        let cut = gaps.cut(&gaps.dead).unwrap();
        let many = gaps.as_great(cut.ratio, &mut fastrand::Rng::with_seed(7), 200_000);
        let (exact, ours) = (f64::from(many) / 200_000.0, gaps.probability(cut.ratio));
        assert!(NEAR.contains(&exact), "{exact}");
        assert!((exact - ours).abs() < 0.25 * exact, "{exact} and {ours}");
    }

    #[test]
    fn gaps_of_one_length_claim_nothing() {
        assert_eq!(found(&case(&[60.0; 100], &[60.0; 8])), None);
        assert_eq!(found(&case(&[], &[60.0; 8])), None);
        assert_eq!(found(&case(&[60.0; 1], &[60.0; 8])), None);
    }

    #[test]
    fn a_survivor_as_long_as_the_fatal_ones_takes_the_claim_away() {
        let mut alive = ALIVE.to_vec();
        alive.extend([280.0, 300.0, 300.0]);
        let case = case(&alive, &[262.0, 275.0, 300.0, 300.0, 290.0]);
        assert_eq!(found(&case), None);
        assert!(tried(&case), "five fatal gaps are a fair trial");
    }

    #[test]
    fn the_trial_is_open_while_fewer_than_five_died_and_over_when_it_passed() {
        assert!(!tried(&case(&ALIVE, &[30.0, 60.0, 90.0, 120.0])));
        assert!(!tried(&case(&ALIVE, &[262.0, 275.0, 300.0, 300.0, 300.0])));
        assert!(tried(&case(&ALIVE, &[30.0, 60.0, 90.0, 120.0, 200.0])));
    }

    #[test]
    fn resets_are_told_from_silence() {
        let mut case = case(&ALIVE, &[262.0, 275.0, 300.0, 300.0]);
        case.sessions[0].reset = true;
        case.sessions[2].reset = true;
        case.sessions[3].reset = true;
        let Some(Pattern::IdleTimeout { reset, .. }) = found(&case).map(|claim| claim.pattern) else {
            panic!()
        };
        assert!(reset);
    }

    #[test]
    fn one_endless_gap_beside_tiny_ones_does_not_hang() {
        let mut tiny = vec![1e-9; 300];
        tiny.push(1e12);
        assert_eq!(found(&case(&tiny, &[1e-9; 50])), None);
        found(&case(&[1e-9; 300], &[1e12; 40]));
    }
}
