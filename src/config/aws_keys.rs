//! `[connection.source.aws_iot.credentials]`: where AWS keys come from.
//!
//! Never contacts anybody, and never repeats a key: the environment is read now, files are tried now and read again when
//! they are needed.

use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;

use super::file::Fields;
use super::secret_field::{self, Inline, Surroundings};
use super::{Credentials, Secret, SecretSource, aws_profile, value};

/// Where keys can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Static,
    Environment,
    Profile,
    Container,
}

const FROM: &[(&str, From)] = &[
    ("static", From::Static),
    ("environment", From::Environment),
    ("profile", From::Profile),
    ("container", From::Container),
];

/// The metadata service of ECS, below which relative addresses lie.
const ECS: &str = "http://169.254.170.2";

/// The services on the host that may be spoken to without TLS: ECS, and EKS in both families (AWS SDKs and Tools Reference
/// Guide, "Container credential provider"). Loopback is one too.
const LOCAL: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// Reads the table; `None` when the report says what is wrong with it.
pub(super) fn read(mut fields: Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Credentials> {
    let from = fields.require("from", "from = \"profile\"", value::word(FROM));
    let credentials = from.and_then(|from| match from {
        From::Static => given(&mut fields, around),
        From::Environment => environment(&fields, around),
        From::Profile => profile(&mut fields, around),
        From::Container => container(&fields, around),
    });
    if from.is_none() {
        // Then every field may have been meant: none of them is to be called unknown.
        for key in ["access_key_id", "secret_access_key", "session_token", "file", "profile"] {
            let _ = fields.read(key, |_| Ok(()));
        }
    }
    fields.finish();
    credentials
}

fn given(fields: &mut Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Credentials> {
    let mut needed = |key: &'static str| {
        let example = format!("{key} = {{ file = \"aws-iot-{}\" }}", key.replace('_', "-"));
        fields.require(key, &example, |_| Ok(()))?;
        secret_field::read(fields, key, Inline::Refused, around)
    };
    let (access_key_id, secret_access_key) = (needed("access_key_id"), needed("secret_access_key"));
    let session_token = secret_field::read(fields, "session_token", Inline::Refused, around);
    Some(Credentials::Static {
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token,
        environment: false,
    })
}

fn environment(fields: &Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Credentials> {
    let set = |name| variable(around, name).map(|text| SecretSource::Value(Secret::new(text)));
    let (id, secret) = (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY"));
    for (name, found) in [("AWS_ACCESS_KEY_ID", &id), ("AWS_SECRET_ACCESS_KEY", &secret)] {
        if found.is_none() {
            fields.problem("from", format!("the environment variable {name} is not set"));
        }
    }
    Some(Credentials::Static {
        access_key_id: id?,
        secret_access_key: secret?,
        session_token: set("AWS_SESSION_TOKEN"),
        environment: true,
    })
}

fn profile(fields: &mut Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Credentials> {
    let written = fields.read("file", |field| value::text(field).map(|file| around.directory.join(file)));
    let name = fields.read("profile", value::text);
    let name = name.or_else(|| variable(around, "AWS_PROFILE")).unwrap_or_else(|| "default".to_owned());
    let at_home = || variable(around, "HOME").map(|home| PathBuf::from(home).join(".aws/credentials"));
    let usual = || variable(around, "AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or_else(at_home);
    let key = if fields.has("file") { "file" } else { "from" };
    let Some(file) = written.or_else(usual) else {
        if !fields.has("file") {
            fields.problem(key, "nothing says where the credentials file is: write `file = \"…\"`");
        }
        return None;
    };
    let fault = match std::fs::read_to_string(&file) {
        Ok(text) => aws_profile::find(&text, &name).err().map(str::to_owned),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("does not exist".to_owned()),
        Err(error) => Some(format!("cannot be read: {}", error.kind())),
    };
    if let Some(fault) = fault {
        fields.problem(key, format!("the credentials file `{}` {fault}", file.display()));
        return None;
    }
    secret_field::warn_if_open(fields, key, &file);
    Some(Credentials::Profile { file, name })
}

fn container(fields: &Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Credentials> {
    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let url = match (variable(around, RELATIVE), variable(around, FULL)) {
        (Some(path), _) => Ok(format!("{ECS}/{}", path.trim_start_matches('/'))),
        (None, Some(url)) if is_trusted(&url) => Ok(url),
        (None, Some(_)) => Err(format!(
            "the URL in {FULL} is neither `https://` nor one of this host (loopback, {})",
            LOCAL.join(", ")
        )),
        (None, None) => Err(format!(
            "neither {RELATIVE} nor {FULL} is set, which ECS and EKS do for a container that has a role"
        )),
    };
    let token_file = variable(around, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    let token = variable(around, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    let token = match token_file {
        Some(file) => Some(SecretSource::File(PathBuf::from(file))),
        None => token.map(|token| SecretSource::Value(Secret::new(token))),
    };
    match url {
        Ok(url) => Some(Credentials::Container { url, token }),
        Err(fault) => {
            fields.problem("from", fault);
            None
        }
    }
}

/// Keys are fetched from there, and a token is shown there.
fn is_trusted(url: &str) -> bool {
    let Some(url) = Url::parse(url).ok() else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => url.has_host(),
        "http" => loopback || LOCAL.contains(&host),
        _ => false,
    }
}

fn variable(around: &Surroundings<'_>, name: &str) -> Option<String> {
    (around.variable)(name).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_host() {
        for right in [
            "https://keys.example/x",
            "http://127.0.0.1:80/x",
            "http://[::1]/x",
            "http://localhost/x",
            "http://169.254.170.2/v2",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
        ] {
            assert!(is_trusted(right), "{right}");
        }
        for wrong in [
            "",
            "keys",
            "http://keys.example/x",
            "http://169.254.170.22/",
            "ftp://127.0.0.1/",
            "http://10.0.0.1/",
        ] {
            assert!(!is_trusted(wrong), "{wrong}");
        }
    }
}
