//! The messages of the kernel about links, addresses and routes (rtnetlink), read from any bytes. Pure.
//!
//! Never fails and never reads past the end: what it does not understand is left out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What one message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum Change {
    /// An interface is there; `usable`: it is up and has carrier. Loopback interfaces are left out.
    Link {
        /// Its index.
        index: u32,
        /// Up, with carrier.
        usable: bool,
    },
    /// An interface is gone.
    LinkGone(u32),
    /// An address is there; `usable`: it may be used (it is neither being checked for duplicates nor one).
    Address {
        /// The interface that has it.
        index: u32,
        /// It.
        address: IpAddr,
        /// It may be used.
        usable: bool,
    },
    /// An address is gone.
    AddressGone(u32, IpAddr),
    /// A default route came.
    Route,
    /// A default route went.
    RouteGone,
    /// The list that was asked for with this number is complete; not `whole`: it changed meanwhile.
    Listed {
        /// The number of the question.
        sequence: u32,
        /// It can be relied on.
        whole: bool,
    },
    /// The kernel refused the question with this number.
    Refused(u32),
    /// The kernel says that messages were lost.
    Lost,
}

/// The question for all links, and for all addresses.
pub(in crate::host) const GET_LINKS: u16 = 18;
/// See [`GET_LINKS`].
pub(in crate::host) const GET_ADDRESSES: u16 = 22;

/// `struct nlmsghdr`; everything is aligned to [`ALIGNED`].
const HEADER: usize = 16;
const ALIGNED: usize = 4;

// Types of messages: control, then pairs of "new" and "gone".
const ERROR: u16 = 2;
const DONE: u16 = 3;
const OVERRUN: u16 = 4;
const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
const NEW_ADDRESS: u16 = 20;
const DEL_ADDRESS: u16 = 21;
pub(super) const NEW_ROUTE: u16 = 24;
pub(super) const DEL_ROUTE: u16 = 25;

/// A question for a whole list: `NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH`.
const ASK_FOR_ALL: u16 = 0x301;
/// `NLM_F_DUMP_INTR`.
const INTERRUPTED: u16 = 0x10;

// Flags of an interface, `IFF_…`.
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
const LOWER_UP: u32 = 0x1_0000;

// Flags of an address, `IFA_F_…`.
const OPTIMISTIC: u32 = 0x04;
const DUPLICATE: u32 = 0x08;
const TENTATIVE: u32 = 0x40;

// Attributes of an address, `IFA_…`.
const PEER_OR_ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
const FLAGS: u16 = 8;

/// `RTN_UNICAST`: a way to somewhere. A default route that refuses or swallows is none.
const UNICAST: u8 = 1;
/// `RTM_F_CLONED`: an entry of a cache.
const CLONED: u32 = 0x200;

/// The question for all of a kind, with a number by which the answer is known.
pub(in crate::host) fn question(kind: u16, sequence: u32) -> Vec<u8> {
    // The body is a `struct ifinfomsg` of zeroes: any family. The shorter `struct ifaddrmsg` fits into it.
    let length = u32::try_from(HEADER + 16).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + 16);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(ASK_FOR_ALL.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.resize(HEADER + 16, 0);
    bytes
}

/// What a datagram says, in its order. At most one change for every 16 bytes.
pub(in crate::host) fn parse(datagram: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut rest = datagram;
    while let Some((header, body, behind)) = message(rest) {
        changes.extend(change(header, body));
        rest = behind;
    }
    changes
}

/// What is wanted of a `struct nlmsghdr`.
struct Header {
    kind: u16,
    flags: u16,
    sequence: u32,
}

fn change(Header { kind, flags, sequence }: Header, body: &[u8]) -> Option<Change> {
    match kind {
        DONE => Some(Change::Listed { sequence, whole: flags & INTERRUPTED == 0 }),
        // Zero is an acknowledgement, which is never asked for.
        ERROR => (number(body, 0)? != 0).then_some(Change::Refused(sequence)),
        OVERRUN => Some(Change::Lost),
        NEW_LINK | DEL_LINK => link(kind == NEW_LINK, body),
        NEW_ADDRESS | DEL_ADDRESS => address(kind == NEW_ADDRESS, body),
        NEW_ROUTE | DEL_ROUTE => route(kind == NEW_ROUTE, body),
        _ => None,
    }
}

/// `struct ifinfomsg`.
fn link(is_there: bool, body: &[u8]) -> Option<Change> {
    let (family, index, flags) = (*body.first()?, number(body, 4)?, number(body, 8)?);
    // Of another family is a bridge that tells of its ports: one that leaves it is not gone.
    if family != 0 || flags & LOOPBACK != 0 {
        return None;
    }
    let usable = flags & UP != 0 && flags & LOWER_UP != 0;
    Some(if is_there { Change::Link { index, usable } } else { Change::LinkGone(index) })
}

/// `struct ifaddrmsg` with its attributes.
fn address(is_there: bool, body: &[u8]) -> Option<Change> {
    let (family, index) = (*body.first()?, number(body, 4)?);
    let (mut flags, mut local, mut other) = (u32::from(*body.get(2)?), None, None);
    let mut rest = body.get(8..)?;
    while let Some((kind, value, behind)) = attribute(rest) {
        match kind {
            LOCAL => local = ip(family, value),
            PEER_OR_ADDRESS => other = ip(family, value),
            FLAGS => flags = number(value, 0).unwrap_or(flags),
            _ => {}
        }
        rest = behind;
    }
    // On a link from point to point the one is ours and the other is the peer's.
    let address = local.or(other).filter(|address| !address.is_loopback())?;
    // A deprecated one still serves the connections that have it.
    let checked = flags & TENTATIVE == 0 || flags & OPTIMISTIC != 0;
    let usable = checked && flags & DUPLICATE == 0;
    Some(if is_there {
        Change::Address { index, address, usable }
    } else {
        Change::AddressGone(index, address)
    })
}

/// `struct rtmsg`. A default route is one to a destination of zero bits.
fn route(is_there: bool, body: &[u8]) -> Option<Change> {
    let (bits, kind, flags) = (*body.get(1)?, *body.get(7)?, number(body, 8)?);
    let default = bits == 0 && kind == UNICAST && flags & CLONED == 0;
    default.then_some(if is_there { Change::Route } else { Change::RouteGone })
}

/// The first message: header, body, and what lies behind it.
fn message(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let length = usize::try_from(number(bytes, 0)?).ok()?;
    let header = Header { kind: short(bytes, 4)?, flags: short(bytes, 6)?, sequence: number(bytes, 8)? };
    Some((header, bytes.get(HEADER..length)?, behind(bytes, length)))
}

/// The first attribute: type, value, and what lies behind it.
fn attribute(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (length, kind) = (usize::from(short(bytes, 0)?), short(bytes, 2)?);
    // The two highest bits say how the value is written.
    Some((kind & 0x3fff, bytes.get(4..length)?, behind(bytes, length)))
}

fn behind(bytes: &[u8], length: usize) -> &[u8] {
    let next = length.checked_next_multiple_of(ALIGNED).unwrap_or(usize::MAX);
    bytes.get(next..).unwrap_or_default()
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(HEADER + body.len()).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(ALIGNED), 0);
        bytes
    }

    fn link_body(family: u8, index: u32, flags: u32) -> Vec<u8> {
        let mut body = vec![family, 0, 1, 0];
        body.extend(index.to_ne_bytes());
        body.extend(flags.to_ne_bytes());
        body.extend([0xff; 4]);
        body
    }

    fn address_body(family: i32, flags: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![u8::try_from(family).unwrap(), 24, flags, 0];
        body.extend(3_u32.to_ne_bytes());
        for (kind, value) in attributes {
            body.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(ALIGNED), 0);
        }
        body
    }

    fn route_body(bits: u8, kind: u8, flags: u32) -> Vec<u8> {
        let mut body = vec![2, bits, 0, 0, 254, 3, 0, kind];
        body.extend(flags.to_ne_bytes());
        body
    }

    #[test]
    fn a_link_is_usable_when_it_is_up_and_has_carrier() {
        for (flags, usable) in [(UP | LOWER_UP, true), (UP, false), (LOWER_UP, false), (0, false)] {
            let told = parse(&packed(NEW_LINK, 0, &link_body(0, 3, flags)));
            assert_eq!(told, [Change::Link { index: 3, usable }]);
        }
        assert_eq!(parse(&packed(DEL_LINK, 0, &link_body(0, 3, 0))), [Change::LinkGone(3)]);
    }

    #[test]
    fn loopback_is_no_link_and_a_port_that_leaves_a_bridge_is_not_gone() {
        assert_eq!(parse(&packed(NEW_LINK, 0, &link_body(0, 1, UP | LOOPBACK | LOWER_UP))), []);
        assert_eq!(parse(&packed(DEL_LINK, 0, &link_body(7, 3, UP))), []);
    }

    #[test]
    fn on_a_link_from_point_to_point_the_peers_address_is_not_ours() {
        let body =
            address_body(libc::AF_INET, 0, &[(PEER_OR_ADDRESS, &[10, 0, 0, 1]), (LOCAL, &[10, 0, 0, 2])]);
        let address = IpAddr::from([10, 0, 0, 2]);
        assert_eq!(
            parse(&packed(NEW_ADDRESS, 0, &body)),
            [Change::Address { index: 3, address, usable: true }]
        );
        assert_eq!(parse(&packed(DEL_ADDRESS, 0, &body)), [Change::AddressGone(3, address)]);
    }

    #[test]
    fn an_address_is_usable_once_it_was_checked_and_also_when_it_is_deprecated() {
        let address = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
        let deprecated = 0x20;
        for (flags, usable) in [
            (0, true),
            (deprecated, true),
            (TENTATIVE, false),
            (TENTATIVE | OPTIMISTIC, true),
            (TENTATIVE | DUPLICATE, false),
            (DUPLICATE, false),
        ] {
            // The attribute has all the flags, the header the lowest eight.
            let attributes: [(u16, &[u8]); 2] = [(PEER_OR_ADDRESS, &address), (FLAGS, &flags.to_ne_bytes())];
            let told = parse(&packed(NEW_ADDRESS, 0, &address_body(libc::AF_INET6, 0, &attributes)));
            assert_eq!(told, [Change::Address { index: 3, address: address.into(), usable }], "{flags:#x}");
        }
    }

    #[test]
    fn an_address_of_loopback_is_none() {
        let body = address_body(libc::AF_INET, 0, &[(LOCAL, &[127, 0, 0, 1])]);
        assert_eq!(parse(&packed(NEW_ADDRESS, 0, &body)), []);
    }

    #[test]
    fn only_a_way_to_everywhere_is_a_default_route() {
        assert_eq!(parse(&packed(NEW_ROUTE, 0, &route_body(0, UNICAST, 0))), [Change::Route]);
        assert_eq!(parse(&packed(DEL_ROUTE, 0, &route_body(0, UNICAST, 0))), [Change::RouteGone]);
        let unreachable = 7;
        for other in
            [route_body(24, UNICAST, 0), route_body(0, unreachable, 0), route_body(0, UNICAST, CLONED)]
        {
            assert_eq!(parse(&packed(NEW_ROUTE, 0, &other)), []);
        }
    }

    #[test]
    fn the_end_of_a_list_says_whether_it_is_whole() {
        let mut datagram = packed(NEW_LINK, 2, &link_body(0, 3, 0));
        datagram.extend(packed(DONE, 2, &[0; 4]));
        let told = parse(&datagram);
        assert_eq!(told.last(), Some(&Change::Listed { sequence: 7, whole: true }));
        assert_eq!(told.len(), 2);
        let interrupted = parse(&packed(DONE, 2 | INTERRUPTED, &[0; 4]));
        assert_eq!(interrupted, [Change::Listed { sequence: 7, whole: false }]);
    }

    #[test]
    fn a_refusal_is_told_and_an_acknowledgement_is_not() {
        assert_eq!(parse(&packed(ERROR, 0, &(-1_i32).to_ne_bytes())), [Change::Refused(7)]);
        assert_eq!(parse(&packed(ERROR, 0, &[0; 4])), []);
    }

    #[test]
    fn a_torn_message_takes_nothing_from_those_before_it() {
        let mut datagram = packed(NEW_ROUTE, 0, &route_body(0, UNICAST, 0));
        let whole = datagram.len();
        datagram.extend(packed(DEL_ROUTE, 0, &route_body(0, UNICAST, 0)));
        for length in whole..datagram.len() {
            assert_eq!(parse(&datagram[..length]), [Change::Route], "{length} bytes");
        }
    }

    #[test]
    fn a_length_that_leads_nowhere_ends_the_datagram() {
        for length in [0_u32, 15, u32::MAX, u32::MAX - 2] {
            let mut datagram = packed(NEW_ROUTE, 0, &route_body(0, UNICAST, 0));
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(parse(&datagram), []);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_in_bounded_time(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert!(parse(&bytes).len() <= bytes.len() / HEADER);
        }

        #[test]
        fn any_body_behind_a_right_header_is_read(
            kind in 0_u16..30,
            flags in any::<u16>(),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(parse(&packed(kind, flags, &body)).len() <= 1);
        }

        #[test]
        fn any_attributes_are_read(family in prop::sample::select(vec![2_u8, 10, 7]), noise in prop::collection::vec(0_u8..12, 0..80)) {
            let mut body = vec![family, 24, 0, 0, 3, 0, 0, 0];
            body.extend(&noise);
            prop_assert!(parse(&packed(NEW_ADDRESS, 0, &body)).len() <= 1);
        }
    }
}
