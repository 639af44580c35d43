//! Texts with placeholders: what a label, a device or a name is made of.
//!
//! Pure. Never runs anything: a placeholder stands for a text, and that is all it can do.

use super::path::Path;

/// One piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Itself.
    Text(String),
    /// A level of the topic: `{1}` is the first, `{-1}` the last.
    Level(i16),
    /// A named group of the subscription's `pattern`: `{room}`.
    Group(String),
    /// What stands in the payload: `{payload.a.b}`, and `{payload}` for a scalar payload.
    Payload(Path),
    /// A user property of MQTT 5: `{property.site}`.
    Property(String),
    /// What the first (`{*}`) or second (`{*2}`) wildcard of the rule's path stood for: an index or a key.
    Star(usize),
}

/// A text with placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(pub Vec<Piece>);

impl Template {
    /// Reads a template. `{{` and `}}` are braces.
    ///
    /// # Errors
    /// What is wrong, with a right example.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let closed = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
                let Some((inner, after)) = closed else {
                    return Err(format!("`{text}` has a brace too many (write `{{{{` for a brace itself)"));
                };
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(placeholder(inner)?);
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        if pieces.is_empty() { Err("is empty".to_owned()) } else { Ok(Self(pieces)) }
    }

    /// Whether the topic alone decides its text.
    #[must_use]
    pub fn is_of_the_topic(&self) -> bool {
        self.0.iter().all(|piece| match piece {
            Piece::Text(_) | Piece::Level(_) | Piece::Group(_) => true,
            Piece::Payload(_) | Piece::Property(_) | Piece::Star(_) => false,
        })
    }
}

fn placeholder(inner: &str) -> Result<Piece, String> {
    if let Ok(level) = inner.parse::<i16>() {
        return match level {
            0 => Err("`{0}` is no level of a topic: the first is `{1}`, the last `{-1}`".to_owned()),
            level => Ok(Piece::Level(level)),
        };
    }
    match inner {
        "*" => return Ok(Piece::Star(0)),
        "*2" => return Ok(Piece::Star(1)),
        "payload" => return Ok(Piece::Payload(Path::default())),
        _ => {}
    }
    if let Some(path) = inner.strip_prefix("payload").filter(|path| path.starts_with(['.', '['])) {
        return Path::parse(path.strip_prefix('.').unwrap_or(path)).map(Piece::Payload);
    }
    if let Some(name) = inner.strip_prefix("property.").filter(|name| !name.is_empty()) {
        return Ok(Piece::Property(name.to_owned()));
    }
    let is_name = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name && !inner.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(Piece::Group(inner.to_owned()));
    }
    Err(format!(
        "`{{{inner}}}` is not a placeholder (there are `{{2}}` and `{{-1}}` for levels of the topic, `{{name}}` for a group \
         of `pattern`, `{{payload.a.b}}`, `{{property.name}}` and `{{*}}`)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_read() {
        let template =
            Template::parse("a{2}{-1}{room}{payload.x[*].y}{property.site}{*}{*2}{{}}{payload}").unwrap();
        assert_eq!(
            template.0,
            [
                Piece::Text("a".to_owned()),
                Piece::Level(2),
                Piece::Level(-1),
                Piece::Group("room".to_owned()),
                Piece::Payload(Path::parse("x[*].y").unwrap()),
                Piece::Property("site".to_owned()),
                Piece::Star(0),
                Piece::Star(1),
                Piece::Text("{}".to_owned()),
                Piece::Payload(Path::default()),
            ]
        );
        assert!(!template.is_of_the_topic());
        assert!(Template::parse("{1}-{room}").unwrap().is_of_the_topic());
    }

    #[test]
    fn what_is_no_template_is_told() {
        for text in ["", "{", "}", "{0}", "{a b}", "{payload.}", "{property.}", "{*3}", "{}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
