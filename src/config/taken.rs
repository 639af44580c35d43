//! Series of one name that two connections would make: one of them would be refused while the other is there.
//!
//! Never knows what devices will say: what only may meet is a warning.

use std::collections::BTreeMap;

use super::file::Fields;
use super::mapping::{Metric, Subscribe};

/// A name with its labels and their templates.
type Series = (String, Vec<(String, String)>);

/// So many connections are told of one by one. In a fleet that shares its rules it is the same with all of them.
const TOLD: usize = 3;

/// Which connection makes what; the first one counts.
#[derive(Debug, Default)]
pub(super) struct Taken {
    by: BTreeMap<Series, String>,
    /// Connections that make what another one makes.
    late: usize,
}

impl Taken {
    /// Notes what an earlier connection makes, too, and keeps what this one makes.
    pub(super) fn check(&mut self, fields: &Fields<'_, '_>, subscribes: &[Subscribe]) {
        let rules = subscribes
            .iter()
            .flat_map(|subscribe| subscribe.metrics.iter().map(move |metric| series(subscribe, metric)));
        let made: Vec<Series> = rules.collect();
        let twice = made.iter().find_map(|series| Some((&series.0, self.by.get(series)?)));
        self.late += usize::from(twice.is_some());
        if let Some((metric, other)) = twice.filter(|_| self.late <= TOLD) {
            fields.warning(
                "subscribe",
                format!(
                    "makes `{metric}` with the same labels as connection {other}: where both have a device of one name, the later \
                     one loses its readings (`series_taken`); write for example `labels = {{ site = \"north\" }}` in its \
                     `[[connection.subscribe]]`"
                ),
            );
        }
        let own = fields.text("name").unwrap_or_default();
        for series in made {
            self.by.entry(series).or_insert_with(|| format!("\"{own}\""));
        }
    }

    /// Says how many there are beside those that were told of.
    pub(super) fn finish(self, root: &Fields<'_, '_>) {
        if let Some(more @ 1..) = self.late.checked_sub(TOLD) {
            let them = if more == 1 {
                "1 more of them makes".to_owned()
            } else {
                format!("{more} more of them make")
            };
            root.warning(
                "connection",
                format!("{them} series with the labels of another one, like those above"),
            );
        }
    }
}

/// What a rule makes. A level that the filter spells out stands in place of its placeholder.
fn series(subscribe: &Subscribe, metric: &Metric) -> Series {
    let own = |label: &str| metric.labels.iter().any(|(name, _)| name == label);
    let shared = subscribe.labels.iter().filter(|(name, _)| !own(name));
    let device = subscribe.device.iter().map(|device| ("device".to_owned(), device.clone()));
    let all = metric.labels.iter().chain(shared).cloned().chain(device);
    let filter = metric.topic.as_deref().unwrap_or(super::unshared(&subscribe.filter));
    let mut labels: Vec<_> = all.map(|(name, template)| (name, spelt(template, filter))).collect();
    labels.sort();
    (metric.name.clone(), labels)
}

fn spelt(mut template: String, filter: &str) -> String {
    for (at, level) in filter.split('/').enumerate().filter(|(_, level)| !matches!(*level, "+" | "#")) {
        template = template.replace(&format!("{{{}}}", at + 1), level);
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::mapping::from_text;

    fn of(text: &str) -> Series {
        let read = from_text(text).unwrap();
        series(&read[0], &read[0].metrics[0])
    }

    #[test]
    fn series_are_the_same_by_name_and_labels() {
        let rule = |head: &str| {
            of(&format!("[[subscribe]]\n{head}\n[[subscribe.metric]]\nname = \"a_watts\"\npath = \"p\"\n"))
        };
        let plain = rule("filter = \"a/+\"\ndevice = \"{2}\"");
        assert_eq!(plain, rule("filter = \"b/+\"\ndevice = \"{2}\""));
        for other in [
            "filter = \"a/+\"",
            "filter = \"a/kitchen\"\ndevice = \"{2}\"",
            "filter = \"a/+\"\ndevice = \"{2}\"\nlabels = { site = \"north\" }",
        ] {
            assert_ne!(plain, rule(other), "{other}");
        }
    }
}
