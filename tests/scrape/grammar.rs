//! A strict reader of both exposition formats: refuses whatever some parser out there would refuse.
//! Never repairs anything: the first fault ends it, with the line it stands in.

use std::collections::{BTreeMap, BTreeSet};

/// A page that kept every rule.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// By family name, which has no `_total` and no `_info` in OpenMetrics.
    pub(crate) families: BTreeMap<String, Family>,
    /// Names in the order of the page.
    pub(crate) order: Vec<String>,
}

/// One family.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

/// One line of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Page {
    /// The value of the sample with this name and (at least) these labels; `None` unless it is one.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let fits = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|have| have == value))
        };
        let mut found = self.families.values().flat_map(|family| &family.samples).filter(fits);
        let value = found.next().map(|sample| sample.value);
        if found.next().is_some() { None } else { value }
    }

    /// How many samples there are of this name.
    pub(crate) fn count(&self, name: &str) -> usize {
        let samples = self.families.values().flat_map(|family| &family.samples);
        samples.filter(|sample| sample.name == name).count()
    }
}

/// Reads a page of Prometheus text 0.0.4.
pub(crate) fn text(page: &str) -> Result<Page, String> {
    read(page, false)
}

/// Reads a page of OpenMetrics 1.0.
pub(crate) fn openmetrics(page: &str) -> Result<Page, String> {
    let body = page.strip_suffix("# EOF\n").ok_or("does not end in `# EOF`")?;
    read(body, true)
}

fn read(page: &str, openmetrics: bool) -> Result<Page, String> {
    if !page.is_empty() && !page.ends_with('\n') {
        return Err("the last line is not finished".into());
    }
    let mut pages = Page::default();
    let mut help: Option<(String, String)> = None;
    for (number, line) in page.split_terminator('\n').enumerate() {
        let fault = |what: &str| format!("line {}: {what}: {line}", number + 1);
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').ok_or_else(|| fault("HELP without text"))?;
            if help.is_some() {
                return Err(fault("HELP after HELP"));
            }
            let text = unescape(text, openmetrics).map_err(|what| fault(&what))?;
            help = Some((name.to_owned(), text));
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or_else(|| fault("TYPE without type"))?;
            let (helped, help) = help.take().ok_or_else(|| fault("TYPE without HELP before it"))?;
            let kinds: &[&str] = if openmetrics {
                &["counter", "gauge", "histogram", "info"]
            } else {
                &["counter", "gauge", "histogram"]
            };
            if helped != name || !is_name(name, true) || !kinds.contains(&kind) {
                return Err(fault("HELP and TYPE do not fit together"));
            }
            if pages.order.last().is_some_and(|last| pages.families[last].samples.is_empty()) {
                return Err(fault("the family before has no samples"));
            }
            let family = Family { kind: kind.to_owned(), help, samples: Vec::new() };
            if pages.families.insert(name.to_owned(), family).is_some() {
                return Err(fault("a family stands twice"));
            }
            pages.order.push(name.to_owned());
        } else if line.starts_with('#') || line.is_empty() {
            return Err(fault("neither HELP nor TYPE nor a sample"));
        } else {
            let sample = sample(line).map_err(|what| fault(&what))?;
            let name = pages
                .order
                .last()
                .filter(|_| help.is_none())
                .ok_or_else(|| fault("a sample without TYPE"))?;
            let family = pages.families.get_mut(name).ok_or("no family")?;
            let suffix =
                sample.name.strip_prefix(name.as_str()).ok_or_else(|| fault("a sample of another family"))?;
            if !suffixes(&family.kind, openmetrics).contains(&suffix) {
                return Err(fault("a suffix that the type does not have"));
            }
            check_value(&family.kind, suffix, sample.value).map_err(|what| fault(&what))?;
            family.samples.push(sample);
        }
    }
    if help.is_some() || pages.order.last().is_some_and(|last| pages.families[last].samples.is_empty()) {
        return Err("the last family has no samples".into());
    }
    check_page(&pages, openmetrics)?;
    Ok(pages)
}

fn suffixes(kind: &str, openmetrics: bool) -> &'static [&'static str] {
    match (kind, openmetrics) {
        ("counter", true) => &["_total"],
        ("info", _) => &["_info"],
        ("histogram", _) => &["_bucket", "_sum", "_count"],
        _ => &[""],
    }
}

fn check_value(kind: &str, suffix: &str, value: f64) -> Result<(), String> {
    let counts = kind == "counter" || suffix == "_bucket" || suffix == "_count";
    if counts && (value.is_nan() || value < 0.0) {
        return Err("a count that is negative or not a number".into());
    }
    if kind == "info" && value.to_string() != "1" {
        return Err("an info that is not 1".into());
    }
    Ok(())
}

/// What concerns more than a line: no series twice, no sample name in two families, histograms that add up.
fn check_page(page: &Page, openmetrics: bool) -> Result<(), String> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (family, content) in &page.families {
        let mut series = BTreeSet::new();
        for sample in &content.samples {
            if *names.entry(&sample.name).or_insert(family) != family.as_str() {
                return Err(format!("{} stands in two families", sample.name));
            }
            if !series.insert((&sample.name, &sample.labels)) {
                return Err(format!("a series stands twice: {sample:?}"));
            }
        }
        if content.kind == "counter" && !openmetrics && !family.ends_with("_total") {
            return Err(format!("{family} is a counter without `_total`"));
        }
        if content.kind == "histogram" {
            check_histogram(family, &content.samples, openmetrics)?;
        }
    }
    Ok(())
}

fn check_histogram(family: &str, samples: &[Sample], openmetrics: bool) -> Result<(), String> {
    let mut groups: BTreeMap<BTreeMap<String, String>, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        groups.entry(labels).or_default().push(sample);
    }
    for (labels, group) in groups {
        let fault = |what: &str| Err(format!("{family}{labels:?}: {what}"));
        let (mut bound, mut count) = (f64::NEG_INFINITY, 0.0);
        for bucket in group.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let Some(le) = bucket.labels.get("le") else { return fault("a bucket without bound") };
            let value = if le == "+Inf" { f64::INFINITY } else { le.parse().map_err(|_| le.clone())? };
            if openmetrics && le != "+Inf" && !le.contains(['.', 'e']) {
                return fault("a bound that is not written as a float");
            }
            if value <= bound || bucket.value < count {
                return fault("buckets out of order");
            }
            (bound, count) = (value, bucket.value);
        }
        let total = group.iter().find(|sample| sample.name.ends_with("_count")).map(|sample| sample.value);
        let sums = group.iter().filter(|sample| sample.name.ends_with("_sum")).count();
        if bound != f64::INFINITY || total != Some(count) || sums != 1 {
            return fault("the last bucket, the count and the sum do not fit together");
        }
    }
    Ok(())
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let name = &line[..end];
    if !is_name(name, true) {
        return Err("not a name".into());
    }
    let (labels, value) = match line[end..].strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), &line[end..]),
    };
    let value = value.strip_prefix(' ').ok_or("no space before the value")?;
    let number = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        // Rust reads more words than the formats have.
        _ if value.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            value.parse().map_err(|_| "not a number, or a timestamp behind it")?
        }
        _ => return Err("not a number".into()),
    };
    Ok(Sample { name: name.to_owned(), labels, value: number })
}

/// Labels after the opening brace, and what follows the closing one.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, quoted) = rest.split_once("=\"").ok_or("a label without value")?;
        if !is_name(name, false) {
            return Err(format!("not a label name: {name}"));
        }
        let mut escaped = false;
        let end = quoted.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.ok_or("a label value without end")?;
        if labels.insert(name.to_owned(), unescape(&quoted[..end], true)?).is_some() {
            return Err(format!("a label twice: {name}"));
        }
        rest = &quoted[end + 1..];
        match rest.as_bytes().first() {
            Some(b',') => rest = &rest[1..],
            Some(b'}') => return Ok((labels, &rest[1..])),
            _ => return Err("labels without end".into()),
        }
    }
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\\') => plain.push('\\'),
                Some('n') => plain.push('\n'),
                Some('"') if quotes => plain.push('"'),
                other => return Err(format!("an escape that does not exist: {other:?}")),
            },
            '"' if quotes => return Err("a bare quote".into()),
            _ => plain.push(c),
        }
    }
    Ok(plain)
}

fn is_name(name: &str, colons: bool) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':'))
}

#[test]
fn the_checker_refuses_what_is_wrong() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 2.5\n";
    assert!(text(good).is_ok());
    let spoilt = [
        good.replace("2.5\n", "2.5"),
        good.replace("2.5", "2.5 1763709000"),
        good.replace("2.5", "NaN"),
        good.replace("2.5", "nan"),
        good.replace("\"2\"", "\"1\""),
        good.replace("\"2\"", "\"\"\""),
        good.replace("\"2\"", "\"\\x\""),
        good.replace("x=\"2\"", "1x=\"2\""),
        good.replace("x=\"2\"", "x=\"2\",x=\"3\""),
        good.replace("# TYPE a_total counter\n", ""),
        good.replace("# HELP a_total A.\n", ""),
        good.replace("counter", "count"),
        good.replace("a_total", "a"),
        format!("{good}{good}"),
        format!("{good}\n"),
        format!("{good}# HELP b B.\n# TYPE b gauge\n"),
        format!("{good}# HELP b B.\n# TYPE b gauge\na_total{{x=\"3\"}} 1\n"),
    ];
    for page in spoilt {
        assert!(text(&page).is_err(), "{page}");
    }
    let good = "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
    assert!(text(good).is_ok());
    assert!(openmetrics(good).is_err() && openmetrics(&format!("{good}# EOF\n")).is_ok());
    let whole = good.replace("1.0", "1");
    assert!(text(&whole).is_ok() && openmetrics(&format!("{whole}# EOF\n")).is_err());
    for (from, to) in [("count 2", "count 3"), ("le=\"1.0\"} 1", "le=\"1.0\"} 3"), ("h_sum 3\n", "")] {
        assert!(text(&good.replace(from, to)).is_err(), "{from} -> {to}");
    }
}
