//! `labels = { … }`: of one rule, and of every rule of a subscription.
//!
//! Never takes a label that could not stand on the page, nor a template that could stand for nothing only.

use super::super::file::Fields;
use super::{Metric, MetricKind, Subscribe, name, text};
use crate::mapping::path::Path;
use crate::mapping::template::{Piece, Template};
use crate::mapping::{pattern, topic};

/// Labels of one table at most.
const LABELS: usize = 16;

/// The field.
const FIELD: &str = "labels";

/// What the topics of a subscription have for a template.
pub(super) struct Topics {
    /// The names of the groups of its `pattern`.
    pub(super) groups: Vec<String>,
    /// How many levels they have; `None`: as many as they like.
    pub(super) levels: Option<usize>,
}

impl Topics {
    /// Of a subscription with this filter and pattern.
    pub(super) fn of(filter: Option<&str>, pattern: Option<&str>) -> Self {
        let pattern = pattern.and_then(|text| pattern::compile(text).ok());
        Self {
            groups: pattern.map(|pattern| pattern.groups()).unwrap_or_default(),
            levels: filter.and_then(topic::levels),
        }
    }

    /// Why there is no such level; `only`: a further filter that the topic must fit.
    pub(super) fn level_fault(&self, level: i16, only: Option<&str>) -> Option<String> {
        let most = self.levels.into_iter().chain(only.and_then(topic::levels)).min()?;
        (usize::from(level.unsigned_abs()) > most).then(|| {
            format!("`{{{level}}}` is no level of a topic with {most}, as the filter has them (the last is `{{-1}}`)")
        })
    }
}

/// Reads one such field.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Vec<(String, String)> {
    let labels = text::entries(fields, FIELD, LABELS, name::label, text::template);
    for (label, template) in &labels {
        if let Some(doubt) = text::dollar(template) {
            fields.warning(FIELD, format!("`{label}`: {doubt}"));
        }
    }
    labels
}

/// The labels of one rule.
pub(super) fn check(fields: &Fields<'_, '_>, metric: &Metric, topics: &Topics) {
    for (label, template) in &metric.labels {
        if let Some(fault) = clash(label, metric) {
            fields.problem(FIELD, fault);
        }
        if let Some(fault) = fault(template, metric, topics) {
            fields.problem(FIELD, format!("`{label}`: {fault}"));
        }
    }
}

/// Reads the labels for every rule of these subscriptions, and gives them. A template must be able to stand for something
/// in one of the rules at least: in the others its label is left out.
pub(super) fn share(fields: &mut Fields<'_, '_>, subscribes: &mut [Subscribe]) {
    let labels = read(fields);
    let topics = |subscribe: &Subscribe| Topics::of(Some(&subscribe.filter), subscribe.pattern.as_deref());
    let with_topics: Vec<_> = subscribes.iter().map(|subscribe| (subscribe, topics(subscribe))).collect();
    let rules = || {
        with_topics
            .iter()
            .flat_map(|(subscribe, topics)| subscribe.metrics.iter().map(move |metric| (metric, topics)))
    };
    for (label, template) in &labels {
        if let Some(fault) = rules().find_map(|(metric, _)| clash(label, metric)) {
            fields.problem(FIELD, fault);
        }
        let faults = rules().map(|(metric, topics)| fault(template, metric, topics));
        let fault = faults.reduce(Option::and).flatten();
        if let Some(fault) = fault {
            fields.problem(FIELD, format!("`{label}`: {fault}"));
        }
    }
    for subscribe in subscribes {
        subscribe.labels.retain(|(known, _)| !labels.iter().any(|(label, _)| label == known));
        subscribe.labels.extend(labels.iter().cloned());
    }
}

/// What a rule itself makes a label of this name of.
fn clash(label: &str, metric: &Metric) -> Option<&'static str> {
    if matches!(metric.kind, MetricKind::State(_)) && label == "state" {
        return Some("the label `state` is the word itself where `type = \"state\"`: choose another label");
    }
    (metric.path.as_deref() == Some("**") && label == "index")
        .then_some("the label `index` is the place in a list where `path = \"**\"`: choose another label")
}

/// Why a template stands for nothing in this rule; `None`: it may stand for something.
fn fault(template: &str, metric: &Metric, topics: &Topics) -> Option<String> {
    let template = Template::parse(template).ok()?;
    let path = metric.path.as_deref();
    let wildcards = match path {
        Some("**") => 1,
        Some(path) => Path::parse(path).map_or(0, |path| path.wildcards()),
        None => 0,
    };
    template.0.iter().find_map(|piece| match piece {
        Piece::Text(_) | Piece::Property(_) => None,
        Piece::Level(level) => topics.level_fault(*level, metric.topic.as_deref()),
        Piece::Group(group) => (!topics.groups.contains(group)).then(|| {
            format!(
                "`{{{group}}}` is no named group of `pattern` (write there `(?<{group}>[^/]+)`, or here `{{2}}` for a \
                 level of the topic)"
            )
        }),
        Piece::Star(which) => (*which >= wildcards).then(|| {
            "`{*}` needs a wildcard in `path` (write for example `path = \"channels[*].power\"`)".to_owned()
        }),
        Piece::Payload(inner) => (!shares_stem(&inner.to_string(), path))
            .then(|| format!("`{{payload.{inner}}}` stands for many: its wildcards must be those of `path`")),
    })
}

/// Whether every wildcard of `path` means the element that the rule is about.
pub(super) fn shares_stem(path: &str, of: Option<&str>) -> bool {
    let Ok(path) = Path::parse(path) else { return true };
    let of = of.and_then(|of| Path::parse(of).ok()).unwrap_or_default();
    path.wildcards() == 0 || of.stem().starts_with(path.stem())
}

#[cfg(test)]
mod tests {
    use super::super::from_text;

    /// What is wrong with labels of a subscription with these rules.
    fn faults(subscribe: &str, metrics: &str) -> String {
        let text = format!("[[subscribe]]\n{subscribe}\n{metrics}");
        from_text(&text).err().unwrap_or_default()
    }

    #[test]
    fn labels_of_a_subscription_are_read_beside_a_filter_and_beside_a_preset() {
        let site = |text: &str| {
            let read = from_text(text).unwrap();
            assert!(!read.is_empty());
            read.iter().all(|subscribe| subscribe.labels == [("site".to_owned(), "north".to_owned())])
        };
        assert!(site("[[subscribe]]\nfilter = \"a/#\"\nlabels = { site = \"north\" }\n"));
        for preset in crate::mapping::preset::names() {
            assert!(site(&format!(
                "[[subscribe]]\npreset = \"{preset}\"\nlabels = {{ site = \"north\" }}\n"
            )));
        }
    }

    #[test]
    fn a_label_with_a_meaning_is_refused_in_the_words_of_a_rule() {
        const STATE: &str = "[[subscribe.metric]]\nname = \"a\"\ntype = \"state\"\nstates = [\"on\"]\n";
        const EVERY: &str = "[[subscribe.metric]]\nname = \"a_{path}\"\npath = \"**\"\n";
        for (label, metric, words) in [
            ("device", EVERY, "has its own template"),
            ("connection", EVERY, "has a meaning of its own"),
            ("le", EVERY, "has a meaning of its own"),
            ("a-b", EVERY, "is not a label name"),
            ("state", STATE, "is the word itself"),
            ("index", EVERY, "is the place in a list"),
        ] {
            let labels = format!("labels = {{ {label} = \"north\" }}");
            let shared = faults(&format!("filter = \"a/#\"\n{labels}"), metric);
            let own = faults("filter = \"a/#\"", &format!("{metric}{labels}\n"));
            assert!(shared.contains(words) && own.contains(words), "{label}: {shared} / {own}");
        }
        let preset = faults("preset = \"zigbee2mqtt\"\nlabels = { device = \"x\" }", "");
        assert!(preset.contains("has its own template"), "{preset}");
    }

    #[test]
    fn a_level_that_no_topic_of_the_filter_has_is_told() {
        const RULE: &str = "[[subscribe.metric]]\nname = \"a_watts\"\n";
        for (filter, level, wrong) in [
            ("a/+", 2, false),
            ("a/+", -2, false),
            ("a/+", 3, true),
            ("a/+", -3, true),
            ("$share/g/a/+", 3, true),
            ("a/#", 9, false),
        ] {
            let label = format!("labels = {{ x = \"{{{level}}}\" }}");
            let own = faults(&format!("filter = \"{filter}\""), &format!("{RULE}{label}\n"));
            let shared = faults(&format!("filter = \"{filter}\"\n{label}"), RULE);
            let device = faults(&format!("filter = \"{filter}\"\ndevice = \"{{{level}}}\""), RULE);
            for fault in [own, shared, device] {
                assert_eq!(
                    fault.contains("is no level of a topic with 2"),
                    wrong,
                    "{filter} {level}: {fault}"
                );
            }
        }
        let narrow =
            faults("filter = \"a/#\"", &format!("{RULE}topic = \"a/b\"\nlabels = {{ x = \"{{3}}\" }}\n"));
        assert!(narrow.contains("is no level of a topic with 2"), "{narrow}");
    }

    #[test]
    fn a_template_must_stand_for_something_in_one_rule_at_least() {
        const RULES: &str = "[[subscribe.metric]]\nname = \"a_watts\"\npath = \"a\"\n\
            [[subscribe.metric]]\nname = \"l_watts\"\npath = \"l[*].p\"\n";
        let all = |template: &str, pattern: &str| {
            faults(&format!("filter = \"a/#\"\n{pattern}\nlabels = {{ x = \"{template}\" }}"), RULES)
        };
        for template in ["{1}", "{property.site}", "{payload.a}", "{*}", "{payload.l[*].n}", "b{{"] {
            assert_eq!(all(template, ""), "", "{template}");
        }
        assert_eq!(all("{room}", "pattern = 'a/(?<room>.*)'"), "");
        for (template, words) in [
            ("{room}", "is no named group"),
            ("{*2}", "needs a wildcard"),
            ("{payload.m[*].n}", "stands for many"),
            ("{", "brace too many"),
        ] {
            let fault = all(template, "");
            assert!(fault.contains(words), "{template}: {fault}");
        }
    }
}
