//! Secrets as they are now: a file is read at each use, so that a changed one needs no restart.
//!
//! Never blocks the runtime, and never repeats what it read.

use crate::config::{Secret, SecretSource};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Failure, Phase};

/// The secret of this field.
///
/// # Errors
/// When its file cannot be read or is empty: a person must help.
pub(super) async fn read(secret: &SecretSource, field: &str) -> Result<Secret, Failure> {
    if let SecretSource::Value(secret) = secret {
        return Ok(secret.clone());
    }
    let source = secret.clone();
    let read = tokio::task::spawn_blocking(move || source.read()).await;
    let failed = |why: String| {
        let message = format!("`{field}`: the file named there {why}");
        Failure::new(Phase::Credentials, ErrorName::SigningNoCredentials, message)
            .with_class(RetryClass::Setup)
    };
    match read {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(failed("is empty".to_owned()))
        }
        Ok(Err(error)) => Err(failed(format!("cannot be read: {}", error.kind()))),
        Err(_) => Err(failed("was not read: interrupted".to_owned())),
    }
}

/// As [`read`], for what may be left out.
pub(super) async fn read_if(secret: Option<&SecretSource>, field: &str) -> Result<Option<Secret>, Failure> {
    match secret {
        Some(secret) => read(secret, field).await.map(Some),
        None => Ok(None),
    }
}

/// As [`read`], for a table whose keys are the user's own.
pub(super) async fn read_all(
    table: &[(String, SecretSource)],
    field: &str,
) -> Result<Vec<(String, Secret)>, Failure> {
    let mut secrets = Vec::with_capacity(table.len());
    for (name, secret) in table {
        secrets.push((name.clone(), read(secret, field).await?));
    }
    Ok(secrets)
}
