//! The links and addresses of this machine, and what changed in them. Pure.
//!
//! Never tells what was there before it looked: the first list is where it begins. After messages were lost it asks for
//! a new list, and tells the difference. Routes are told as the kernel tells them and not listed: a router has a million.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::SignalKind;
use super::netlink::message::{Change, GET_ADDRESSES, GET_LINKS};

/// Lists that changed while they were told are asked for again so often, and then taken as they are.
const TRIES: u32 = 3;

/// The network of this machine as it is known.
#[derive(Debug, Default)]
pub(super) struct Network {
    known: Option<View>,
    listing: Option<Listing>,
    sequence: u32,
    /// Messages were lost, or a list was refused: what is known may be wrong.
    stale: bool,
    refusals: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    /// Whether they are usable.
    links: BTreeMap<u32, bool>,
    addresses: BTreeSet<(u32, IpAddr)>,
}

/// A list that is being told.
#[derive(Debug)]
struct Listing {
    view: View,
    kind: u16,
    sequence: u32,
    whole: bool,
    tries: u32,
}

/// What to do now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What happened.
    pub(super) signals: Vec<SignalKind>,
    /// A list to ask for: its kind and the number of the question.
    pub(super) ask: Option<(u16, u32)>,
}

impl Network {
    /// Begins anew: the question to ask.
    pub(super) fn list(&mut self) -> (u16, u32) {
        self.stale = false;
        self.begin(1)
    }

    /// The question to ask when what is known may be wrong. Asked for now and then and not at once: while messages are
    /// lost there are too many of them already.
    pub(super) fn list_if_stale(&mut self) -> Option<(u16, u32)> {
        self.stale.then(|| self.list())
    }

    fn begin(&mut self, tries: u32) -> (u16, u32) {
        let sequence = self.next_sequence();
        self.listing = Some(Listing { view: View::default(), kind: GET_LINKS, sequence, whole: true, tries });
        (GET_LINKS, sequence)
    }

    fn next_sequence(&mut self) -> u32 {
        // Zero is the number of what nobody asked for.
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.sequence
    }

    /// Takes in what the kernel said.
    pub(super) fn hear(&mut self, change: Change) -> Outcome {
        let told = |signal: Option<SignalKind>| Outcome { signals: signal.into_iter().collect(), ask: None };
        match change {
            Change::Route => told(Some(SignalKind::RouteAdded)),
            Change::RouteGone => told(Some(SignalKind::RouteRemoved)),
            Change::Lost => {
                self.stale = true;
                Outcome::default()
            }
            Change::Listed { sequence, whole } => self.listed(sequence, whole),
            Change::Refused(sequence) => {
                self.refused(sequence);
                Outcome::default()
            }
            Change::Link { .. } | Change::LinkGone(_) | Change::Address { .. } | Change::AddressGone(..) => {
                // While a list is told, changes come between its parts, in order: they belong into it.
                match (&mut self.listing, &mut self.known) {
                    (Some(listing), _) => {
                        let _ = listing.view.apply(change);
                        Outcome::default()
                    }
                    (None, Some(view)) => told(view.apply(change)),
                    (None, None) => Outcome::default(),
                }
            }
        }
    }

    /// What cannot be listed is unknown: changes are told from now on, and it is asked for again a few times.
    fn refused(&mut self, sequence: u32) {
        if let Some(listing) = self.listing.take_if(|listing| listing.sequence == sequence) {
            self.known.get_or_insert(listing.view);
            self.refusals += 1;
            self.stale = self.refusals < TRIES;
        }
    }

    fn listed(&mut self, sequence: u32, whole: bool) -> Outcome {
        let Some(mut listing) = self.listing.take() else { return Outcome::default() };
        if listing.sequence != sequence {
            // The end of a list that nobody waits for any more.
            self.listing = Some(listing);
            return Outcome::default();
        }
        listing.whole &= whole;
        if listing.kind == GET_LINKS {
            listing.kind = GET_ADDRESSES;
            listing.sequence = self.next_sequence();
            let ask = Some((listing.kind, listing.sequence));
            self.listing = Some(listing);
            return Outcome { ask, ..Outcome::default() };
        }
        if !listing.whole && listing.tries < TRIES {
            return Outcome { ask: Some(self.begin(listing.tries + 1)), ..Outcome::default() };
        }
        let signals = self.known.as_ref().map_or_else(Vec::new, |known| known.until(&listing.view));
        self.known = Some(listing.view);
        Outcome { signals, ask: None }
    }
}

impl View {
    fn apply(&mut self, change: Change) -> Option<SignalKind> {
        match change {
            Change::Link { index, usable } => {
                let before = self.links.insert(index, usable).unwrap_or(false);
                Self::turned(index, before, usable)
            }
            Change::LinkGone(index) => Self::turned(index, self.links.remove(&index).unwrap_or(false), false),
            Change::Address { index, address, usable: true } => {
                self.addresses.insert((index, address)).then_some(SignalKind::AddressAdded(index, address))
            }
            Change::Address { index, address, usable: false } | Change::AddressGone(index, address) => {
                self.addresses.remove(&(index, address)).then_some(SignalKind::AddressRemoved(index, address))
            }
            Change::Route | Change::RouteGone | Change::Listed { .. } | Change::Refused(_) | Change::Lost => {
                None
            }
        }
    }

    const fn turned(index: u32, before: bool, after: bool) -> Option<SignalKind> {
        match (before, after) {
            (true, false) => Some(SignalKind::LinkDown(index)),
            (false, true) => Some(SignalKind::LinkUp(index)),
            (true, true) | (false, false) => None,
        }
    }

    /// What happened between the two: first what went, then what came.
    fn until(&self, after: &Self) -> Vec<SignalKind> {
        let usable = |view: &Self, index: &u32| view.links.get(index).copied().unwrap_or(false);
        let links: BTreeSet<u32> = self.links.keys().chain(after.links.keys()).copied().collect();
        let turned = |to: bool| {
            links
                .iter()
                .filter_map(|index| Self::turned(*index, usable(self, index), usable(after, index)))
                .filter(move |signal| matches!(signal, SignalKind::LinkUp(_)) == to)
        };
        let went = self.addresses.difference(&after.addresses);
        let came = after.addresses.difference(&self.addresses);
        turned(false)
            .chain(went.map(|(index, address)| SignalKind::AddressRemoved(*index, *address)))
            .chain(turned(true))
            .chain(came.map(|(index, address)| SignalKind::AddressAdded(*index, *address)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn there(address: IpAddr) -> Change {
        Change::Address { index: 3, address, usable: true }
    }

    /// A list with these parts, and all that was signalled meanwhile.
    fn list(network: &mut Network, links: &[Change], addresses: &[Change]) -> Vec<SignalKind> {
        let (kind, sequence) = network.list();
        assert_eq!(kind, GET_LINKS);
        finish(network, sequence, links, addresses)
    }

    fn finish(
        network: &mut Network,
        sequence: u32,
        links: &[Change],
        addresses: &[Change],
    ) -> Vec<SignalKind> {
        for change in links {
            assert_eq!(network.hear(*change), Outcome::default());
        }
        let asked = network.hear(Change::Listed { sequence, whole: true }).ask.unwrap();
        assert_eq!(asked.0, GET_ADDRESSES);
        for change in addresses {
            assert_eq!(network.hear(*change), Outcome::default());
        }
        let over = network.hear(Change::Listed { sequence: asked.1, whole: true });
        assert_eq!(over.ask, None);
        over.signals
    }

    fn at_home() -> Network {
        let mut network = Network::default();
        let told = list(&mut network, &[Change::Link { index: 3, usable: true }], &[there(HOME)]);
        assert_eq!(told, [], "what is there at the start is no news");
        network
    }

    #[test]
    fn what_is_said_twice_is_no_news() {
        let mut network = at_home();
        assert_eq!(network.hear(there(HOME)), Outcome::default());
        assert_eq!(network.hear(Change::Link { index: 3, usable: true }), Outcome::default());
    }

    #[test]
    fn a_link_goes_down_and_comes_back() {
        let mut network = at_home();
        assert_eq!(network.hear(Change::Link { index: 3, usable: false }).signals, [SignalKind::LinkDown(3)]);
        assert_eq!(network.hear(Change::LinkGone(3)).signals, [], "it was down already");
        assert_eq!(network.hear(Change::Link { index: 3, usable: true }).signals, [SignalKind::LinkUp(3)]);
        assert_eq!(network.hear(Change::LinkGone(3)).signals, [SignalKind::LinkDown(3)]);
    }

    #[test]
    fn an_address_counts_from_when_it_is_usable_until_it_is_not() {
        let mut network = at_home();
        let other = IpAddr::from([192, 0, 2, 8]);
        let tentative = Change::Address { index: 3, address: other, usable: false };
        assert_eq!(network.hear(tentative).signals, []);
        assert_eq!(network.hear(there(other)).signals, [SignalKind::AddressAdded(3, other)]);
        assert_eq!(network.hear(tentative).signals, [SignalKind::AddressRemoved(3, other)]);
        assert_eq!(network.hear(Change::AddressGone(3, HOME)).signals, [SignalKind::AddressRemoved(3, HOME)]);
        assert_eq!(network.hear(Change::AddressGone(3, HOME)).signals, []);
    }

    #[test]
    fn what_happened_while_messages_were_lost_is_told_by_the_next_list() {
        let mut network = at_home();
        assert_eq!(network.list_if_stale(), None);
        assert_eq!(network.hear(Change::Lost), Outcome::default());
        let (_, sequence) = network.list_if_stale().unwrap();
        assert_eq!(network.list_if_stale(), None, "asked for once");
        let other = IpAddr::from([192, 0, 2, 8]);
        let links = [Change::Link { index: 3, usable: false }, Change::Link { index: 4, usable: true }];
        let told = finish(&mut network, sequence, &links, &[there(other)]);
        assert_eq!(
            told,
            [
                SignalKind::LinkDown(3),
                SignalKind::AddressRemoved(3, HOME),
                SignalKind::LinkUp(4),
                SignalKind::AddressAdded(3, other)
            ]
        );
        assert_eq!(list(&mut network, &links, &[there(other)]), [], "and told once");
    }

    #[test]
    fn what_changes_while_a_list_is_told_is_told_at_its_end() {
        let mut network = at_home();
        let told = list(
            &mut network,
            &[Change::Link { index: 3, usable: true }],
            &[there(HOME), Change::AddressGone(3, HOME)],
        );
        assert_eq!(told, [SignalKind::AddressRemoved(3, HOME)]);
    }

    #[test]
    fn a_list_that_changed_meanwhile_is_asked_for_again_and_not_for_ever() {
        let mut network = at_home();
        let (mut kind, mut sequence) = network.list();
        let mut questions = 1;
        while let Some(asked) = network.hear(Change::Listed { sequence, whole: false }).ask {
            (kind, sequence) = asked;
            questions += 1;
            assert!(questions < 100);
        }
        assert_eq!((kind, questions), (GET_ADDRESSES, 2 * TRIES));
    }

    #[test]
    fn the_end_of_an_older_list_is_not_the_end_of_this_one() {
        let mut network = Network::default();
        let (_, old) = network.list();
        let (_, new) = network.list();
        assert_eq!(network.hear(Change::Listed { sequence: old, whole: true }), Outcome::default());
        assert!(network.hear(Change::Listed { sequence: new, whole: true }).ask.is_some());
    }

    #[test]
    fn a_system_that_refuses_lists_still_tells_changes() {
        let mut network = Network::default();
        let mut question = Some(network.list());
        let mut questions = 0;
        while let Some((_, sequence)) = question {
            assert_eq!(network.hear(Change::Refused(sequence)), Outcome::default());
            question = network.list_if_stale();
            questions += 1;
        }
        assert_eq!(questions, TRIES, "not asked for ever");
        assert_eq!(network.hear(there(HOME)).signals, [SignalKind::AddressAdded(3, HOME)]);
    }

    #[test]
    fn a_refused_list_does_not_say_that_everything_is_gone() {
        let mut network = at_home();
        let (_, sequence) = network.list();
        assert_eq!(network.hear(Change::Refused(sequence)), Outcome::default());
        assert_eq!(network.hear(Change::AddressGone(3, HOME)).signals, [SignalKind::AddressRemoved(3, HOME)]);
    }
}
