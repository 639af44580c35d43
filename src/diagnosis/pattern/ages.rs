//! What the regular ages of a connection mean: tests 4.1 and 4.2 as one, told from counts (4.3) and from the clock (5). Pure.
//! Never more than one claim: age, count and clock are explanations of the same drops.

use super::super::{Case, Claim, Lived, Pattern};
use super::clock::{self, Decision};
use super::count::{self, Better, Counted};
use super::limits;
use super::math::{apart, count as counted, extent, median};
use super::scan::{self, Regular};
use super::view::{View, died, numbers};

/// Fewer drops carry no pattern; two at a known limit are a remark at most.
const LEAST: usize = 3;

/// A regular age, by either test.
struct Age<'a> {
    value: f64,
    from: f64,
    to: f64,
    limit: Option<f64>,
    members: Vec<&'a Lived>,
    of: usize,
    p: f64,
}

/// The claim about age, count or clock, if there is one.
pub(super) fn claim(view: &View, case: &Case) -> Option<Claim> {
    if view.aged.len() < LEAST {
        return None;
    }
    let age = age(view, &case.limits);
    let of_age = age.as_ref().map(|age| {
        let range = age.from..=age.to;
        move |age: f64| range.contains(&age)
    });
    let of_age = of_age.as_ref().map(|of_age| of_age as &dyn Fn(f64) -> bool);
    let count = count::counted(&view.aged, of_age);
    let Some(age) = age else { return count.map(|count| message_limit(&count, view)) };
    let decision = clock::decide(view, age.value, case);
    if let Decision::Calendar { period, phase } = decision {
        return Some(calendar(period, phase, &age, view, case));
    }
    if let Some(count) = count {
        match count.than_age {
            Better::Count => return Some(message_limit(&count, view)),
            Better::Either => {
                let pattern = Pattern::LifetimeOrCount {
                    age: age.value,
                    counter: count.counter,
                    count: count.regular.value,
                };
                return Some(age.into_claim(pattern));
            }
            Better::Age => {}
        }
    }
    let pattern = match decision {
        Decision::Lifetime => {
            Pattern::Lifetime { age: age.value, from: age.from, to: age.to, limit: age.limit }
        }
        Decision::Calendar { period, phase } => Pattern::Calendar { period, phase },
        Decision::Either { period, phase } => Pattern::LifetimeOrCalendar { age: age.value, period, phase },
    };
    Some(age.into_claim(pattern))
}

impl Age<'_> {
    fn into_claim(self, pattern: Pattern) -> Claim {
        Claim {
            pattern,
            support: counted(self.members.len()),
            of: counted(self.of),
            members: numbers(self.members),
            p: self.p,
        }
    }
}

/// What 4.1 and 4.2 claim together: the window of 4.1 with the limit that it fits, or the limit of 4.2 alone.
fn age<'a>(view: &View<'a>, extra: &[f64]) -> Option<Age<'a>> {
    let ages: Vec<f64> = view.aged.iter().map(|drop| drop.age).collect();
    let of_age = |wanted: &dyn Fn(f64) -> bool| -> Vec<&'a Lived> {
        view.aged.iter().copied().filter(|drop| wanted(drop.age)).collect()
    };
    let known = limits::known(view, extra).map(|known| {
        let members = of_age(&|age| limits::inside(age, known.window));
        let inside: Vec<f64> = members.iter().map(|drop| drop.age).collect();
        let (from, to) = extent(&inside);
        Age {
            value: median(&inside),
            from,
            to,
            limit: Some(known.limit),
            members,
            of: known.reached,
            p: known.p,
        }
    });
    let regular = scan::regular(&ages).map(|regular| {
        // With a long keep-alive an age lies in the windows of several limits: the nearest is the one to name.
        let nearest = limits::window_of(regular.value, limits::silence(&view.aged), extra);
        let claimed = known.as_ref().filter(|known| regular.holds(known.value)).and_then(|known| known.limit);
        let limit = nearest.or(claimed);
        let members = of_age(&|age| regular.holds(age));
        let Regular { value, from, to, of, p, .. } = regular;
        Age { value, from, to, limit, members, of, p }
    });
    match (regular, known) {
        // Two ages: the one that explains more.
        (Some(regular), Some(known))
            if known.members.len() > regular.members.len()
                && !(regular.from..=regular.to).contains(&known.value) =>
        {
            Some(known)
        }
        (Some(regular), Some(_) | None) => Some(regular),
        (None, known) => known,
    }
}

fn message_limit(found: &Counted, view: &View) -> Claim {
    let regular = &found.regular;
    let members: Vec<&Lived> = view
        .aged
        .iter()
        .copied()
        .filter(|drop| regular.holds(count::of(found.counter, &drop.counts)))
        .collect();
    let pattern = Pattern::MessageLimit {
        counter: found.counter,
        count: regular.value,
        from: regular.from,
        to: regular.to,
    };
    Claim {
        pattern,
        support: counted(members.len()),
        of: counted(regular.of),
        members: numbers(members),
        p: regular.p,
    }
}

/// A time of the clock explains also the short sessions that end at it.
fn calendar(period: f64, phase: f64, age: &Age, view: &View, case: &Case) -> Claim {
    let near = |drop: &&Lived| apart(case.local(died(drop)), phase, period) <= clock::tolerance(period);
    let members: Vec<&Lived> = view.aged.iter().copied().filter(near).collect();
    Claim {
        pattern: Pattern::Calendar { period, phase },
        support: counted(members.len()),
        of: counted(view.aged.len()),
        members: numbers(members),
        p: age.p,
    }
}
