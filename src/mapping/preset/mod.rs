//! Subscriptions that are ready for what many people have, each a text in the grammar of the configuration.
//!
//! Pure. Never knows more than the grammar: what a preset does, a user can write.

use crate::config::Subscribe;
use crate::config::mapping::from_text;

/// One preset: its name, the base topic that its text is written for, and the text.
struct Preset {
    name: &'static str,
    base: &'static str,
    text: &'static str,
}

const PRESETS: &[Preset] = &[];

/// The subscriptions of a preset, under another base topic if one is given.
///
/// # Errors
/// That there is none of this name, with those that there are.
pub fn expand(name: &str, base: Option<&str>) -> Result<Vec<Subscribe>, String> {
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        let known: Vec<_> = PRESETS.iter().map(|preset| format!("`\"{}\"`", preset.name)).collect();
        return Err(format!("`{name}` is no preset (there are {})", known.join(", ")));
    };
    let text = preset.text.replace("BASE", base.unwrap_or(preset.base));
    from_text(&text)
}
