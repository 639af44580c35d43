//! The cloud's end of every connection: what arrives there, what it sends and how it ends connections.
//! Never answers anything itself: the simulated cloud does.

use hangup::simulator::Fault;
use hangup::simulator::broker::ConnectionId;
use hangup::simulator::faults::Ending;
use hangup::simulator::world::Output;

use crate::network::{Down, Up, arrived};
use crate::universe::{Event, Universe};

impl Universe<'_> {
    pub(crate) fn inject(&mut self, fault: Fault) {
        let outputs = self.world.inject(fault, self.now);
        self.cloud_says(outputs);
    }

    pub(crate) fn cloud_says(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send { to, packet } => self.send_down(to, Down::Packet(packet)),
                Output::Garbage(to, bytes) => self.send_down(to, Down::Raw(bytes)),
                Output::Text(to) => self.send_down(to, Down::Text),
                Output::End(to, Ending::Silence(lasts)) => {
                    let Some(wire) = self.wire_of(to) else { continue };
                    let until = self.now.at + lasts;
                    self.wires.entry(wire).and_modify(|wire| wire.dead_until = Some(until));
                    self.at(until, Event::Dies { wire });
                }
                Output::End(to, ending) => {
                    self.send_down(to, Down::End(ending));
                    if let Some(wire) = self.wire_of(to) {
                        self.wires.entry(wire).and_modify(|wire| wire.theirs = false);
                    }
                }
                Output::StopListening(lasts) => self.spells.deaf = self.now.at + lasts,
                Output::Say(line) => self.rules.say(|| format!("  cloud: {line}")),
            }
        }
    }

    /// The wire that the cloud knows by this number and still holds; one that has gone silent hears no orders.
    fn wire_of(&self, cloud: ConnectionId) -> Option<u64> {
        let mut held = self.wires.iter().filter(|(_, wire)| wire.theirs && wire.dead_until.is_none());
        held.find(|(_, wire)| wire.cloud == Some(cloud)).map(|(number, _)| *number)
    }

    fn send_down(&mut self, to: ConnectionId, what: Down) {
        let Some(wire) = self.wire_of(to) else { return };
        let at = self.now.at + self.path.latency(self.now.at);
        if let Some(wire) = self.wires.get_mut(&wire) {
            wire.down.push_back((at, what));
        }
        self.at(at, Event::Here { wire });
    }

    pub(crate) fn send_up(&mut self, wire: u64, what: Up) {
        let now = self.now.at;
        let at = now + self.path.latency(now);
        let Some(held) = self.wires.get_mut(&wire) else { return };
        held.up.push_back((at, what));
        if self.path.blocked(held, now).is_some_and(|until| until > now + USER_TIMEOUT) {
            self.at(now + USER_TIMEOUT, Event::GivesUp { wire });
        }
        self.at(at, Event::AtCloud { wire });
    }

    /// Something arrives at the cloud, unless the path is lost: then it is sent again when the path is back.
    pub(crate) fn at_cloud(&mut self, number: u64) {
        let now = self.now;
        loop {
            let Some(wire) = self.wires.get_mut(&number) else { return };
            if let Some(until) = self.path.blocked(wire, now.at) {
                return self.at(until, Event::AtCloud { wire: number });
            }
            let Some(what) = arrived(&mut wire.up, now.at) else { break };
            let (Some(cloud), true) = (wire.cloud, wire.theirs) else { continue };
            let outputs = match what {
                Up::Packet(packet) => self.world.packet(cloud, packet, now),
                Up::Fin => {
                    wire.theirs = false;
                    self.world.gone(cloud, now)
                }
            };
            self.cloud_says(outputs);
        }
        self.forget(number);
    }

    /// A path that was dead for so long that the connection on it is reset from the other side.
    pub(crate) fn dies(&mut self, number: u64) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        wire.theirs = false;
        wire.up.clear();
        wire.down.clear();
        wire.down.push_back((self.now.at, Down::End(Ending::Reset)));
        if let Some(cloud) = wire.cloud {
            let outputs = self.world.gone(cloud, self.now);
            self.cloud_says(outputs);
        }
        self.at(self.now.at, Event::Here { wire: number });
    }

    pub(crate) fn forget(&mut self, number: u64) {
        if self.wires.get(&number).is_some_and(crate::network::Wire::is_forgotten) {
            self.wires.remove(&number);
        }
    }
}

/// `TCP_USER_TIMEOUT` of the dialer.
const USER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);
