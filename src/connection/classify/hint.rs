//! Where to look when an attempt fails at a broker whose address and login a person wrote. Pure.
//!
//! Never a verdict: it asks, or names a field. Never where the address led to a session before, and never of a service that
//! gives out its own.

use crate::connection::error::ErrorName;
use crate::connection::plan::{ByHand, Identity, Plan, Transport};
use crate::connection::{Detail, Failure, Phase};

/// The failure of an attempt by this plan, with a hint where there is one.
#[must_use]
pub fn hinted(mut failure: Failure, plan: &Plan) -> Failure {
    let hint = plan
        .by_hand
        .and_then(|by_hand| of_login(&failure, by_hand).or_else(|| of_port(&failure, plan, by_hand)));
    if let Some(hint) = hint {
        failure.message.extend(["; ", hint]);
    }
    failure
}

/// The broker refused who we are.
fn of_login(failure: &Failure, by_hand: ByHand) -> Option<&'static str> {
    if !matches!(failure.detail, Detail::Connack(4 | 5 | 0x86 | 0x87)) {
        return None;
    }
    Some(match by_hand.identity {
        Identity::Anonymous => "the broker wants a `username` and `password`, and none is configured",
        Identity::Login => "check `username` and `password`",
        Identity::Certificate => {
            "check what the broker allows the certificate in `client_certificate_file`, and whether it wants a `username` too"
        }
    })
}

/// The peer hung up at the first bytes of a protocol: perhaps it speaks another one.
fn of_port(failure: &Failure, plan: &Plan, by_hand: ByHand) -> Option<&'static str> {
    let hung_up = matches!(failure.detail, Detail::Fin | Detail::Rst | Detail::CloseNotify)
        || failure.error == ErrorName::BrokenPipe;
    if by_hand.reached || !hung_up {
        return None;
    }
    let hints: &[(Phase, &str)] = match plan.transport {
        Transport::Tcp => &[(Phase::Connack, "does the port speak TLS (`mqtts://`) or WebSocket (`ws://`)?")],
        Transport::Tls => &[(Phase::Tls, "is it a port without TLS (`mqtt://`)?")],
        Transport::Ws => &[(
            Phase::Websocket,
            "is it a WebSocket port (`mqtt://` where it is not) without TLS (else `wss://`)?",
        )],
        Transport::Wss => &[
            (Phase::Tls, "is it a port without TLS (`ws://`)?"),
            (Phase::Websocket, "is it a WebSocket port (`mqtts://` where it is not)?"),
        ],
    };
    hints.iter().find(|(phase, _)| *phase == failure.phase).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::classify::{connack, hang_up, io};

    fn plan(transport: Transport, identity: Identity) -> Plan {
        let by_hand = Some(ByHand { identity, reached: false });
        Plan { by_hand, ..Plan::to("broker.example", 1883, transport, "client") }
    }

    fn added(failure: Failure, plan: &Plan) -> Option<String> {
        let before = failure.message.clone();
        let after = hinted(failure, plan).message;
        after.strip_prefix(&before).and_then(|hint| hint.strip_prefix("; ")).map(str::to_owned)
    }

    #[test]
    fn who_hangs_up_at_the_first_bytes_may_speak_something_else() {
        for (transport, phase, scheme) in [
            (Transport::Tcp, Phase::Connack, "`mqtts://`"),
            (Transport::Tls, Phase::Tls, "`mqtt://`"),
            (Transport::Ws, Phase::Websocket, "`mqtt://`"),
            (Transport::Wss, Phase::Tls, "`ws://`"),
            (Transport::Wss, Phase::Websocket, "`mqtts://`"),
        ] {
            let plan = plan(transport, Identity::Anonymous);
            for how in [Detail::Fin, Detail::Rst] {
                let hint = added(hang_up(phase, how), &plan).unwrap();
                assert!(hint.contains(scheme) && hint.ends_with('?'), "{hint}");
            }
            assert!(added(io(phase, &std::io::Error::from_raw_os_error(libc::EPIPE)), &plan).is_some());
        }
    }

    #[test]
    fn nothing_is_asked_where_better_is_known() {
        let plan = plan(Transport::Tls, Identity::Login);
        let reached =
            Plan { by_hand: plan.by_hand.map(|by_hand| ByHand { reached: true, ..by_hand }), ..plan.clone() };
        let service = Plan { by_hand: None, ..plan.clone() };
        let cut = || hang_up(Phase::Tls, Detail::Rst);
        assert_eq!([added(cut(), &reached), added(cut(), &service)], [None, None]);
        assert_eq!(added(hang_up(Phase::Connack, Detail::Rst), &plan), None, "TLS was agreed on");
        let late = Failure::new(Phase::Tls, ErrorName::TlsTimeout, "the TLS handshake took too long");
        assert_eq!(added(late, &plan), None);
        assert_eq!(added(connack(5), &service), None);
    }

    #[test]
    fn a_refused_login_names_the_fields_that_decide_it() {
        for code in [4, 5, 0x86, 0x87] {
            let hint = |identity| added(connack(code), &plan(Transport::Tcp, identity)).unwrap();
            assert!(hint(Identity::Anonymous).contains("none is configured"));
            assert_eq!(hint(Identity::Login), "check `username` and `password`");
            assert!(hint(Identity::Certificate).contains("`client_certificate_file`"));
        }
        assert_eq!(added(connack(3), &plan(Transport::Tcp, Identity::Anonymous)), None);
        let known = Plan {
            by_hand: Some(ByHand { identity: Identity::Login, reached: true }),
            ..plan(Transport::Tcp, Identity::Login)
        };
        assert!(added(connack(5), &known).is_some(), "a password may change");
    }
}
