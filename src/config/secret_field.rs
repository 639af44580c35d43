//! Secrets in the configuration: where they come from, and what is wrong with that place.
//!
//! Never repeats what stands there: somebody may have written the secret itself where its place belongs.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use toml::de::DeValue;

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
    let example = example(fields.kind(), key);
    let written_out = fields.read(key, |value| match (value.as_str(), value.is_table()) {
        (Some(""), _) => Err("is empty".to_owned()),
        (Some(text), _) => Ok(Some(Secret::new(text))),
        (None, true) => Ok(None),
        (None, false) => Err(format!("must be {example}, not {}", article(value))),
    })?;
    if let Some(secret) = written_out {
        if inline == Inline::Allowed {
            return Some(SecretSource::Value(secret));
        }
        fields.problem(
            key,
            format!("is written out in the file, where backups and other people see it: write {example}"),
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
        (None, Some(name)) => {
            from_variable(&name, around).map_err(|message| fields.problem(key, message)).ok()
        }
        (Some(_), Some(_)) | (None, None) => {
            if !one {
                fields.problem(key, format!("has exactly one place: write {example}"));
            }
            None
        }
    }
}

/// Reads a table whose keys are the user's own: each value is a string, or the place of one as in [`read`].
pub(super) fn table(
    fields: &Fields<'_, '_>,
    key_fault: impl Fn(&str) -> Option<String>,
    around: &Surroundings<'_>,
) -> Vec<(String, SecretSource)> {
    let mut secrets = Vec::new();
    for (key, value) in fields.entries() {
        if let Some(fault) = key_fault(key.get_ref()) {
            fields.problem_at(key.span(), "…", fault);
            continue;
        }
        match entry(value.get_ref(), around) {
            Ok(secret) => {
                if let SecretSource::File(path) = &secret
                    && others_may_read(path)
                {
                    fields.warning_at(value.span(), shown(key.get_ref()), OPEN);
                }
                secrets.push((key.get_ref().to_string(), secret));
            }
            Err(message) => fields.problem_at(value.span(), shown(key.get_ref()), message),
        }
    }
    secrets
}

/// A key of the user's own, where it is made of words. A secret on the wrong side of the `=` mostly has digits.
fn shown(key: &str) -> &str {
    let plain = key.len() <= 32 && key.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'));
    if plain { key } else { "…" }
}

fn entry(value: &DeValue<'_>, around: &Surroundings<'_>) -> Result<SecretSource, String> {
    const EXAMPLE: &str = "must be a string in quotes, `{ file = \"…\" }` or `{ env = \"…\" }`";
    if let Some(text) = value.as_str() {
        return Ok(SecretSource::Value(Secret::new(text)));
    }
    let place = value.as_table().filter(|place| place.len() == 1).ok_or_else(|| EXAMPLE.to_owned())?;
    let text = |key| place.get(key).and_then(|value| value.get_ref().as_str());
    match (text("file"), text("env")) {
        (Some(file), _) => {
            let path = around.directory.join(file);
            file_fault(&path).map_or(Ok(SecretSource::File(path)), Err)
        }
        (None, Some(name)) => from_variable(name, around),
        (None, None) => Err(EXAMPLE.to_owned()),
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

/// A secret of this length in bytes is none: the file is another one.
const LONGEST: u64 = 64 * 1024;

impl SecretSource {
    /// The secret as it is now; a file is read anew, without its final line break.
    ///
    /// # Errors
    /// When the file cannot be read, is not text or is empty. The error tells neither path nor content.
    pub fn read(&self) -> io::Result<Secret> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(path) => {
                let mut text = String::new();
                std::fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
                if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
                    return Err(io::Error::from(io::ErrorKind::FileTooLarge));
                }
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
    warn_if_open(fields, key, path);
    Some(source)
}

fn from_variable(name: &str, around: &Surroundings<'_>) -> Result<SecretSource, String> {
    match (around.variable)(name) {
        Some(text) if !text.is_empty() => Ok(SecretSource::Value(Secret::new(text))),
        Some(_) => Err("the environment variable named here is empty".to_owned()),
        None => Err("the environment variable named here is not set".to_owned()),
    }
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

/// What is doubtful about a file with a secret that is nobody's secret.
pub(super) const OPEN: &str =
    "the file named here can be read by every user of this machine (`chmod 600` it)";

/// Warns where every user of the machine may read the file of this field.
pub(super) fn warn_if_open(fields: &Fields<'_, '_>, key: &str, path: &Path) {
    if others_may_read(path) {
        fields.warning(key, OPEN);
    }
}

#[cfg(unix)]
pub(super) fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

#[cfg(not(unix))]
pub(super) fn others_may_read(_: &Path) -> bool {
    false
}

/// `kind` is the source that the secret is for.
fn example(kind: &str, key: &str) -> String {
    let file = format!("{kind}-{key}").replace('_', "-");
    let variable = format!("{kind}_{key}").to_uppercase();
    format!("`{key} = {{ file = \"{file}\" }}` or `{key} = {{ env = \"{variable}\" }}`")
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

    #[test]
    fn a_file_without_an_end_is_no_secret() {
        let error = SecretSource::File("/dev/zero".into()).read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
