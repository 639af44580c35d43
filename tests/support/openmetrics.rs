//! A strict reader of OpenMetrics 1.0 text: what the standard forbids is an error, however small.
//!
//! Shares no code with the writer. It refuses more than scrapers do: timestamps and exemplars, which our page has not.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a sample.
pub type Labels = BTreeMap<String, String>;

/// One metric family.
#[derive(Debug, Default)]
pub struct Family {
    /// Without the suffixes of its samples.
    pub name: String,
    /// `counter`, `gauge` …; `unknown` when the page does not say.
    pub kind: Option<String>,
    /// The unit, where the page has one.
    pub unit: Option<String>,
    /// The help.
    pub help: Option<String>,
    /// Its samples, in the order of the page.
    pub samples: Vec<Sample>,
}

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// With suffix.
    pub name: String,
    /// With `le` and `quantile`.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

const KINDS: [&str; 8] =
    ["counter", "gauge", "histogram", "gaugehistogram", "stateset", "info", "summary", "unknown"];

/// Reads a page.
///
/// # Errors
/// The first breach of the standard, with its line.
pub fn parse(text: &str) -> Result<Vec<Family>, String> {
    let body = text.strip_suffix('\n').ok_or("the page does not end in a line break")?;
    let body = body.strip_suffix("# EOF").ok_or("the page does not end in `# EOF`")?;
    let mut reader = Reader::default();
    for (number, line) in body.lines().enumerate() {
        reader.line(line).map_err(|why| format!("line {}: {why}: {line}", number + 1))?;
    }
    if body.contains('\r') || !(body.is_empty() || body.ends_with('\n')) {
        return Err("lines end in a line feed and nothing else".to_owned());
    }
    reader.close()?;
    clashes(&reader.families)?;
    Ok(reader.families)
}

#[derive(Default)]
struct Reader {
    families: Vec<Family>,
    open: Option<Family>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        match line.strip_prefix('#') {
            Some(rest) => self.metadata(rest.strip_prefix(' ').ok_or("no space behind `#`")?),
            None => self.sample(line),
        }
    }

    fn metadata(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').ok_or("neither HELP, TYPE nor UNIT")?;
        let (name, text) = rest.split_once(' ').ok_or("metadata without a text")?;
        if !is_name(name, true) {
            return Err("not a metric name".to_owned());
        }
        if self.open.as_ref().is_none_or(|family| family.name != name) {
            self.close()?;
            self.open = Some(Family { name: name.to_owned(), ..Family::default() });
        }
        let family = self.open.as_mut().ok_or("no family")?;
        if !family.samples.is_empty() {
            return Err("metadata behind samples".to_owned());
        }
        let (slot, value) = match word {
            "HELP" => (&mut family.help, unescape(text)?),
            "TYPE" if KINDS.contains(&text) => (&mut family.kind, text.to_owned()),
            "UNIT" if name.ends_with(&format!("_{text}")) => (&mut family.unit, text.to_owned()),
            "TYPE" => return Err("not a type".to_owned()),
            "UNIT" => return Err("the name does not end in the unit".to_owned()),
            _ => return Err("neither HELP, TYPE nor UNIT".to_owned()),
        };
        if slot.replace(value).is_some() {
            return Err(format!("a second {word}"));
        }
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let sample = sample(line)?;
        let fits = self.open.as_ref().is_some_and(|family| suffix_of(family, &sample.name).is_some());
        if !fits {
            self.close()?;
            self.open = Some(Family { name: sample.name.clone(), ..Family::default() });
        }
        let family = self.open.as_mut().ok_or("no family")?;
        family.samples.push(sample);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(family) = self.open.take() else { return Ok(()) };
        if self.families.iter().any(|earlier| earlier.name == family.name) {
            return Err(format!("the family {} is in two places", family.name));
        }
        check(&family).map_err(|why| format!("family {}: {why}", family.name))?;
        self.families.push(family);
        Ok(())
    }
}

fn kind(family: &Family) -> &str {
    family.kind.as_deref().unwrap_or("unknown")
}

fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total", "_created"],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_count", "_sum", "_created"],
        "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
        "summary" => &["", "_count", "_sum", "_created"],
        _ => &[""],
    }
}

fn suffix_of(family: &Family, sample: &str) -> Option<&'static str> {
    let suffix = sample.strip_prefix(family.name.as_str())?;
    suffixes(kind(family)).iter().copied().find(|allowed| *allowed == suffix)
}

/// Names of samples belong to one family only: a gauge `a_total` beside a counter `a` is a clash.
fn clashes(families: &[Family]) -> Result<(), String> {
    let mut taken = BTreeSet::new();
    for family in families {
        let names = suffixes(kind(family)).iter().map(|suffix| format!("{}{suffix}", family.name));
        let all: BTreeSet<_> = names.chain([family.name.clone()]).collect();
        for name in all {
            if !taken.insert(name.clone()) {
                return Err(format!("{name} belongs to two families"));
            }
        }
    }
    Ok(())
}

fn check(family: &Family) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        if !seen.insert((&sample.name, &sample.labels)) {
            return Err(format!("{} twice with the same labels {:?}", sample.name, sample.labels));
        }
    }
    match kind(family) {
        "counter" => family.samples.iter().try_for_each(|sample| match sample.value {
            value if value >= 0.0 => Ok(()),
            value => Err(format!("a counter of {value}")),
        }),
        "info" if family.unit.is_some() => Err("an info has no unit".to_owned()),
        "info" => family.samples.iter().try_for_each(|sample| match sample.value {
            1.0 => Ok(()),
            value => Err(format!("an info of {value}")),
        }),
        "histogram" => histogram(family),
        "gauge" | "unknown" => Ok(()),
        other => Err(format!("our page has no {other}")),
    }
}

/// Each histogram stands together, its buckets rise to `+Inf`, and that is its count.
fn histogram(family: &Family) -> Result<(), String> {
    let mut groups: Vec<(Labels, Vec<&Sample>)> = Vec::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        let place = groups.iter().position(|(known, _)| *known == labels);
        let last = groups.len().checked_sub(1);
        match (place, groups.last_mut()) {
            (None, _) | (_, None) => groups.push((labels, vec![sample])),
            (place, Some((_, samples))) if place == last => samples.push(sample),
            (Some(_), Some(_)) => return Err(format!("the histogram {labels:?} is in two places")),
        }
    }
    groups.iter().try_for_each(|(labels, samples)| {
        one_histogram(&family.name, samples).map_err(|why| format!("{labels:?}: {why}"))
    })
}

fn one_histogram(family: &str, samples: &[&Sample]) -> Result<(), String> {
    let only = |suffix: &str| {
        let name = format!("{family}{suffix}");
        let found = samples.iter().find(|sample| sample.name == name);
        found.map(|sample| sample.value).ok_or(format!("no {suffix}"))
    };
    let mut before: Option<(f64, f64)> = None;
    let bucket = format!("{family}_bucket");
    for sample in samples.iter().filter(|sample| sample.name == bucket) {
        let le = sample.labels.get("le").ok_or("a bucket without `le`")?;
        if le != "+Inf" && !le.contains(['.', 'e']) {
            return Err(format!("`le` does not look like a float: {le}"));
        }
        let le = number(le)?;
        if let Some((lower, below)) = before
            && (le <= lower || sample.value < below)
        {
            return Err(format!("the bucket {le} does not rise"));
        }
        before = Some((le, sample.value));
    }
    let (last, all) = before.ok_or("no buckets")?;
    if last.is_finite() {
        return Err("no bucket +Inf".to_owned());
    }
    let (count, sum) = (only("_count")?, only("_sum")?);
    if count.to_bits() != all.to_bits() {
        return Err(format!("the count {count} is not the bucket +Inf {all}"));
    }
    if sum.is_nan() { Err("the sum is not a number".to_owned()) } else { Ok(()) }
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("a name without a value")?;
    let (name, rest) = line.split_at(end);
    if !is_name(name, true) {
        return Err("not a metric name".to_owned());
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Labels::new(), rest),
    };
    let value = rest.strip_prefix(' ').ok_or("no single space before the value")?;
    Ok(Sample { name: name.to_owned(), labels, value: number(value)? })
}

/// The labels behind `{`, and what follows their `}`.
fn labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    if let Some(rest) = rest.strip_prefix('}') {
        return Ok((labels, rest));
    }
    loop {
        let (name, behind) = rest.split_once("=\"").ok_or("a label without a value in quotes")?;
        if !is_name(name, false) {
            return Err(format!("not a label name: {name}"));
        }
        let end = closing_quote(behind).ok_or("a label value without an end")?;
        let (value, behind) = behind.split_at(end);
        if labels.insert(name.to_owned(), unescape(value)?).is_some() {
            return Err(format!("the label {name} twice"));
        }
        let behind = behind.strip_prefix('"').ok_or("a label value without an end")?;
        match (behind.strip_prefix('}'), behind.strip_prefix(',')) {
            (Some(behind), _) => return Ok((labels, behind)),
            (_, Some(behind)) => rest = behind,
            (None, None) => return Err("neither `,` nor `}` behind a label".to_owned()),
        }
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => return Some(at),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// Takes `\\`, `\"` and `\n` apart; every other backslash, and a bare quote, is an error.
fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next() {
                Some('\\') => '\\',
                Some('"') => '"',
                Some('n') => '\n',
                other => return Err(format!("an escape that does not exist: {other:?}")),
            },
            '"' => return Err("a quote that is not escaped".to_owned()),
            other => other,
        });
    }
    Ok(out)
}

fn number(text: &str) -> Result<f64, String> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => return Ok(f64::NAN),
        "inf" | "+inf" | "infinity" | "+infinity" => return Ok(f64::INFINITY),
        "-inf" | "-infinity" => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    let shaped = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    text.parse().ok().filter(|_| shaped).ok_or_else(|| format!("not a number: {text}"))
}

fn is_name(text: &str, colons: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    text.chars().all(fits) && text.chars().next().is_some_and(|first| !first.is_ascii_digit())
}
