//! Subscriptions that are ready for what many people have, each a text in the grammar of the configuration.
//!
//! Pure. Never knows more than the grammar: what a preset does, a user can write.

use crate::config::Subscribe;
use crate::config::mapping::from_text;

/// One preset: its name, the base topic that its text is written for, and the text.
///
/// In the text, `BASE` is the base topic, `UNDER` the same with a `/` behind it where there is one, and `{+1}` the first level below it.
struct Preset {
    name: &'static str,
    base: &'static str,
    text: &'static str,
    /// What to write in place of a word, once for each copy of the text.
    copies: &'static [&'static [(&'static str, &'static str)]],
}

const ONCE: &[&[(&str, &str)]] = &[&[]];

const PRESETS: &[Preset] = &[
    Preset { name: "zigbee2mqtt", base: "zigbee2mqtt", text: include_str!("zigbee2mqtt.toml"), copies: ONCE },
    Preset {
        name: "tasmota",
        base: "",
        text: include_str!("tasmota.toml"),
        // `%prefix%/%topic%/` is Tasmota's default, `%topic%/%prefix%/` what many write.
        copies: &[
            &[
                ("TELE", "UNDERtele/+"),
                ("RELAYS", "UNDERstat/+"),
                ("PRESENCE", "UNDERtele/{device}"),
                ("DEVICE", "{+2}"),
            ],
            &[
                ("TELE", "UNDER+/tele"),
                ("RELAYS", "UNDER+/stat"),
                ("PRESENCE", "UNDER{device}/tele"),
                ("DEVICE", "{+1}"),
            ],
        ],
    },
    Preset { name: "shelly", base: "", text: include_str!("shelly.toml"), copies: ONCE },
    Preset { name: "shelly_gen1", base: "shellies", text: include_str!("shelly_gen1.toml"), copies: ONCE },
    Preset { name: "esphome", base: "", text: include_str!("esphome.toml"), copies: ONCE },
    Preset {
        name: "home_assistant",
        base: "homeassistant",
        text: include_str!("home_assistant.toml"),
        copies: ONCE,
    },
    Preset { name: "sparkplug", base: "spBv1.0", text: include_str!("sparkplug.toml"), copies: ONCE },
];

/// Levels below the base that a text asks for.
const LEVELS: usize = 4;

/// The names of all presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|preset| preset.name)
}

/// The subscriptions of a preset, under another base topic if one is given.
///
/// # Errors
/// That there is none of this name, with those that there are; that this is no base topic.
pub fn expand(name: &str, base: Option<&str>) -> Result<Vec<Subscribe>, String> {
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        let known: Vec<_> = names().map(|name| format!("`\"{name}\"`")).collect();
        return Err(format!("`{name}` is no preset (there are {})", known.join(", ")));
    };
    let base = base.unwrap_or(preset.base).trim_end_matches('/');
    if base.contains(|c: char| c.is_control() || "+#{}\"\\".contains(c)) {
        return Err(format!(
            "`{name}`: the base is a topic without wildcards (write for example `base = \"home/{name}\"`)"
        ));
    }
    let text: String = preset.copies.iter().map(|words| fill(preset.text, words, base)).collect();
    from_text(&text)
}

/// The text for one base.
fn fill(text: &str, words: &[(&str, &str)], base: &str) -> String {
    let above = if base.is_empty() { 0 } else { base.split('/').count() };
    let mut filled = text.to_owned();
    for (word, other) in words {
        filled = filled.replace(word, other);
    }
    for level in 1..=LEVELS {
        filled = filled.replace(&format!("{{+{level}}}"), &format!("{{{}}}", above + level));
    }
    let under = if base.is_empty() { String::new() } else { format!("{base}/") };
    // The base last: it is the user's own, and may hold any of these words.
    let mut done = String::with_capacity(filled.len());
    let mut rest = filled.as_str();
    while let Some(at) = rest.find(['B', 'U']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        done.push_str(before);
        let taken = [("BASE", base), ("UNDER", under.as_str())]
            .into_iter()
            .find_map(|(word, other)| Some((other, from.strip_prefix(word)?)));
        let (other, after) = taken.unwrap_or_else(|| from.split_at_checked(1).unwrap_or((from, "")));
        done.push_str(other);
        rest = after;
    }
    done.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_read_under_every_base() {
        for name in names() {
            for base in [None, Some("home"), Some("home/BASE/UNDER"), Some("a b/ü.$'/")] {
                let read = expand(name, base);
                assert!(
                    read.as_ref().is_ok_and(|subscribes| !subscribes.is_empty()),
                    "{name} {base:?}: {read:?}"
                );
            }
        }
    }

    #[test]
    fn levels_are_counted_below_the_base() {
        let device =
            |base| expand("zigbee2mqtt", base).unwrap().first().and_then(|first| first.device.clone());
        assert_eq!(device(None).as_deref(), Some("{2}"));
        assert_eq!(device(Some("home/attic/z2m")).as_deref(), Some("{4}"));
        let tasmota = expand("tasmota", Some("home")).unwrap();
        let filters: Vec<_> = tasmota.iter().map(|subscribe| subscribe.filter.as_str()).collect();
        assert!(
            filters.contains(&"home/tele/+/SENSOR") && filters.contains(&"home/+/tele/SENSOR"),
            "{filters:?}"
        );
    }

    #[test]
    fn a_wrong_name_or_base_is_told_with_right_ones() {
        assert!(expand("zigbee", None).unwrap_err().contains("`\"zigbee2mqtt\"`"));
        for base in ["home/+", "#", "a\"b", "a{b"] {
            assert!(expand("tasmota", Some(base)).unwrap_err().contains("home/tasmota"), "{base}");
        }
    }
}
