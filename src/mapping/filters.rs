//! What a connection asks its broker for, from what its subscriptions want.
//!
//! Pure. Never asks for the same messages twice: many brokers deliver a message once for each filter that it fits, and a counter
//! would count it twice.

use super::template::{Piece, Template};
use super::topic::{Presence, covers};
use crate::config::Subscribe;
use crate::connection::plan::{RetainHandling, Subscription};

/// What to subscribe to: every filter that no other one covers, and the availability topics that none of them covers.
/// Filters that overlap in part stay what they are.
#[must_use]
pub fn subscriptions(subscribes: &[Subscribe]) -> Vec<Subscription> {
    let mut wanted: Vec<Subscription> = Vec::new();
    for subscribe in subscribes {
        add(
            &mut wanted,
            Subscription {
                filter: subscribe.filter.clone(),
                qos: subscribe.qos,
                required: subscribe.required,
                no_local: subscribe.no_local,
                retain: subscribe.retain_handling,
            },
        );
    }
    for subscribe in subscribes {
        let Some(availability) = &subscribe.availability else { continue };
        let Ok(presence) = Presence::parse(&availability.topic) else { continue };
        let filter = presence.filter(levels(subscribe.device.as_deref()));
        if !wanted.iter().any(|known| covers(&known.filter, &filter)) {
            wanted
                .push(Subscription { retain: RetainHandling::Always, ..Subscription::new(filter, 0, false) });
        }
    }
    wanted
}

/// Adds a subscription, or lets a wider one do its work.
fn add(wanted: &mut Vec<Subscription>, mut new: Subscription) {
    let alike = |one: &Subscription, other: &Subscription| {
        one.filter == other.filter || (one.no_local, one.retain) == (other.no_local, other.retain)
    };
    let join = |one: &mut Subscription, other: &Subscription| {
        one.qos = one.qos.max(other.qos);
        one.required |= other.required;
    };
    if let Some(wide) =
        wanted.iter_mut().find(|known| alike(known, &new) && is_in(&known.filter, &new.filter))
    {
        join(wide, &new);
        return;
    }
    wanted.retain(|known| {
        let covered = alike(known, &new) && is_in(&new.filter, &known.filter);
        if covered {
            join(&mut new, known);
        }
        !covered
    });
    wanted.push(new);
}

fn is_in(wide: &str, narrow: &str) -> bool {
    wide == narrow || covers(wide, narrow)
}

/// How many levels of a topic a device is named by.
fn levels(device: Option<&str>) -> usize {
    let Some(Ok(template)) = device.map(Template::parse) else { return 1 };
    let slashes = template.0.iter().map(|piece| match piece {
        Piece::Text(text) => text.matches('/').count(),
        Piece::Level(_) | Piece::Group(_) | Piece::Payload(_) | Piece::Property(_) | Piece::Star(_) => 0,
    });
    1 + slashes.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::mapping::from_text;

    /// The filters with their quality of service.
    fn asked(text: &str) -> Vec<(String, u8)> {
        let wanted = subscriptions(&from_text(text).unwrap());
        wanted.into_iter().map(|subscription| (subscription.filter, subscription.qos)).collect()
    }

    fn of(filters: &[(&str, u8)]) -> String {
        let one = |(filter, qos): &(&str, u8)| format!("[[subscribe]]\nfilter = \"{filter}\"\nqos = {qos}\n");
        filters.iter().map(one).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_filter_that_another_one_covers_is_not_asked_for_and_raises_its_quality() {
        for (filters, expected) in [
            (vec![("a/#", 0), ("a/+/b", 1)], vec![("a/#", 1)]),
            (vec![("a/+/b", 2), ("a/b/b", 0), ("a/#", 0)], vec![("a/#", 2)]),
            (vec![("a/b", 0), ("a/b", 1)], vec![("a/b", 1)]),
            (vec![("a/+", 0), ("+/b", 0)], vec![("a/+", 0), ("+/b", 0)]),
            (vec![("$share/g/a/#", 0), ("a/b", 0)], vec![("$share/g/a/#", 0), ("a/b", 0)]),
            (vec![("#", 0), ("$SYS/#", 0)], vec![("#", 0), ("$SYS/#", 0)]),
        ] {
            let expected: Vec<_> =
                expected.into_iter().map(|(filter, qos)| (filter.to_owned(), qos)).collect();
            assert_eq!(asked(&of(&filters)), expected, "{filters:?}");
        }
    }

    #[test]
    fn what_differs_in_more_than_its_quality_stays() {
        let text = format!("{}retain_handling = \"never\"\n{}", of(&[("a/#", 0)]), of(&[("a/b", 0)]));
        assert_eq!(asked(&text).len(), 2);
        let required = subscriptions(
            &from_text(&format!("{}required = true\n{}", of(&[("a/b", 0)]), of(&[("a/#", 0)]))).unwrap(),
        );
        assert!(required.len() == 1 && required[0].required);
    }

    #[test]
    fn an_availability_topic_has_as_many_levels_as_its_devices() {
        for (device, filter) in [("{2}", "z/+/up"), ("{2}/{3}", "z/+/+/up"), ("x/{2}", "z/+/+/up")] {
            let text = format!(
                "[[subscribe]]\nfilter = \"z/+/+\"\ndevice = \"{device}\"\n\
                 [subscribe.availability]\ntopic = \"z/{{device}}/up\"\n"
            );
            let expected = if filter == "z/+/up" { vec!["z/+/+"] } else { vec!["z/+/+", filter] };
            let asked: Vec<_> = asked(&text).into_iter().map(|(filter, _)| filter).collect();
            assert_eq!(asked, expected, "{device}");
        }
    }
}
