//! A regular expression for a whole topic, and its named groups.
//!
//! Pure. Never takes longer than the topic is long: the engine is one of finite automata, and limited in size.

use regex::{Regex, RegexBuilder};

/// Longest expression in characters.
const LONGEST: usize = 1_000;
/// Bytes that a compiled expression may take.
const SIZE: usize = 1 << 20;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// Reads a pattern; it always means the whole topic.
///
/// # Errors
/// What is wrong, with a right example.
pub fn compile(text: &str) -> Result<Pattern, String> {
    const EXAMPLE: &str = "write for example `home/(?<room>[^/]+)/.*`";
    if text.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} characters"));
    }
    let built = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(SIZE).dfa_size_limit(SIZE).build();
    match built {
        Ok(regex) => Ok(Pattern(regex)),
        Err(regex::Error::CompiledTooBig(_)) => Err(format!("is too big a regular expression ({EXAMPLE})")),
        // The library draws the place below the expression, over several lines.
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(format!("is not a regular expression: {why} ({EXAMPLE})"))
        }
    }
}

impl Pattern {
    /// The names of its groups.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.0.capture_names().flatten().map(str::to_owned).collect()
    }

    /// What its named groups hold when it fits the topic.
    #[must_use]
    pub fn fits<'t>(&self, topic: &'t str) -> Option<regex::Captures<'t>> {
        self.0.captures(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_the_whole_topic() {
        let pattern = compile("home/(?<room>[^/]+)|x").unwrap();
        assert_eq!(pattern.groups(), ["room"]);
        let groups = pattern.fits("home/attic").unwrap();
        assert_eq!(groups.name("room").map(|group| group.as_str()), Some("attic"));
        for other in ["home/attic/x", "my/home/attic", "xx"] {
            assert!(pattern.fits(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_or_too_big_is_told_in_one_line() {
        for text in ["(", "a{9999}{9999}", "(?<a>x)(?<a>y)", &"a".repeat(1_001)] {
            let why = compile(text).unwrap_err();
            assert!(!why.contains('\n') && !why.is_empty(), "{why}");
        }
    }
}
