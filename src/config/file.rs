//! A parsed TOML file that remembers where everything stands, read field by field.
//!
//! Never stops at the first fault and never quotes a line of the file: a line may hold a secret.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::Problem;

/// Collects faults and warnings while a file is read.
#[derive(Debug)]
pub(super) struct Report<'t> {
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// Parses the file; `None` when it is not TOML, and then every syntax fault is in the report.
    pub(super) fn parse(&self) -> Option<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            // Only `message`: the error's own Display prints the line of the file.
            let message = format!("this is not TOML: {}", error.message());
            self.problem(error.span(), String::new(), message);
        }
        errors.is_empty().then(|| table.into_inner())
    }

    /// Notes a fault.
    pub(super) fn problem(&self, span: Option<Range<usize>>, place: String, message: impl Into<String>) {
        let problem = Problem { line: span.map(|span| self.line(&span)), place, message: message.into() };
        self.problems.borrow_mut().push(problem);
    }

    /// Notes something doubtful that does not stop the exporter.
    pub(super) fn warning(&self, span: Option<Range<usize>>, place: String, message: impl Into<String>) {
        let warning = Problem { line: span.map(|span| self.line(&span)), place, message: message.into() };
        self.warnings.borrow_mut().push(warning);
    }

    /// Faults and warnings, each in the order of the file.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        (problems, self.warnings.into_inner())
    }

    fn line(&self, span: &Range<usize>) -> usize {
        1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
    }
}

/// The fields of one table. Every key that is read becomes a known one; [`Fields::finish`] refuses the rest.
#[derive(Debug)]
pub(super) struct Fields<'a, 't> {
    report: &'a Report<'t>,
    table: &'a DeTable<'t>,
    span: Option<Range<usize>>,
    prefix: String,
    /// The tables around it as they are written in brackets: `connection.subscribe.`.
    written: String,
    known: Vec<&'static str>,
}

impl<'a, 't> Fields<'a, 't> {
    /// The top of a file.
    pub(super) fn root(report: &'a Report<'t>, table: &'a DeTable<'t>) -> Self {
        Self { report, table, span: None, prefix: String::new(), written: String::new(), known: Vec::new() }
    }

    /// The same table under another name: what a connection is called is only known after a look inside.
    pub(super) fn renamed(mut self, prefix: String) -> Self {
        self.prefix = prefix;
        self
    }

    /// The value of `key`; `None` when it is absent or (as the report then says) wrong.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(key)?;
        match parse(value.get_ref()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problem(key, message);
                None
            }
        }
    }

    /// Overwrites `target` when `key` is present and right.
    pub(super) fn set<T>(
        &mut self,
        key: &'static str,
        target: &mut T,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) {
        if let Some(value) = self.read(key, parse) {
            *target = value;
        }
    }

    /// As [`Fields::read`], and an absent key is a fault. `example` shows what to write.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        if self.value(key).is_none() {
            self.problem(key, format!("is missing (write for example `{example}`)"));
            return None;
        }
        self.read(key, parse)
    }

    /// The table under `key`; `None` when absent or (as the report then says) not a table.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Fields<'a, 't>> {
        let value = self.value(key)?;
        let inner = self.inner(key, value, format!("{}{key}.", self.prefix));
        if inner.is_none() {
            self.problem(key, format!("must be a table, not {}", article(value.get_ref())));
        }
        inner
    }

    /// The tables of a `[[key]]` list, in the order of the file.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Fields<'a, 't>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let written = format!("{}{key}", self.written);
        let Some(items) = value.get_ref().as_array() else {
            self.problem(key, format!("begins with double brackets: write `[[{written}]]`"));
            return Vec::new();
        };
        let tables: Vec<_> =
            items.iter().filter_map(|item| self.inner(key, item, format!("{key}, "))).collect();
        if tables.len() != items.len() {
            self.problem(key, format!("must be a list of tables: write each as `[[{written}]]`"));
        }
        tables
    }

    /// As [`Fields::tables`], each under the name of this table with its number: `subscribe 2, metric 1, `.
    pub(super) fn numbered(&mut self, key: &'static str) -> Vec<Fields<'a, 't>> {
        let prefix = self.prefix.clone();
        let named =
            |(at, table): (usize, Fields<'a, 't>)| table.renamed(format!("{prefix}{key} {}, ", at + 1));
        self.tables(key).into_iter().enumerate().map(named).collect()
    }

    /// The kind of source that this table is part of: `broker` in `[connection.source.broker.will]`.
    pub(super) fn kind(&self) -> &str {
        let source = self.prefix.split_once("source.").and_then(|(_, source)| source.split('.').next());
        source.unwrap_or("hangup")
    }

    /// Whether `key` is written, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The string under `key`, where it is one; nothing is noted.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.table.get(key)?.get_ref().as_str()
    }

    /// The keys of this table with their values in the order of the file, for tables whose keys are the user's own.
    pub(super) fn entries(&self) -> Vec<(&'a Spanned<DeString<'t>>, &'a Spanned<DeValue<'t>>)> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    /// Notes a fault of `key`.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) {
        self.report.problem(self.span_of(key), format!("{}{key}", self.prefix), message);
    }

    /// Notes a warning about `key`.
    pub(super) fn warning(&self, key: &str, message: impl Into<String>) {
        self.report.warning(self.span_of(key), format!("{}{key}", self.prefix), message);
    }

    /// Notes something doubtful at a place of its own.
    pub(super) fn warning_at(&self, span: Range<usize>, key: &str, message: impl Into<String>) {
        self.report.warning(Some(span), format!("{}{key}", self.prefix), message);
    }

    /// Notes a fault at a place of its own.
    pub(super) fn problem_at(&self, span: Range<usize>, key: &str, message: impl Into<String>) {
        self.report.problem(Some(span), format!("{}{key}", self.prefix), message);
    }

    /// Refuses every key that was not read.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let known = self.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let hint = nearest(name, &self.known)
                .map_or_else(|| format!("known here: {known}"), |near| format!("did you mean `{near}`?"));
            // Somebody may have written a secret on the wrong side of the `=`.
            let place = if is_key(name) { name } else { "…" };
            self.problem_at(key.span(), place, format!("is not a field ({hint})"));
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'t>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    fn inner(&self, key: &str, value: &'a Spanned<DeValue<'t>>, prefix: String) -> Option<Fields<'a, 't>> {
        let table = value.get_ref().as_table()?;
        let (report, span) = (self.report, Some(value.span()));
        Some(Fields {
            report,
            table,
            span,
            prefix,
            written: format!("{}{key}.", self.written),
            known: Vec::new(),
        })
    }

    /// Where `key` stands, or where its table begins.
    fn span_of(&self, key: &str) -> Option<Range<usize>> {
        let found = self.table.get_key_value(key).map(|(key, _)| key.span());
        found.or_else(|| self.span.clone())
    }
}

/// `a string`, `an integer` …
pub(super) fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Shaped like a key of ours, and so no secret.
fn is_key(name: &str) -> bool {
    name.len() <= 32 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// The known key that shares the most with `name`, when it is close enough to be a slip of the pen.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let close = |key: &&&str| distance(name, key) <= 1 + key.len() / 5;
    known.iter().filter(close).min_by_key(|key| distance(name, key)).copied()
}

/// Edits from one word to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut next = vec![i + 1];
        for (j, (b, pair)) in to.bytes().zip(row.windows(2)).enumerate() {
            let (diagonal, above) = (pair.first().copied().unwrap_or(j), pair.last().copied().unwrap_or(j));
            let left = next.last().copied().unwrap_or(i);
            next.push((diagonal + usize::from(a != b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, read: impl FnOnce(&mut Fields<'_, '_>)) -> Vec<String> {
        let report = Report::new(text);
        if let Some(table) = report.parse() {
            let mut fields = Fields::root(&report, &table);
            read(&mut fields);
            fields.finish();
        }
        let (problems, _) = report.finish();
        problems.iter().map(|problem| super::super::problem::line("f", problem)).collect()
    }

    #[test]
    fn an_unknown_field_is_told_with_its_line_and_its_likely_name() {
        let found = problems("\n[http]\nlisten = 1\nlisen = 2\nzzz = 3\n", |root| {
            let mut http = root.table("http").unwrap();
            let _ = http.read("listen", |_| Ok(()));
            http.finish();
        });
        assert_eq!(
            found,
            [
                "f:4: http.lisen: is not a field (did you mean `listen`?)",
                "f:5: http.zzz: is not a field (known here: `listen`)"
            ]
        );
    }

    #[test]
    fn a_key_that_may_be_a_secret_is_not_repeated() {
        let found = problems("\"hunter2!\" = 1\n", |_| {});
        assert_eq!(found, ["f:1: …: is not a field (known here: )"]);
    }

    #[test]
    fn a_syntax_fault_names_the_line_and_quotes_nothing() {
        let found = problems("a = 1\npassword = \"hunter2\nb = hunter3\n", |_| {});
        assert!(
            found.iter().all(|line| line.starts_with("f:") && line.contains("this is not TOML")),
            "{found:?}"
        );
        assert!(!found.concat().contains("hunter"), "{found:?}");
        assert!(found.iter().any(|line| line.starts_with("f:2:")), "{found:?}");
    }

    #[test]
    fn a_missing_field_stands_where_its_table_begins() {
        let found = problems("\n\n[[connection]]\n", |root| {
            for mut connection in root.tables("connection") {
                let _ = connection.require("name", "name = \"home\"", |_| Ok(()));
            }
        });
        assert_eq!(found, ["f:3: connection, name: is missing (write for example `name = \"home\"`)"]);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("lisen", "listen"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
