//! A command to a device of any source: read from JSON in the words of its source. Pure.
//!
//! Never knows whether the device can obey it: that is for the dialogue of its session.

use super::navien;

/// The fields of a JSON object in their order, duplicates included.
pub type Fields = [(String, serde_json::Value)];

/// A command of one of the sources, right in form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// To a Navien heater.
    Navien(navien::command::Command),
}

impl Command {
    /// Reads the fields of a JSON object in the words of this source.
    ///
    /// # Errors
    /// A sentence that shows what is right.
    pub fn read(source: &str, fields: &Fields) -> Result<Self, String> {
        match source {
            "navien" => navien::command::read(fields).map(Self::Navien),
            other => Err(format!("devices of the source `{other}` take no commands")),
        }
    }

    /// Its name. The label `command`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Navien(command) => command.name(),
        }
    }

    /// Whether it changes the device, and does not just ask.
    #[must_use]
    pub const fn changes(&self) -> bool {
        match self {
            Self::Navien(command) => command.changes(),
        }
    }
}
