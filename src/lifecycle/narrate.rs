//! The life of a connection in sentences: what the status page says and how loud the log is. [pure]
//! Never adds a fact: every word comes from an event.

use std::time::Duration;

use super::CloseCause;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase, Tier};

/// Why a connection is where it is, while an attempt is under way.
pub(super) fn attempting(number: u32, tier: Tier, phase: Option<Phase>) -> String {
    let doing = match phase {
        None | Some(Phase::Credentials) => match tier {
            Tier::Quick => "checking the credentials",
            Tier::Deep => "obtaining the credentials, or reading them, anew",
        },
        Some(Phase::Dns) => "looking up the address of the broker",
        Some(Phase::Tcp) => "opening a TCP connection to the broker",
        Some(Phase::Proxy) => "asking the proxy for a way to the broker",
        Some(Phase::Tls) => "agreeing on TLS with the broker",
        Some(Phase::Websocket) => "asking the broker for a WebSocket",
        Some(Phase::Connack) => "waiting for the broker to accept the MQTT session",
        Some(Phase::Subscribe) => "waiting for the broker to acknowledge the subscriptions",
        Some(Phase::Session) => "working",
        Some(Phase::Shutdown) => "closing",
    };
    format!("attempt {number} ({}): {doing}", tier.as_str())
}

/// Why a connection waits.
pub(super) fn waiting(delay: Duration, next: u32, why: &str, last: Option<&Failure>) -> String {
    let because = last.map_or_else(|| why.to_owned(), reason);
    let aside = if last.is_some() { format!(" ({why})") } else { String::new() };
    format!("waiting {} before attempt {next}{aside}: {because}", spoken(delay))
}

/// A session is up, its subscriptions are not.
pub(super) fn subscribing(subscriptions: usize) -> String {
    format!("connected, waiting for the broker to acknowledge {}", counted(subscriptions, "subscription"))
}

/// All is well, or nearly.
pub(super) fn online(attempts: u32, active: usize, refused: usize) -> String {
    let refused = match refused {
        0 => String::new(),
        some => format!(", {} refused by the broker", counted(some, "subscription")),
    };
    format!(
        "connected after {}, {} active{refused}",
        counted(attempts as usize, "attempt"),
        counted(active, "subscription")
    )
}

/// The session lives, and perhaps not for long.
pub(super) const PATH_SUSPECT: &str =
    "connected, but the broker's machine acknowledges nothing at the moment: the network path may be dead";

/// Why we closed a session.
pub(super) const fn closed(cause: CloseCause) -> &'static str {
    match cause {
        CloseCause::Shutdown => "closed: the exporter stops",
        CloseCause::Reload => "closed: the configuration of the connection changed",
        CloseCause::Renewal => "closed: the session is renewed before its lifetime runs out",
        CloseCause::DeepReconnect => "closed: everything is rebuilt, for the session was of no use",
        CloseCause::Probe => "closed: a diagnostic probe",
    }
}

/// What a failure was, for people: its sentence, then its name for searching.
pub(super) fn reason(failure: &Failure) -> String {
    format!("{} ({})", failure.message.trim_end_matches('.'), failure.error)
}

/// A duration as people say it.
pub(super) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{} ms", duration.as_millis())
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
    }
}

/// Whether only a person can help: a refused password or login, a setup that is wrong.
pub(super) fn needs_a_person(failure: &Failure) -> bool {
    let refused_login = matches!(failure.detail, Detail::Connack(4 | 5 | 0x86 | 0x87));
    let refused_sign_in = failure.error == ErrorName::CredentialsHttpStatus
        && matches!(failure.detail, Detail::VendorCode(_) | Detail::HttpStatus(401 | 403));
    match failure.class {
        RetryClass::Setup => true,
        RetryClass::Credential | RetryClass::Service => refused_login || refused_sign_in,
        RetryClass::Network => false,
    }
}

/// How loud a failure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loudness {
    /// A person is needed: every time, for these are retried slowly.
    Error,
    /// The first of its kind, and every doubling of their number.
    Warn,
    /// One more of the same.
    Quiet,
}

/// Counts failures by kind since the last session, so that two kinds that alternate are no news either.
#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<(Kind, u32)>);

/// What makes two failures the same.
type Kind = (Phase, ErrorName, Detail);

impl Repeats {
    /// Kinds told apart; in one outage there are a handful.
    const KINDS: usize = 32;

    /// How often this kind has come by now, and how loud to say it.
    pub(super) fn hear(&mut self, failure: &Failure) -> (u32, Loudness) {
        let times = self.count((failure.phase, failure.error, failure.detail));
        let loudness = if needs_a_person(failure) {
            Loudness::Error
        } else if times.is_power_of_two() {
            Loudness::Warn
        } else {
            Loudness::Quiet
        };
        (times, loudness)
    }

    /// A session: the next failure is news.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn count(&mut self, kind: Kind) -> u32 {
        if let Some((_, times)) = self.0.iter_mut().find(|(heard, _)| *heard == kind) {
            *times = times.saturating_add(1);
            return *times;
        }
        if self.0.len() >= Self::KINDS {
            self.0.clear();
        }
        self.0.push((kind, 1));
        1
    }
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Failure {
        Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "connection refused by broker")
    }

    #[test]
    fn a_wait_says_how_long_for_what_and_why() {
        assert_eq!(
            waiting(Duration::from_millis(4200), 3, "trying again soon", Some(&refused())),
            "waiting 4.2 s before attempt 3 (trying again soon): connection refused by broker \
             (AWS_IO_SOCKET_CONNECTION_REFUSED)"
        );
        assert_eq!(
            waiting(Duration::from_secs(300), 1, "takeover quarantine", Some(&refused())),
            "waiting 5m before attempt 1 (takeover quarantine): connection refused by broker \
             (AWS_IO_SOCKET_CONNECTION_REFUSED)"
        );
        assert_eq!(
            waiting(Duration::from_millis(40), 1, "spread", None),
            "waiting 40 ms before attempt 1: spread"
        );
    }

    #[test]
    fn repeats_are_written_at_every_doubling() {
        let mut repeats = Repeats::default();
        let loud: Vec<u32> = (0..20)
            .filter_map(|_| match repeats.hear(&refused()) {
                (times, Loudness::Warn) => Some(times),
                (_, Loudness::Quiet | Loudness::Error) => None,
            })
            .collect();
        assert_eq!(loud, [1, 2, 4, 8, 16]);
    }

    #[test]
    fn another_failure_is_news() {
        let mut repeats = Repeats::default();
        for _ in 0..3 {
            repeats.hear(&refused());
        }
        let other = Failure::new(Phase::Dns, ErrorName::DnsQueryAgain, "the resolver does not answer");
        assert_eq!(repeats.hear(&other), (1, Loudness::Warn));
    }

    #[test]
    fn kinds_that_alternate_are_no_news_either() {
        let other = Failure::new(Phase::Dns, ErrorName::DnsTimeout, "the resolver does not answer");
        let mut repeats = Repeats::default();
        let loud = (0..16)
            .flat_map(|_| [repeats.hear(&refused()).1, repeats.hear(&other).1])
            .filter(|loudness| *loudness == Loudness::Warn)
            .count();
        assert_eq!(loud, 2 * 5, "at 1, 2, 4, 8 and 16 of each");
    }

    #[test]
    fn a_session_makes_the_next_failure_news() {
        let mut repeats = Repeats::default();
        for _ in 0..3 {
            repeats.hear(&refused());
        }
        repeats.forget();
        assert_eq!(repeats.hear(&refused()), (1, Loudness::Warn));
    }

    #[test]
    fn a_refused_password_is_an_error_every_time() {
        let wrong_password = Failure::new(Phase::Credentials, ErrorName::CredentialsHttpStatus, "refused")
            .with_detail(Detail::VendorCode(1001))
            .with_class(RetryClass::Setup);
        let refused_login =
            Failure::new(Phase::Connack, ErrorName::ConnackRefused, "bad user name or password")
                .with_detail(Detail::Connack(4))
                .with_class(RetryClass::Credential);
        for failure in [wrong_password, refused_login] {
            let mut repeats = Repeats::default();
            for times in 1..=5 {
                assert_eq!(repeats.hear(&failure), (times, Loudness::Error));
            }
        }
    }

    #[test]
    fn a_throttled_sign_in_needs_nobody() {
        let throttled =
            Failure::new(Phase::Credentials, ErrorName::CredentialsHttpStatus, "too many requests")
                .with_detail(Detail::HttpStatus(429))
                .with_class(RetryClass::Service);
        assert!(!needs_a_person(&throttled));
    }
}
