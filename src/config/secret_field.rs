//! Secrets in the configuration: where they come from, and what is wrong with that place.
//!
//! Never repeats what stands there: somebody may have written the secret itself where its place belongs.

use std::io;
use std::path::{Path, PathBuf};

use super::file::{Fields, article};
use super::{Secret, SecretSource, value};

/// What a configuration can refer to.
pub(super) struct Surroundings<'e> {
    /// Relative paths begin here: the directory of the file.
    pub(super) directory: PathBuf,
    /// The environment variables of the process.
    pub(super) variable: &'e dyn Fn(&str) -> Option<String>,
}

/// Whether a secret may stand in the file itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inline {
    /// An e-mail address: personal, yet no password.
    Allowed,
    /// A password.
    Refused,
}

/// Reads `key = { file = "…" }`, `key = { env = "…" }` or, where allowed, `key = "…"`.
///
/// The place is tried: what comes back could be read a moment ago and was not empty.
pub(super) fn read(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    inline: Inline,
    around: &Surroundings<'_>,
) -> Option<SecretSource> {
    let written_out = fields.read(key, |value| match (value.as_str(), value.is_table()) {
        (Some(""), _) => Err("is empty".to_owned()),
        (Some(text), _) => Ok(Some(Secret::new(text))),
        (None, true) => Ok(None),
        (None, false) => Err(format!("must be {}, not {}", example(key), article(value))),
    })?;
    if let Some(secret) = written_out {
        if inline == Inline::Allowed {
            return Some(SecretSource::Value(secret));
        }
        fields.problem(
            key,
            format!(
                "is written out in the file, where backups and other people see it: write {}",
                example(key)
            ),
        );
        return None;
    }
    let mut place = fields.table(key)?;
    let file = place.read("file", value::text);
    let variable = place.read("env", value::text);
    let one = place.has("file") != place.has("env");
    place.finish();
    match (file, variable) {
        (Some(file), None) => from_file(fields, key, &around.directory.join(file)),
        (None, Some(name)) => match (around.variable)(&name) {
            Some(text) if !text.is_empty() => Some(SecretSource::Value(Secret::new(text))),
            Some(_) => {
                fields.problem(key, "the environment variable named here is empty");
                None
            }
            None => {
                fields.problem(key, "the environment variable named here is not set");
                None
            }
        },
        (Some(_), Some(_)) | (None, None) => {
            if !one {
                fields.problem(key, format!("has exactly one place: write {}", example(key)));
            }
            None
        }
    }
}

/// As [`read`], for what is needed now and not anew at each use.
pub(super) fn read_now(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    inline: Inline,
    around: &Surroundings<'_>,
) -> Option<Secret> {
    match read(fields, key, inline, around)?.read() {
        Ok(secret) => Some(secret),
        Err(error) => {
            fields.problem(key, format!("the file named here cannot be read: {}", error.kind()));
            None
        }
    }
}

impl SecretSource {
    /// The secret as it is now; a file is read anew, without its final line break.
    ///
    /// # Errors
    /// When the file cannot be read, is not text or is empty. The error tells neither path nor content.
    pub fn read(&self) -> io::Result<Secret> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path)?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                if text.is_empty() {
                    Err(io::Error::from(io::ErrorKind::UnexpectedEof))
                } else {
                    Ok(Secret::new(text))
                }
            }
        }
    }
}

fn from_file(fields: &Fields<'_, '_>, key: &'static str, path: &Path) -> Option<SecretSource> {
    let source = SecretSource::File(path.to_owned());
    if let Some(message) = file_fault(path) {
        fields.problem(key, message);
        return None;
    }
    if others_may_read(path) {
        fields.warning(key, "the file named here can be read by every user of this machine (`chmod 600` it)");
    }
    Some(source)
}

/// What is wrong with a file that should hold a secret.
pub(super) fn file_fault(path: &Path) -> Option<String> {
    let error = SecretSource::File(path.to_owned()).read().err()?;
    let kind = error.kind();
    Some(if kind == io::ErrorKind::UnexpectedEof {
        "the file named here is empty".to_owned()
    } else if kind == io::ErrorKind::InvalidData {
        "the file named here is not text in UTF-8".to_owned()
    } else if kind == io::ErrorKind::NotFound {
        "the file named here does not exist (a relative path begins where the configuration file is)"
            .to_owned()
    } else {
        format!("the file named here cannot be read: {kind}")
    })
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

fn example(key: &str) -> String {
    let variable = key.to_uppercase();
    format!("`{key} = {{ file = \"navien-{key}\" }}` or `{key} = {{ env = \"NAVIEN_{variable}\" }}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_loses_its_final_line_break_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        for (content, secret) in [("a b \n", "a b "), ("x\r\n", "x"), ("x\n\n", "x\n"), ("x", "x")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(SecretSource::File(path.clone()).read().unwrap().expose(), secret);
        }
    }

    #[test]
    fn a_secret_file_is_read_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "old").unwrap();
        let source = SecretSource::File(path.clone());
        assert_eq!(source.read().unwrap().expose(), "old");
        std::fs::write(&path, "new").unwrap();
        assert_eq!(source.read().unwrap().expose(), "new");
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(source.read().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
