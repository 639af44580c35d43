//! The shared credentials file of AWS (`~/.aws/credentials`): sections with keys.
//!
//! Pure. Never follows a profile to a role, a process or a sign-on: only keys that stand in the file are read, and none of
//! them is repeated.

use std::time::SystemTime;

use super::Secret;

/// The keys of one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `aws_access_key_id`.
    pub access_key_id: Secret,
    /// `aws_secret_access_key`.
    pub secret_access_key: Secret,
    /// `aws_session_token`; empty when there is none.
    pub session_token: Secret,
    /// When they lapse, where the tool that wrote the file says so.
    pub expires: Option<SystemTime>,
}

/// What tools that write temporary keys call their end.
const EXPIRATIONS: [&str; 3] = ["aws_session_expiration", "x_security_token_expires", "expiration"];

/// Finds a profile in the text of the file.
///
/// # Errors
/// Why it cannot be used, without what stands there.
pub fn find(text: &str, name: &str) -> Result<Profile, &'static str> {
    let mut found = false;
    let mut within = false;
    let (mut id, mut secret, mut token, mut expires) = (None, None, None, None);
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            // In the configuration file a profile is called `profile name`, and somebody may point there.
            let section = section.0.trim();
            within =
                section == name || section.strip_prefix("profile ").is_some_and(|rest| rest.trim() == name);
            found |= within;
            continue;
        }
        if !within || line.starts_with(['#', ';']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        match key.as_str() {
            "aws_access_key_id" => id = Some(value),
            "aws_secret_access_key" => secret = Some(value),
            "aws_session_token" => token = Some(value),
            key if EXPIRATIONS.contains(&key) => expires = time(value),
            _ => {}
        }
    }
    if !found {
        return Err("holds no such profile");
    }
    let some = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(Secret::new);
    Ok(Profile {
        access_key_id: some(id).ok_or(
            "has no `aws_access_key_id` in this profile: roles, processes and sign-ons are not followed",
        )?,
        secret_access_key: some(secret).ok_or("has no `aws_secret_access_key` in this profile")?,
        session_token: some(token).unwrap_or_default(),
        expires,
    })
}

/// A time as AWS writes it: `2026-11-30T12:00:00Z`.
#[must_use]
pub fn time(text: &str) -> Option<SystemTime> {
    text.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "; a comment\n[default]\naws_access_key_id = AKID1\naws_secret_access_key=se=cret\n\n\
        [profile lab]\nAWS_ACCESS_KEY_ID=AKID2\r\n# aws_session_token = old\naws_secret_access_key = other\n\
        aws_session_token = token==\naws_session_expiration = 2026-11-30T12:00:00Z\n[role]\nrole_arn = arn:x\n\
        [half]\naws_access_key_id = AKID3\n";

    #[test]
    fn a_profile_is_found_with_its_keys() {
        let profile = find(FILE, "default").unwrap();
        assert_eq!(profile.access_key_id.expose(), "AKID1");
        assert_eq!(profile.secret_access_key.expose(), "se=cret");
        assert!(profile.session_token.is_empty() && profile.expires.is_none());
        let profile = find(FILE, "lab").unwrap();
        assert_eq!((profile.access_key_id.expose(), profile.session_token.expose()), ("AKID2", "token=="));
        assert_eq!(profile.expires, time("2026-11-30T12:00:00Z"));
        assert!(profile.expires.is_some() && !format!("{profile:?}").contains("AKID2"));
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        assert!(find(FILE, "nobody").unwrap_err().contains("no such profile"));
        assert!(find(FILE, "role").unwrap_err().contains("roles"));
        assert!(find(FILE, "half").unwrap_err().contains("aws_secret_access_key"));
        assert!(find("[\n]\n=\n[default", "default").is_err());
    }
}
