//! `[connection.source.aws_iot]`: AWS IoT Core, with one of its three ways of authentication.
//!
//! Never mixes two of them, and never repeats a key. The facts are those of the AWS IoT Core Developer Guide ("Device
//! communication protocols", "Connecting by using custom authentication") and of the AWS General Reference (quotas).

use std::fmt;

use toml::de::DeValue;

use super::broker::header_fault;
use super::file::Fields;
use super::mqtt::{self, Mqtt};
use super::navien::{is_host, proxy, region};
use super::secret_field::{self, Inline, Surroundings};
use super::suited::aws_topic_fault;
use super::tls::{self, Tls};
use super::{Secret, SecretSource, aws_keys, value};
use crate::connection::plan::Version;

/// An endpoint of AWS IoT Core. Its `Debug` tells no more than where it is.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsIot {
    /// Its host.
    pub endpoint: String,
    /// Its port.
    pub port: u16,
    /// How we say who we are.
    pub authentication: Authentication,
    /// TLS; with a client certificate, where that is the way of authentication.
    pub tls: Tls,
    /// MQTT as it is spoken there.
    pub mqtt: Mqtt,
    /// HTTP proxy, `http://user:password@host:port`.
    pub proxy: Option<Secret>,
}

impl fmt::Debug for AwsIot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsIot")
            .field("endpoint", &self.endpoint)
            .field("port", &self.port)
            .field("authentication", &self.authentication.as_str())
            .finish_non_exhaustive()
    }
}

/// How AWS is told who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// A WebSocket signed with AWS keys.
    SigV4 {
        /// The region that is signed for.
        region: String,
        /// Where the keys come from.
        credentials: Credentials,
    },
    /// A client certificate.
    Certificate,
    /// A Lambda function of the account.
    Authorizer(Authorizer),
}

impl Authentication {
    /// A word for people.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SigV4 { credentials, .. } => match credentials {
                Credentials::Static { environment: false, .. } => "signed with keys of the configuration",
                Credentials::Static { environment: true, .. } => "signed with keys of the environment",
                Credentials::Profile { .. } => "signed with keys of a profile",
                Credentials::Container { .. } => "signed with keys of the container",
            },
            Self::Certificate => "with a client certificate",
            Self::Authorizer(_) => "with a custom authorizer",
        }
    }
}

/// Where AWS keys come from.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Keys that are given; files are read anew at each attempt.
    Static {
        /// Access key id.
        access_key_id: SecretSource,
        /// Secret access key.
        secret_access_key: SecretSource,
        /// Session token of temporary keys.
        session_token: Option<SecretSource>,
        /// Whether they came from AWS's own environment variables.
        environment: bool,
    },
    /// A profile of the shared credentials file, read anew at each attempt.
    Profile {
        /// The file.
        file: std::path::PathBuf,
        /// The profile.
        name: String,
    },
    /// The endpoint that ECS and EKS give to a container.
    Container {
        /// Where it is.
        url: String,
        /// What it wants to see as `Authorization`; a file is read anew each time.
        token: Option<SecretSource>,
    },
}

/// A URL of the container and the name of a profile may tell of the account.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static { .. } => "Static",
            Self::Profile { .. } => "Profile",
            Self::Container { .. } => "Container",
        })
    }
}

/// What a custom authorizer is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorizer {
    /// Over a WebSocket, or as MQTT over TLS.
    pub websocket: bool,
    /// Its name; `None`: the endpoint's default one.
    pub name: Option<String>,
    /// The name that the token goes under, and the token.
    pub token: Option<(String, SecretSource)>,
    /// The token's signature, in Base64.
    pub signature: Option<SecretSource>,
    /// MQTT user name.
    pub username: Option<SecretSource>,
    /// MQTT password.
    pub password: Option<SecretSource>,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("websocket", &self.websocket).finish_non_exhaustive()
    }
}

const EXAMPLE: &str = "a1b2c3d4e5f6g7-ats.iot.eu-central-1.amazonaws.com";

const WAYS: &str = "write `[connection.source.aws_iot.credentials]` (AWS keys), `client_certificate_file` and \
    `client_key_file`, or `[connection.source.aws_iot.authorizer]` (custom authentication)";

/// Reads the endpoint; `None` when the endpoint or the authentication is missing or wrong.
pub(super) fn aws_iot(mut fields: Fields<'_, '_>, around: &Surroundings<'_>) -> Option<AwsIot> {
    let endpoint = fields.require("endpoint", &format!("endpoint = \"{EXAMPLE}\""), endpoint);
    let written = fields.read("region", region);
    let port = fields.read("port", value::integer(1..=65_535)).and_then(|port| u16::try_from(port).ok());
    let mqtt = mqtt::read(&mut fields, Version::V5, 1, around);
    if let Some(fault) = mqtt.will.as_ref().and_then(|will| aws_topic_fault(&will.topic)) {
        fields.problem("will", format!("has a topic that {fault}"));
    }
    let tls = tls::read(&mut fields, around);
    let proxy = proxy(&mut fields, around);

    let keys = fields.table("credentials").map(|fields| aws_keys::read(fields, around));
    let authorizer = fields.table("authorizer").map(|fields| authorizer(fields, around));
    let ways = ["credentials", "client_certificate_file", "authorizer"];
    let count = ways.iter().filter(|way| fields.has(way)).count();
    if count == 0 {
        fields.problem("endpoint", format!("nothing says who we are: {WAYS}"));
    } else if count > 1 {
        fields.problem("endpoint", format!("more than one way of authentication is there: {WAYS}"));
    }
    let region = keys.is_some().then(|| region_for(&fields, endpoint.as_deref(), written)).flatten();
    fields.finish();

    let authentication = match (keys, authorizer) {
        (Some(credentials), _) => Authentication::SigV4 { region: region?, credentials: credentials? },
        (None, Some(authorizer)) => Authentication::Authorizer(authorizer),
        (None, None) => {
            tls.client.as_ref()?;
            Authentication::Certificate
        }
    };
    let port = port.unwrap_or(if authentication == Authentication::Certificate { 8883 } else { 443 });
    Some(AwsIot { endpoint: endpoint?, port, authentication, tls, mqtt, proxy })
}

fn endpoint(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    if is_host(&text) {
        return Ok(text);
    }
    Err(format!(
        "{} is not a host name: without `https://`, and the port is `port` (write for example `{EXAMPLE}`; `aws iot \
         describe-endpoint --endpoint-type iot:Data-ATS` tells it)",
        value::shown(field)
    ))
}

/// The region that is written, or that the endpoint tells.
fn region_for(fields: &Fields<'_, '_>, endpoint: Option<&str>, written: Option<String>) -> Option<String> {
    let told = endpoint.and_then(region_of);
    match (written, told) {
        (Some(written), Some(told)) if written != told => {
            fields.problem(
                "region",
                format!("the `endpoint` is in `{told}`: leave `region` out, or write that"),
            );
            None
        }
        (Some(region), _) => Some(region),
        (None, Some(told)) => Some(told.to_owned()),
        (None, None) => {
            if endpoint.is_some() && !fields.has("region") {
                let message = "is missing, and the `endpoint` does not tell it (write for example `region = \"eu-central-1\"`)";
                fields.problem("region", message);
            }
            None
        }
    }
}

/// `eu-central-1` of `a1b2-ats.iot.eu-central-1.amazonaws.com`.
fn region_of(endpoint: &str) -> Option<&str> {
    let mut levels = endpoint.split('.');
    levels.find(|level| matches!(*level, "iot" | "iot-fips"))?;
    levels.next().filter(|region| region.matches('-').count() >= 2)
}

fn authorizer(mut fields: Fields<'_, '_>, around: &Surroundings<'_>) -> Authorizer {
    const TRANSPORTS: &[(&str, bool)] = &[("wss", true), ("mqtt", false)];
    let websocket = fields.read("transport", value::word(TRANSPORTS)).unwrap_or(true);
    let name = fields.read("name", |field| {
        let text = value::text(field)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "_=,@-".contains(c);
        if text.len() <= 128 && text.chars().all(fits) {
            return Ok(text);
        }
        Err("is not the name of an authorizer: up to 128 of a-z, A-Z, 0-9, `_`, `=`, `,`, `@`, `-`"
            .to_owned())
    });
    let key = fields.read("token_key_name", |field| {
        let text = value::text(field)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if text.len() > 128 || !text.chars().all(fits) {
            return Err("is not the name of a token key: up to 128 of a-z, A-Z, 0-9, `_`, `-`".to_owned());
        }
        header_fault(&text).map_or(Ok(text), Err)
    });
    let mut secret = |key, inline| secret_field::read(&mut fields, key, inline, around);
    let (token, signature) = (secret("token", Inline::Refused), secret("signature", Inline::Refused));
    let (username, password) = (secret("username", Inline::Allowed), secret("password", Inline::Refused));
    for (one, other) in [("token", "token_key_name"), ("token_key_name", "token"), ("signature", "token")] {
        if fields.has(one) && !fields.has(other) {
            fields.problem(one, format!("is of no use without a `{other}`: write one too"));
        }
    }
    if fields.has("password") && !fields.has("username") {
        fields.problem("password", "comes with a `username`: write one too");
    }
    if !["token", "username", "name"].iter().any(|key| fields.has(key)) {
        fields.problem("name", "the authorizer is told nothing: write a `name`, a `token` or a `username`");
    }
    fields.finish();
    Authorizer { websocket, name, token: key.zip(token), signature, username, password }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_told_by_the_endpoint() {
        for (endpoint, region) in [
            (EXAMPLE, Some("eu-central-1")),
            ("a1b2.iot.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("a1b2.ats.iot.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("data.iot-fips.us-east-1.amazonaws.com", Some("us-east-1")),
            ("iot.example.com", None),
            ("localhost", None),
        ] {
            assert_eq!(region_of(endpoint), region, "{endpoint}");
        }
    }
}
