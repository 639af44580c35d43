//! When a certificate expires.
//!
//! Reads just far enough into the DER, and says nothing where it cannot. Trust is decided elsewhere.

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of the certificate's validity (RFC 5280 §4.1.2.5).
pub(super) fn expiry(der: impl AsRef<[u8]>) -> Option<SystemTime> {
    let (certificate, _) = element(der.as_ref(), SEQUENCE)?;
    let (fields, _) = element(certificate, SEQUENCE)?;
    // The version is left out in version 1. Then: serial number, signature algorithm, issuer.
    let (tag, _, after) = any(fields)?;
    let mut rest = if tag == VERSION { after } else { fields };
    for _ in 0..3 {
        (_, _, rest) = any(rest)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, _, rest) = any(validity)?;
    let (tag, text, _) = any(rest)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

fn time(tag: u8, text: &str) -> Option<SystemTime> {
    let text = match tag {
        GENERALIZED_TIME => text.to_owned(),
        // Two digits of the year: 50 and above belong to the last century.
        UTC_TIME if text.get(..2)? >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%SZ", &text).ok()?;
    Some(SystemTime::from(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

/// The content of the first element, which must have this tag, and what follows it.
fn element(der: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = any(der)?;
    (tag == expected).then_some((content, rest))
}

/// Tag and content of the first element, and what follows it.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7F);
        if count == 0 || count > 4 {
            return None;
        }
        let digits;
        (digits, rest) = rest.split_at_checked(count)?;
        length = digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit));
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::unix_seconds;

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 2, 3);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_spellings_of_a_time_are_read() {
        // Up to 2049 DER writes two digits of the year, then four.
        assert_eq!(expiry(certificate(2031)).map(unix_seconds), Some(1_927_843_200.0));
        assert_eq!(expiry(certificate(2061)).map(unix_seconds), Some(2_874_614_400.0));
    }

    #[test]
    fn a_cut_certificate_has_no_expiry_and_does_no_harm() {
        let whole = certificate(2031);
        assert!((0..whole.len() - 1).all(|length| expiry(&whole[..length]).is_none()));
        for position in 0..whole.len().min(200) {
            let mut damaged = whole.clone();
            damaged[position] ^= 0xFF;
            let _ = expiry(&damaged);
        }
    }
}
