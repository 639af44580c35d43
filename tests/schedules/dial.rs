//! Dialling, phase by phase, with the limits and names of the real dialer; the upgrade is the simulated cloud's to grant.
//! Never dials while another socket is open: the rules would see it.

use std::time::Duration;

use hangup::connection::ending::PhaseTime;
use hangup::connection::error::ErrorName;
use hangup::connection::machine::{Input, LinkReport};
use hangup::connection::{Detail, Failure, Phase, classify};
use hangup::simulator::signature::Upgrade;

use crate::network::Wire;
use crate::session::{Link, Stage};
use crate::universe::{Event, Universe};

impl Universe<'_> {
    pub(crate) fn dial(&mut self, generation: u64) {
        let (wire, plan) = (self.number(), self.plan());
        self.rules.socket_opened(wire, plan.subscriptions.len());
        self.wires.insert(wire, Wire::new((self.life, generation)));
        self.link = Some(Link { generation, wire, plan, stage: Stage::Dialling, hung: false });
        self.enter(wire, Phase::Dns);
    }

    fn enter(&mut self, wire: u64, phase: Phase) {
        let now = self.now.at;
        let limits = &self.schedule.policy.limits;
        let (limit, late) = match phase {
            Phase::Dns => (limits.dns, ErrorName::DnsTimeout),
            Phase::Tcp => (limits.tcp, ErrorName::SocketTimeout),
            Phase::Tls => (limits.tls, ErrorName::TlsTimeout),
            Phase::Websocket => (limits.websocket, ErrorName::WebsocketTimeout),
            Phase::Credentials
            | Phase::Proxy
            | Phase::Connack
            | Phase::Subscribe
            | Phase::Session
            | Phase::Shutdown => panic!("{phase:?} is not dialled"),
        };
        let held = self.path.lost(now).map_or(Duration::ZERO, |until| until.saturating_since(now));
        let took = held + self.path.latency(now) + self.path.latency(now);
        let failure = if took > limit {
            Some(Failure::new(phase, late, "not in time"))
        } else if phase == Phase::Tcp && now < self.spells.deaf {
            let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            Some(classify::io(phase, &refused))
        } else {
            None
        };
        self.after(took.min(limit), Event::Dialled { wire, phase, failure });
    }

    /// The end of a phase, and the beginning of the next one.
    pub(crate) fn dialled(&mut self, number: u64, phase: Phase, failure: Option<Failure>) {
        let Some(link) = self.link.as_ref().filter(|link| link.wire == number) else {
            return self.late_word(number, LinkReport::Finished(PhaseTime { phase, took: Duration::ZERO }));
        };
        if link.hung {
            return;
        }
        let generation = link.generation;
        let failure = failure.or_else(|| (phase == Phase::Websocket).then(|| self.upgrade(number).err())?);
        if let Some(failure) = failure {
            self.link_gone();
            self.step(Input::Link { generation, report: LinkReport::Failed(failure) });
            return self.serve_timers();
        }
        let next = match phase {
            Phase::Dns => Phase::Tcp,
            Phase::Tcp => Phase::Tls,
            Phase::Tls => Phase::Websocket,
            Phase::Websocket => return self.open(),
            Phase::Credentials
            | Phase::Proxy
            | Phase::Connack
            | Phase::Subscribe
            | Phase::Session
            | Phase::Shutdown => panic!("{phase:?} is not dialled"),
        };
        let took = self.path.latency(self.now.at);
        let finished = LinkReport::Finished(PhaseTime { phase, took });
        self.step(Input::Link { generation, report: finished });
        self.step(Input::Link { generation, report: LinkReport::Entered(next) });
        self.serve_timers();
        self.enter(number, next);
    }

    fn upgrade(&mut self, number: u64) -> Result<(), Failure> {
        let link = self.link.as_ref().expect("it dials");
        let (path, query) = link.plan.request_target.expose().split_once('?').unwrap_or_default();
        match self.world.upgrade(Upgrade { path, query, host: "localhost" }, "mqtt", self.now) {
            Ok(cloud) => {
                self.wires.entry(number).and_modify(|wire| wire.cloud = Some(cloud));
                Ok(())
            }
            Err(refused) => {
                let failure = classify::upgrade_status(refused.status, Some(self.now.wall), self.now.wall);
                debug_assert_eq!(failure.detail, Detail::HttpStatus(refused.status));
                Err(failure)
            }
        }
    }

    /// A word of a link that is no more; the machine that it belonged to must not care.
    pub(crate) fn late_word(&mut self, wire: u64, report: LinkReport) {
        let Some(wire) = self.wires.get(&wire) else { return };
        let (life, generation) = wire.owner;
        // While the link closes the machine still listens to it.
        if life == self.life && self.closing.is_none() && self.link.is_none() {
            self.late(Input::Link { generation, report });
        }
    }
}
