//! A YAML file read table by table, with the line of everything.
//! Never stops at the first fault and never repeats a value: a value may be a secret.

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use crate::config::Problem;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Problem>);

impl Faults {
    /// Notes a fault of what stands at this line.
    pub(super) fn add(&mut self, line: Option<usize>, place: &str, message: impl Into<String>) {
        self.0.push(Problem { line, place: place.to_owned(), message: message.into() });
    }
}

/// A value with its place.
#[derive(Debug)]
pub(super) struct At<T> {
    pub(super) line: usize,
    pub(super) place: String,
    pub(super) value: T,
}

/// One table. What is read becomes known; [`Table::finish`] refuses the rest.
#[derive(Debug)]
pub(super) struct Table<'a, 'y> {
    place: String,
    pub(super) line: usize,
    entries: Vec<(At<String>, &'a MarkedYaml<'y>)>,
    known: Vec<&'static str>,
}

/// The documents of a file, or the fault that says why it is not YAML.
pub(super) fn parse<'y>(text: &'y str, faults: &mut Faults) -> Vec<MarkedYaml<'y>> {
    match MarkedYaml::load_from_str(text) {
        Ok(documents) if documents.len() > 1 => {
            faults.add(None, "", "holds several documents (`---`): keep one");
            Vec::new()
        }
        Ok(documents) => documents,
        Err(error) => {
            let (line, why) = (error.marker().line(), error.info());
            faults.add(Some(line), "", format!("this is not YAML: {why}"));
            Vec::new()
        }
    }
}

impl<'a, 'y> Table<'a, 'y> {
    /// The table that this node is; `None` when it is nothing or (as the faults then say) something else.
    pub(super) fn of(node: &'a MarkedYaml<'y>, place: &str, faults: &mut Faults) -> Option<Self> {
        let line = node.span.start.line();
        match &node.data {
            YamlData::Mapping(mapping) => {
                let mut entries = Vec::new();
                for (key, node) in mapping {
                    let line = key.span.start.line();
                    match text(key) {
                        Some(key) => {
                            let full = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                            entries.push((At { line, place: full, value: key }, node));
                        }
                        None => faults.add(Some(line), place, "holds a key that is no text"),
                    }
                }
                Some(Self { place: place.to_owned(), line, entries, known: Vec::new() })
            }
            YamlData::Value(Scalar::Null) => None,
            YamlData::Value(_)
            | YamlData::Representation(..)
            | YamlData::Sequence(_)
            | YamlData::Tagged(..)
            | YamlData::Alias(_)
            | YamlData::BadValue => {
                faults.add(Some(line), place, "must be a table of `key: value` lines");
                None
            }
        }
    }

    /// The keys, for tables whose keys are the user's own, each with its text value.
    pub(super) fn texts(&self, faults: &mut Faults) -> Vec<(&At<String>, String)> {
        let mut texts = Vec::new();
        for (key, node) in &self.entries {
            match text(node) {
                Some(value) => texts.push((key, value)),
                None => faults.add(Some(key.line), &key.place, "must be a text: put it in quotes"),
            }
        }
        texts
    }

    /// The text under `key`; an empty one is as good as none.
    pub(super) fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<At<String>> {
        let (line, place, node) = self.take(key)?;
        match text(node) {
            Some(value) if value.is_empty() => None,
            Some(value) => Some(At { line, place, value }),
            None => {
                faults.add(Some(line), &place, "must be a text: put it in quotes");
                None
            }
        }
    }

    /// The list of texts under `key`.
    pub(super) fn list(&mut self, key: &'static str, faults: &mut Faults) -> Vec<At<String>> {
        let Some((line, place, node)) = self.take(key) else { return Vec::new() };
        let items = match &node.data {
            YamlData::Sequence(items) => items.as_slice(),
            YamlData::Value(Scalar::Null) => &[],
            YamlData::Value(_)
            | YamlData::Representation(..)
            | YamlData::Mapping(_)
            | YamlData::Tagged(..)
            | YamlData::Alias(_)
            | YamlData::BadValue => {
                faults.add(Some(line), &place, "must be a list");
                &[]
            }
        };
        let mut texts = Vec::new();
        for item in items {
            let line = item.span.start.line();
            match text(item) {
                Some(value) => texts.push(At { line, place: place.clone(), value }),
                None => faults.add(Some(line), &place, "holds something that is no text"),
            }
        }
        texts
    }

    /// Checks that `key`, if it is there, is `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str, faults: &mut Faults) {
        if let Some((line, place, node)) = self.take(key)
            && !matches!(node.data, YamlData::Value(Scalar::Boolean(_)))
        {
            faults.add(Some(line), &place, "is neither `true` nor `false`");
        }
    }

    /// The table under `key`.
    pub(super) fn table(&mut self, key: &'static str, faults: &mut Faults) -> Option<Table<'a, 'y>> {
        let (_, place, node) = self.take(key)?;
        Table::of(node, &place, faults)
    }

    /// Refuses `key` with this sentence.
    pub(super) fn refuse(&mut self, key: &'static str, message: &str, faults: &mut Faults) {
        if let Some((line, place, _)) = self.take(key) {
            faults.add(Some(line), &place, message);
        }
    }

    /// Notes a fault of the table as a whole, or of a key that is missing in it.
    pub(super) fn fault(&self, message: impl Into<String>, faults: &mut Faults) {
        faults.add(Some(self.line), &self.place, message);
    }

    /// Refuses every key that was not read.
    pub(super) fn finish(self, faults: &mut Faults) {
        let known = self.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.known.contains(&key.value.as_str())) {
            // Somebody may have written a secret on the wrong side of the colon.
            let plain = key.value.len() <= 32
                && key.value.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
            let place = if plain { key.place.as_str() } else { self.place.as_str() };
            faults.add(Some(key.line), place, format!("is not a field (known here: {known})"));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(usize, String, &'a MarkedYaml<'y>)> {
        self.known.push(key);
        let (at, node) = self.entries.iter().find(|(at, _)| at.value == key)?;
        Some((at.line, at.place.clone(), node))
    }
}

/// A text, quoted or not.
fn text(node: &MarkedYaml<'_>) -> Option<String> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(
            Scalar::Null | Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::FloatingPoint(_),
        )
        | YamlData::Representation(..)
        | YamlData::Sequence(_)
        | YamlData::Mapping(_)
        | YamlData::Tagged(..)
        | YamlData::Alias(_)
        | YamlData::BadValue => None,
    }
}
