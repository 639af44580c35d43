//! Takes out of a sentence whatever may say who or where somebody is. Pure.
//!
//! Never the first defence: the sentences are written without such things. What was overlooked ends here.

/// What stands in the place of what was taken out.
const GONE: &str = "…";

/// The sentence without e-mails, addresses of devices and hosts, tokens, and topics that name somebody.
#[must_use]
pub fn redacted(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (space, word) in words(text) {
        clean.push_str(space);
        let (front, core, back) = bare(word);
        clean.push_str(front);
        clean.push_str(&of_word(core));
        clean.push_str(back);
    }
    clean
}

/// Each word with the white space before it; the last may be empty.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let (space, behind) = rest.split_at(start);
        let (word, behind) = behind.split_at(behind.find(char::is_whitespace).unwrap_or(behind.len()));
        rest = behind;
        Some((space, word))
    })
}

/// A word without the marks around it.
fn bare(word: &str) -> (&str, &str, &str) {
    let mark = |c: char| {
        matches!(c, '`' | '"' | '\'' | '(' | ')' | '[' | ']' | '<' | '>' | ',' | ';' | '.' | '!' | '?')
    };
    let core = word.trim_start_matches(mark);
    let (front, core) = word.split_at(word.len() - core.len());
    let end = core.trim_end_matches(|c| mark(c) || c == ':').len();
    let (core, back) = core.split_at(end);
    (front, core, back)
}

fn of_word(word: &str) -> String {
    if word.contains("://") {
        return url(word);
    }
    if word.contains('@') || word.contains("%40") || is_address(word) {
        return GONE.to_owned();
    }
    if word.matches('/').count() >= 2 || (word.contains('/') && word.split('/').any(is_identity)) {
        return topic(word);
    }
    // `client_id=abc`, `host:443`: what stands beside the sign is judged alone.
    if let Some((name, value)) = word.split_once('=') {
        let secret = ["token", "key", "secret", "password", "signature", "credential", "client"];
        let small = name.to_ascii_lowercase();
        if secret.iter().any(|part| small.contains(part)) || is_identity(value) || is_address(value) {
            return format!("{name}={GONE}");
        }
    }
    if is_identity(word) { GONE.to_owned() } else { word.to_owned() }
}

/// Only the scheme stays: a signed URL is a secret, and every host is somebody's.
fn url(word: &str) -> String {
    let scheme = word.split("://").next().unwrap_or_default();
    format!("{scheme}://{GONE}")
}

/// Of a topic its levels stay, without what they say. One whose identities are `+` already keeps the words around them.
fn topic(word: &str) -> String {
    let shaped = word.split('/').any(|level| level == "+");
    let level = |level: &str| {
        let plain = !level.is_empty()
            && level.len() <= 16
            && level.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        if level == "+" || level == "#" || (shaped && plain) { level.to_owned() } else { "+".to_owned() }
    };
    word.split('/').map(level).collect::<Vec<_>>().join("/")
}

/// An IPv4 or IPv6 address, with or without a port or a prefix length; a MAC with colons or dashes.
fn is_address(word: &str) -> bool {
    let host = word.rsplit_once(':').map_or(word, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    let network = word.split('/').next().unwrap_or_default();
    let parses = |text: &&str| text.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    [word, host, network].iter().any(parses) || is_mac(word) || word.parse::<std::net::SocketAddr>().is_ok()
}

fn is_mac(word: &str) -> bool {
    [':', '-'].iter().any(|sign| {
        let parts: Vec<&str> = word.split(*sign).collect();
        parts.len() == 6
            && parts.iter().all(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit()))
    })
}

/// What looks made up by a machine or names one: a MAC without signs, a UUID, a token, an id with many digits.
fn is_identity(word: &str) -> bool {
    if is_address(word) || word.contains('@') {
        return true;
    }
    // Error names, HTTP dates and numbers are words of ours.
    let constant = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if word.starts_with("AWS_") || word.starts_with("LOCAL_") {
        return !constant;
    }
    let runs = word.split(|c: char| !c.is_ascii_alphanumeric());
    let digits = |run: &str| run.chars().filter(char::is_ascii_digit).count();
    let letters = |run: &str| run.chars().filter(char::is_ascii_alphabetic).count();
    let hex = |run: &str| run.chars().all(|c| c.is_ascii_hexdigit());
    let run_is = |run: &str| {
        (run.len() == 12 && hex(run))
            || (run.len() >= 16 && hex(run))
            || (run.len() >= 8 && digits(run) >= 3 && letters(run) >= 3)
            || (run.len() >= 16 && digits(run) >= 1 && letters(run) >= 1)
            || run.len() >= 28
    };
    let groups = word.split('-').filter(|part| part.len() >= 4 && hex(part)).count();
    word.len() >= 48 || groups >= 3 || runs.into_iter().any(run_is)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: &[&str] = &[
        "jane.doe@example.com",
        "02:00:00:aa:bb:01",
        "02-00-00-AA-BB-01",
        "020000aabb01",
        "navilink-020000aabb01",
        "192.0.2.7",
        "192.0.2.7:443",
        "2001:db8::7",
        "[2001:db8::7]:8883",
        "cmd/52/navilink-020000aabb01/st",
        "home/jane/boiler/temperature",
        "cmd/52/navilink-020000aabb01/+/st",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "wss://broker.example/mqtt?X-Amz-Signature=abcdef&X-Amz-Credential=AKIA",
        "https://jane:secret@broker.example/x",
        "X-Amz-Security-Token=short",
        "password=hunter2",
        "client_id=jane",
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "AKIAIOSFODNN7EXAMPLE",
        "us-east-1:6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ];

    #[test]
    fn whatever_is_planted_is_gone_wherever_it_stands() {
        for planted in PLANTED {
            for sentence in [
                planted.to_string(),
                format!("the broker at {planted} hung up"),
                format!("`{planted}`: refused"),
                format!("refused ({planted})."),
                format!("\"{planted}\""),
            ] {
                let clean = redacted(&sentence);
                assert!(!clean.contains(planted), "{clean}");
                for part in [
                    "jane",
                    "020000aabb",
                    "192.0.2",
                    "2001:db8",
                    "hunter2",
                    "6f9619ff",
                    "AKIA",
                    "Signature=a",
                ] {
                    assert!(!clean.contains(part), "{part} is left of {planted}: {clean}");
                }
            }
        }
    }

    #[test]
    fn our_own_sentences_stay_as_they_are() {
        for sentence in [
            "the broker hung up without a word",
            "5 of 7 drops came 24 h 0 min after connecting; AWS IoT closes WebSockets at 24 h.",
            "AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT (5152), 12.5 s after the last PINGREQ",
            "a PUBLISH to cmd/+/+/st was followed by a close 4 times of 4",
            "TCP/IP; 802.11; and/or; DISCONNECT 0x8E; MQTT 3.1.1; every 86,400 s; 2026-03-01 04:00",
            "the connection was closed: TLS close_notify, then FIN",
            "  two spaces and a line\nbreak ",
            "",
        ] {
            assert_eq!(redacted(sentence), sentence);
        }
    }
}
