//! What happened on the machine as a line. Pure.
//! Never which address: it comes back as the unspecified one.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::long_ago;
use super::value::{Seconds, Wall};
use crate::host::{Signal, SignalKind};

const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A signal of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noticed {
    at: Wall,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Suspended(Seconds),
    ClockForward(Seconds),
    ClockBack(Seconds),
    LinkDown(u32),
    LinkUp(u32),
    AddressAdded(u32),
    AddressRemoved(u32),
    RouteAdded,
    RouteRemoved,
    ResolverChanged,
}

impl Noticed {
    /// As a line tells it.
    #[must_use]
    pub fn of(signal: &Signal) -> Self {
        let kind = match &signal.kind {
            SignalKind::Suspended(slept) => Kind::Suspended(Seconds(*slept)),
            SignalKind::ClockForward(by) => Kind::ClockForward(Seconds(*by)),
            SignalKind::ClockBack(by) => Kind::ClockBack(Seconds(*by)),
            SignalKind::LinkDown(index) => Kind::LinkDown(*index),
            SignalKind::LinkUp(index) => Kind::LinkUp(*index),
            SignalKind::AddressAdded(index, _) => Kind::AddressAdded(*index),
            SignalKind::AddressRemoved(index, _) => Kind::AddressRemoved(*index),
            SignalKind::RouteAdded => Kind::RouteAdded,
            SignalKind::RouteRemoved => Kind::RouteRemoved,
            SignalKind::ResolverChanged => Kind::ResolverChanged,
        };
        Self { at: Wall(signal.at.wall), kind }
    }

    /// As the timeline keeps it: before anything on the boot clock of this life, so that no drop of now follows it.
    #[must_use]
    pub fn back(&self) -> Signal {
        let kind = match &self.kind {
            Kind::Suspended(slept) => SignalKind::Suspended(slept.0),
            Kind::ClockForward(by) => SignalKind::ClockForward(by.0),
            Kind::ClockBack(by) => SignalKind::ClockBack(by.0),
            Kind::LinkDown(index) => SignalKind::LinkDown(*index),
            Kind::LinkUp(index) => SignalKind::LinkUp(*index),
            Kind::AddressAdded(index) => SignalKind::AddressAdded(*index, NOWHERE),
            Kind::AddressRemoved(index) => SignalKind::AddressRemoved(*index, NOWHERE),
            Kind::RouteAdded => SignalKind::RouteAdded,
            Kind::RouteRemoved => SignalKind::RouteRemoved,
            Kind::ResolverChanged => SignalKind::ResolverChanged,
        };
        Signal { at: long_ago(self.at), kind }
    }
}
