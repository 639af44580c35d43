//! What is wrong with a configuration: where, and what would be right.
//!
//! Never carries a secret, an e-mail or a MAC: the places and the sentences are made for a terminal and a log.

use std::fmt;

/// One fault, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, counted from 1; `None` for environment variables and for the file as a whole.
    pub line: Option<usize>,
    /// The key (`http.listen`) or the name of an environment variable; empty for the file as a whole.
    pub place: String,
    /// What is wrong, with a right value.
    pub message: String,
}

impl Problem {
    /// A fault of the whole file.
    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self { line: None, place: String::new(), message: message.into() }
    }
}

/// Every fault of one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file, or `environment`.
    pub origin: String,
    /// In the order of the file.
    pub list: Vec<Problem>,
}

impl Problems {
    /// One line per fault: `hangup.toml:12: http.listen: …`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.list.iter().map(|problem| line(&self.origin, problem))
    }
}

/// One fault, or one warning, as a line.
pub(super) fn line(origin: &str, problem: &Problem) -> String {
    let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
    let place = if problem.place.is_empty() { String::new() } else { format!(" {}:", problem.place) };
    format!("{origin}{line}:{place} {}", problem.message)
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_that_an_editor_can_follow() {
        let problem = Problem { line: Some(3), place: "http.listen".into(), message: "is empty".into() };
        assert_eq!(line("a.toml", &problem), "a.toml:3: http.listen: is empty");
        assert_eq!(line("a.toml", &Problem::whole("holds no connection")), "a.toml: holds no connection");
    }
}
