//! What messages mean, where the configuration says it: `[[connection.subscribe]]` and its rules.
//!
//! Pure. Never keeps more than a bounded part of what devices can invent, and never reads a payload twice.
//!
//! # The grammar, by examples
//!
//! One table a topic filter, and in it one table a metric. Each thing is written in one way.
//!
//! ```toml
//! [[connection.subscribe]]
//! filter = "zigbee2mqtt/+"            # MQTT filter; "$share/group/…" for a shared one. Required
//! qos = 0                             # 0 (default), 1, 2
//! required = false                    # true: a refusal by the broker ends the session
//! no_local = false                    # MQTT 5
//! retain_handling = "always"          # MQTT 5: "always" (default), "new", "never"
//! include = ["zigbee2mqtt/+"]         # only topics that one of these fits; default: all
//! exclude = ["zigbee2mqtt/bridge/#"]  # and none that one of these fits
//! pattern = "zigbee2mqtt/(?<room>[^_]+)_.*"   # for the whole topic; its groups are placeholders
//! device = "{2}"                      # template of the label `device`; also what last-seen is told of
//! labels = { site = "north" }         # on every series of its rules; a rule's own label of the same name wins
//! format = "auto"                     # "auto" (default: JSON where a rule has a path, else text), "json", "text", "csv",
//!                                     # "sparkplug": see [`sparkplug`]
//! retained = "show"                   # "show" (default), "ignore", "accept": see below
//! expire = "1h"                       # default of its rules; a duration or "never"
//! interval = "5m"                     # how often a device speaks, for the alert on silent ones; default: unknown
//! availability = { topic = "zigbee2mqtt/{device}/availability", path = "state" }
//!                                     # words: online = "online", offline = "offline"
//!
//! [[connection.subscribe.metric]]
//! name = "zigbee_temperature_celsius" # with its unit; counters end in `_total`, info metrics in `_info`. Required
//! help = "Air temperature."
//! type = "gauge"                      # "gauge" (default), "counter", "histogram", "info", "state"
//! path = "temperature"                # `a.b`, `a[0]`, `a[*].b`, `a.*.b`, `'a.b'`; left out: the payload is the value
//! labels = { room = "{room}", meter = "{payload.id}" }
//! expire = "3h"
//! ```
//!
//! **Values.** A number, `true` and `false`, or the text of one of them. Without `values`, the texts `on yes true online
//! open` are 1 and `off no false offline closed` are 0, in any case of letters. Otherwise:
//!
//! ```toml
//! values = { idle = 0, heating = 1, "*" = 2 }   # exactly these words; "*" is any other
//! read = "hex"            # also "duration" (seconds), "timestamp" (seconds since 1970), "length"
//! scale = 0.1             # times …
//! offset = -40            # … plus
//! value = "x * volts"     # or an expression in place of both: + - * / % ^ < <= > >= == != min max abs floor ceil round
//! inputs = { volts = "voltage" }                #   sqrt exp ln log10, over `x` and these numbers of the payload
//! when = { kind = "power", valid = true }       # only payloads that have these values
//! topic = "zigbee2mqtt/plug/#"                  # only messages of these topics
//! unit = "none"           # the name needs no unit; or the unit that it ends with
//! ```
//!
//! **Types.**
//!
//! ```toml
//! type = "counter"
//! count = "repair"        # "repair" (default): a total that goes on when the device begins anew
//!                         # "raw": a total as it is; "add": what is to be added; "messages": one a message, without a path
//! type = "histogram"
//! buckets = [0.1, 1, 10]  # each value is an observation
//! type = "info"           # always 1, for its labels; a new version replaces the old series at once
//! type = "state"
//! states = ["idle", "heating"]   # one series a word with the label `state`; 1 for the present one
//! ```
//!
//! A total below half of the last one is a device that began anew: the old total is added to the new ones. One that fell
//! by less is late or was saved a while ago: the higher one stays.
//!
//! **Lists and objects.** `path = "channels[*].power"` makes one series an element. What `*` stood for is `{*}` (an index, or
//! a key); a sibling is `{payload.channels[*].name}`. `path = "**"` makes one gauge of every number that no other rule of
//! the subscription takes:
//!
//! ```toml
//! name = "sensor_{path}"          # `{path}`: the keys with `_` between, in lower case; indexes become the label `index`
//! path = "**"
//! names = { temp = "temperature_celsius" }   # another text for `{path}`
//! skip = ["linkquality"]                     # none of these, as `{path}` spells them
//! ```
//!
//! **Placeholders** of `device` and of `labels`, those of a rule and those of the subscription: `{2}` and `{-1}` are levels of the topic, `{room}` a named group of
//! `pattern`, `{payload.a.b}` what stands in the payload (`{payload}`: a scalar one), `{property.site}` a user property of
//! MQTT 5, `{*}` and `{*2}` what the wildcards stood for; `{{` is a brace. A label whose placeholder stands for nothing is
//! left out; a message whose device stands for nothing is counted and passed over.
//!
//! **Two brokers** with devices of the same names want `labels` in their subscriptions that tell them apart: series have no label
//! `connection`, and what two connections call the same is shown of the one that came first (reason `series_taken`).
//!
//! **Retained messages** (those that the broker kept for us) are shown where they are new, for one lifetime, so that a page
//! is not empty after a start. They renew nothing, count nothing and nobody counts as seen by them: a device that died
//! does not live on by what it once said. `"accept"` takes them for live ones, `"ignore"` passes them over.
//!
//! **Presets**: `[[connection.subscribe]]` with `preset = "zigbee2mqtt"`, and `base = "z2m"` where the topics begin
//! otherwise; `labels`, `qos`, `required`, `expire`, `retained`, `interval` and `exclude` may stand beside it.
//! `hangup preset` lists them, and prints the rules of one to copy and to change.

pub mod expression;
pub mod path;
pub mod pattern;
pub mod preset;
pub mod template;
pub mod topic;
pub mod walk;

mod apply;
mod capture;
mod devices;
mod explain;
mod filters;
mod json;
mod mapper;
mod names;
mod number;
mod place;
mod plain;
mod program;
mod reason;
mod rule;
mod sparkplug;
mod table;
mod text;
mod totals;
mod tree;

pub use explain::{Explanation, Heard, Line, explain};
pub use filters::subscriptions;
pub use reason::Reason;

use std::sync::{Arc, Mutex};

use crate::config::Subscribe;
use crate::source::listen;

/// What a connection listens with: one for all its sessions.
///
/// # Errors
/// A sentence that names the rule that cannot be used; a configuration that was read has none.
pub fn listener(connection: &str, subscribes: &[Subscribe]) -> Result<listen::Shared, String> {
    let mapper =
        mapper::Mapper::new(subscribes).map_err(|why| format!("connection `{connection}`: {why}"))?;
    let filters = sparkplug::Ear::filters(subscribes);
    if filters.is_empty() {
        return Ok(Arc::new(Mutex::new(mapper)));
    }
    Ok(Arc::new(Mutex::new(sparkplug::Ear::around(mapper, filters))))
}
