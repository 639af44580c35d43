//! Finds the configuration, a file or environment variables, and makes it valid.
//!
//! Never takes half a configuration: one fault, and there is none.

use std::fmt;
use std::path::{Path, PathBuf};

use super::file::Report;
use super::problem::{Problem, Problems};
use super::secret_field::{self, Surroundings};
use super::{
    Commands, Config, Connection, Diagnosis, Diagnostics, Http, Log, Navien, Policy, ProcessLimits, Readings,
    Secret, SecretSource, Source, State, check, navien, suited,
};

const EMAIL: &str = "NAVIEN_EMAIL";
const PASSWORD: &str = "NAVIEN_PASSWORD";
const PASSWORD_FILE: &str = "NAVIEN_PASSWORD_FILE";

/// What faults of the environment are told under.
const ENVIRONMENT: &str = "environment";

/// What to do when nothing at all is configured.
const NOTHING: &str = "nothing is configured. Either set NAVIEN_EMAIL and NAVIEN_PASSWORD (or NAVIEN_PASSWORD_FILE), \
    or write a file (deploy/example.toml and, for a broker, deploy/example-broker.toml show every field) and name it: `--config hangup.toml`. \
    `hangup demo` needs neither";

/// Where the configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A TOML file.
    File(PathBuf),
    /// `NAVIEN_EMAIL` with `NAVIEN_PASSWORD` or `NAVIEN_PASSWORD_FILE`: one connection named `navien`.
    Environment,
}

/// The file, or `environment`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Environment => f.write_str(ENVIRONMENT),
        }
    }
}

/// A valid configuration, and what is doubtful about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// One line each.
    pub warnings: Vec<String>,
}

/// Loads and checks the configuration, with the environment of the process.
///
/// # Errors
/// Every problem there is, none of which repeats a secret.
pub fn load(origin: &Origin) -> Result<Loaded, Problems> {
    load_with(origin, &|name| std::env::var(name).ok())
}

/// As [`load`], with an environment given.
///
/// # Errors
/// Every problem there is, none of which repeats a secret.
pub fn load_with(origin: &Origin, variable: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Problems> {
    match origin {
        Origin::File(path) => from_file(path, variable),
        Origin::Environment => from_environment(variable),
    }
}

fn from_file(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Problems> {
    let origin = path.display().to_string();
    let text = match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(fault) => {
                let list = vec![no_text(fault.as_bytes(), fault.utf8_error().valid_up_to())];
                return Err(Problems { origin, list });
            }
        },
        Err(error) => {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let unread = || format!("cannot be read: {}", error.kind());
            let why = if missing { "there is no such file".to_owned() } else { unread() };
            let list = vec![Problem::whole(why)];
            return Err(Problems { origin, list });
        }
    };
    let report = Report::new(&text);
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let config =
        report.parse().map(|table| check::config(&report, &table, &Surroundings { directory, variable }));
    let (list, warnings) = report.finish();
    match config {
        Some(config) if list.is_empty() => {
            let warnings = warnings.iter().map(|warning| super::problem::line(&origin, warning)).collect();
            Ok(Loaded { config, warnings })
        }
        Some(_) | None => Err(Problems { origin, list }),
    }
}

/// Everything that is wrong with the text of a file, before the files that it names are there.
pub(crate) fn faults(text: &str) -> Vec<Problem> {
    const FILES: [&str; 4] = ["password", "ca_file", "client_certificate_file", "client_key_file"];
    let report = Report::new(text);
    let around = Surroundings { directory: PathBuf::new(), variable: &|_| None };
    if let Some(table) = report.parse() {
        check::config(&report, &table, &around);
    }
    let (mut problems, _) = report.finish();
    let of_file = |place: &str| FILES.iter().any(|file| place.ends_with(&format!(".{file}")));
    problems.retain(|problem| !of_file(&problem.place));
    problems
}

/// The fault of a file that is not UTF-8 from `wrong` on.
fn no_text(bytes: &[u8], wrong: usize) -> Problem {
    let other = if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) { " but UTF-16" } else { "" };
    Problem {
        line: Some(1 + bytes.iter().take(wrong).filter(|byte| **byte == b'\n').count()),
        place: String::new(),
        message: format!("is not UTF-8{other}: the first wrong byte is in this line; save the file as UTF-8"),
    }
}

fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Problems> {
    let set = |name| variable(name).filter(|text| !text.is_empty());
    let (email, password, file) = (set(EMAIL), set(PASSWORD), set(PASSWORD_FILE));
    if email.is_none() && password.is_none() && file.is_none() {
        return Err(problems(vec![Problem::whole(NOTHING)]));
    }
    let (mut list, mut warnings) = (Vec::new(), Vec::new());
    let mut fault = |place: &str, message: &str| {
        list.push(Problem { line: None, place: place.to_owned(), message: message.to_owned() });
    };
    match &email {
        None => fault(EMAIL, "is not set: it is the e-mail address of the Navien account"),
        Some(email) if !navien::is_email(email) => fault(EMAIL, "is not an e-mail address"),
        Some(_) => {}
    }
    let password = match (password, file.map(PathBuf::from)) {
        (Some(_), Some(_)) => {
            fault(PASSWORD_FILE, "is set and so is NAVIEN_PASSWORD: unset one of them");
            None
        }
        (None, None) => {
            fault(
                PASSWORD,
                "is not set: set it, or NAVIEN_PASSWORD_FILE to the path of a file that holds the password",
            );
            None
        }
        (Some(password), None) => Some(SecretSource::Value(Secret::new(password))),
        (None, Some(path)) => {
            if let Some(message) = secret_field::file_fault(&path) {
                fault(PASSWORD_FILE, &message);
            } else if secret_field::others_may_read(&path) {
                warnings.push(format!("{ENVIRONMENT}: {PASSWORD_FILE}: {}", secret_field::OPEN));
            }
            Some(SecretSource::File(path))
        }
    };
    match (email, password) {
        (Some(email), Some(password)) if list.is_empty() => {
            Ok(Loaded { config: one(Navien::new(Secret::new(email), password)), warnings })
        }
        (Some(_), Some(_)) | (None, _) | (_, None) => Err(problems(list)),
    }
}

fn problems(list: Vec<Problem>) -> Problems {
    Problems { origin: ENVIRONMENT.to_owned(), list }
}

fn one(account: Navien) -> Config {
    let connection = Connection {
        name: "navien".to_owned(),
        policy: Policy::default(),
        outage_grace: suited::grace(suited::Kind::Navien),
        source: Source::Navien(Box::new(account)),
        subscribe: Vec::new(),
        fleet: None,
    };
    Config {
        http: Http::default(),
        readings: Readings::default(),
        limits: ProcessLimits::default(),
        shard: None,
        log: Log::default(),
        state: State::default(),
        diagnostics: Diagnostics::default(),
        diagnosis: Diagnosis::default(),
        commands: Commands::default(),
        connections: vec![connection],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Loaded, Problems> {
        load_with(&Origin::Environment, &|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_account_in_two_variables_is_a_configuration() {
        let config = with(&[(EMAIL, "owner@example.com"), (PASSWORD, "hunter2")]).unwrap().config;
        assert_eq!(config.connections.len(), 1);
        assert_eq!(config.connections[0].name, "navien");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!format!("{config:?}").contains("owner@"));
    }

    #[test]
    fn half_an_account_is_told_by_its_missing_half() {
        let problems = with(&[(EMAIL, "owner@example.com")]).unwrap_err().to_string();
        assert!(problems.contains("NAVIEN_PASSWORD: is not set"), "{problems}");
        let problems = with(&[(PASSWORD, "hunter2")]).unwrap_err().to_string();
        assert!(problems.contains("NAVIEN_EMAIL: is not set") && !problems.contains("hunter2"), "{problems}");
    }

    #[test]
    fn nothing_at_all_is_told_with_what_to_do() {
        assert!(with(&[]).unwrap_err().to_string().contains("set NAVIEN_EMAIL and NAVIEN_PASSWORD"));
    }
}
