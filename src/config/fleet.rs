//! `[connection.fleet]`: what the broker says of its clients.
//!
//! Never asks for an identity: client ids stay unseen unless the file says otherwise.

use std::collections::BTreeSet;

use super::file::Fields;
use super::filter::filter_fault;
use super::value;

/// Most clients that can be kept in mind.
const MOST_CLIENTS: u64 = 1_000_000;
/// Most clients that may have metrics of their own.
const MOST_NAMED: usize = 1000;

/// The words of `kind`.
const KINDS: &[(&str, Kind)] =
    &[("aws_iot", Kind::AwsIot), ("emqx", Kind::Emqx), ("mosquitto", Kind::Mosquitto)];

/// What a connection listens to about the clients of its broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Which broker says it.
    pub kind: Kind,
    /// Topic filters in the place of those that the kind of broker has.
    pub topics: Option<Vec<String>>,
    /// Clients that have metrics of their own, with their client id as a label.
    pub clients: Clients,
    /// Whether the status page and the API may show client ids.
    pub show_clients: bool,
    /// So many clients are kept in mind; those above are counted and not told apart.
    pub client_limit: usize,
}

/// The dialect of a broker's words about its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Presence events of AWS IoT Core.
    AwsIot,
    /// Client events of EMQX, of its rules, and of RMQTT.
    Emqx,
    /// The log of Mosquitto with `log_dest topic`.
    Mosquitto,
}

impl Kind {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwsIot => "aws_iot",
            Self::Emqx => "emqx",
            Self::Mosquitto => "mosquitto",
        }
    }
}

/// Client ids. They may name people: not printed by accident.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Clients(pub BTreeSet<String>);

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} clients", self.0.len())
    }
}

impl Fleet {
    /// Everything at its default, for this kind of broker.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { kind, topics: None, clients: Clients::default(), show_clients: false, client_limit: 100_000 }
    }
}

/// Reads the table.
pub(super) fn fleet(mut fields: Fields<'_, '_>) -> Option<Fleet> {
    let kind = fields.require("kind", "kind = \"mosquitto\"", value::word(KINDS));
    let mut fleet = Fleet::of(kind.unwrap_or(Kind::Mosquitto));
    let text = |example| value::list(example, value::text);
    fleet.topics = fields.read("topics", |value| {
        let topics = text("[\"$SYS/broker/log/N\", \"$SYS/broker/log/E\"]")(value)?;
        if topics.is_empty() {
            return Err("is empty: leave it out to have those of the broker".to_owned());
        }
        let faults = topics.iter().enumerate().filter_map(|(at, topic)| Some((at + 1, filter_fault(topic)?)));
        match faults.map(|(number, fault)| format!("number {number} {fault}")).next() {
            Some(fault) => Err(fault),
            None => Ok(topics),
        }
    });
    fields.set("clients", &mut fleet.clients, |value| {
        let clients: BTreeSet<String> = text("[\"pump-7\"]")(value)?.into_iter().collect();
        match clients.len() {
            0..=MOST_NAMED => Ok(Clients(clients)),
            many => Err(format!("names {many} clients: each has series of its own, and {MOST_NAMED} may")),
        }
    });
    fields.set("show_clients", &mut fleet.show_clients, value::boolean);
    let limit = fields.read("client_limit", value::integer(1..=MOST_CLIENTS));
    if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) {
        fleet.client_limit = limit;
    }
    fields.finish();
    kind.map(|_| fleet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::Report;

    fn read(text: &str) -> Result<Fleet, String> {
        let report = Report::new(text);
        let table = report.parse().unwrap();
        let read = fleet(Fields::root(&report, &table));
        let (problems, _) = report.finish();
        match problems.into_iter().next() {
            Some(problem) => Err(format!("{}: {}", problem.place, problem.message)),
            None => Ok(read.unwrap()),
        }
    }

    #[test]
    fn a_kind_is_enough_and_everything_can_be_said() {
        assert_eq!(read("kind = \"emqx\""), Ok(Fleet::of(Kind::Emqx)));
        let all = read(
            "kind = \"mosquitto\"\ntopics = [\"$share/g/log/+\"]\nclients = [\"pump 7\"]\nshow_clients = true\n\
             client_limit = 5",
        )
        .unwrap();
        assert_eq!(all.topics.as_deref(), Some(&["$share/g/log/+".to_owned()][..]));
        assert!(all.clients.0.contains("pump 7") && all.show_clients && all.client_limit == 5);
        assert!(!format!("{all:?}").contains("pump"));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_right() {
        for (text, expected) in [
            ("", "kind: is missing (write for example `kind = \"mosquitto\"`)"),
            ("kind = \"hivemq\"", "`hivemq` is not one of `\"aws_iot\"`, `\"emqx\"`, `\"mosquitto\"`"),
            ("kind = \"emqx\"\ntopics = []", "topics: is empty"),
            ("kind = \"emqx\"\ntopics = [\"a\", \"b#\"]", "topics: number 2 has a `#` that is not alone"),
            (
                "kind = \"emqx\"\nclient_limit = 0",
                "client_limit: `0` is not a whole number from 1 to 1000000",
            ),
            ("kind = \"emqx\"\nclient = 1", "did you mean `clients`?"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        let many: Vec<String> = (0..1001).map(|client| format!("\"c{client}\"")).collect();
        let problem = read(&format!("kind = \"emqx\"\nclients = [{}]", many.join(","))).unwrap_err();
        assert!(problem.contains("names 1001 clients"), "{problem}");
    }
}
