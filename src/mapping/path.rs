//! Paths into a payload: `power`, `a.b`, `channels[*].power`, `sensors.*.temp`, `'a.b'.c`, `[0]`.
//!
//! Pure. Never longer than sixteen steps, and never with more than two wildcards: what they make is bounded.

use std::fmt;

/// Steps of a path at most.
pub const LONGEST: usize = 16;

/// Wildcards of a path at most.
pub const WILDCARDS: usize = 2;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The member of an object.
    Key(String),
    /// The element of a list, counted from 0.
    Index(u32),
    /// Every element of a list: `[*]`.
    Elements,
    /// Every member of an object: `*`.
    Members,
}

impl Step {
    /// Whether it stands for many.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        match self {
            Self::Elements | Self::Members => true,
            Self::Key(_) | Self::Index(_) => false,
        }
    }
}

/// A path; without steps it is the payload itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong, with a right example.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a path (write for example `channels[*].power`)");
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            rest = if let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
                steps.push(match index {
                    "*" => Step::Elements,
                    digits => Step::Index(digits.parse().map_err(|_| wrong())?),
                });
                after
            } else {
                let key = if steps.is_empty() { rest } else { rest.strip_prefix('.').ok_or_else(wrong)? };
                let (step, after) = key_of(key).ok_or_else(wrong)?;
                steps.push(step);
                after
            };
        }
        if steps.is_empty() {
            return Err("is empty: leave `path` out where the payload itself is the value".to_owned());
        }
        if steps.len() > LONGEST {
            return Err(format!("`{text}` has more than {LONGEST} steps"));
        }
        let path = Self(steps);
        if path.wildcards() > WILDCARDS {
            return Err(format!("`{text}` has more than {WILDCARDS} wildcards"));
        }
        Ok(path)
    }

    /// How many of its steps stand for many.
    #[must_use]
    pub fn wildcards(&self) -> usize {
        self.0.iter().filter(|step| step.is_wildcard()).count()
    }

    /// The steps up to and with the last wildcard.
    #[must_use]
    pub fn stem(&self) -> &[Step] {
        let end = self.0.iter().rposition(Step::is_wildcard).map_or(0, |last| last + 1);
        self.0.get(..end).unwrap_or_default()
    }
}

/// The first key of `text` and what follows it.
fn key_of(text: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (key, after) = quoted.split_once('\'')?;
        return Some((Step::Key(key.to_owned()), after));
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (key, after) = text.split_at_checked(end)?;
    match key {
        "" => None,
        "*" => Some((Step::Members, after)),
        key if key.contains([']', '\'', '*']) => None,
        key => Some((Step::Key(key.to_owned()), after)),
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Elements => f.write_str("[*]")?,
                Step::Members | Step::Key(_) if at > 0 => f.write_str(".")?,
                Step::Members | Step::Key(_) => {}
            }
            match step {
                Step::Members => f.write_str("*")?,
                Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '*']) => {
                    write!(f, "'{key}'")?;
                }
                Step::Key(key) => f.write_str(key)?,
                Step::Index(_) | Step::Elements => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_as_it_is_written() {
        for text in ["power", "a.b", "channels[*].power", "[0]", "[*][2].x", "sensors.*.temp", "'a.b'.c", "*"]
        {
            assert_eq!(Path::parse(text).map(|path| path.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_path_is_told_with_an_example() {
        for text in [".a", "a..b", "a.", "a[", "a[x]", "a]b", "[*]a", "'a", "a*"] {
            assert!(Path::parse(text).unwrap_err().contains("channels[*].power"), "{text}");
        }
        assert!(Path::parse("").unwrap_err().contains("leave `path` out"));
        assert!(Path::parse("a[*].b.*.c[*]").unwrap_err().contains("2 wildcards"));
        assert!(Path::parse(&["a"; 17].join(".")).unwrap_err().contains("16 steps"));
    }

    #[test]
    fn the_stem_ends_with_the_last_wildcard() {
        let path = Path::parse("a[*].b.c").unwrap();
        assert_eq!(path.stem().len(), 2);
        assert_eq!(Path::parse("a.b").unwrap().stem(), []);
    }
}
