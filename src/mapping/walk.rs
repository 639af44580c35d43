//! What a payload looks like to the rules, whatever it is written in: keys, indexes and leaves, in their order.
//!
//! Pure. Never holds a payload: a leaf borrows from it.

use std::borrow::Cow;

/// Payloads nested deeper than this are refused.
pub const DEEPEST: usize = 64;

/// Where the next value stands in what encloses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<'p> {
    /// Under a key, counted from 0 in its object.
    Key(Text<'p>, u32),
    /// In a list, counted from 0.
    Index(u32),
}

/// A text as it stands in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'p> {
    /// Itself.
    Plain(&'p str),
    /// With escapes of JSON in it; right in form.
    Escaped(&'p str),
}

/// A value without parts, or what is known of one with parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaf<'p> {
    /// Nothing stood there.
    Absent,
    /// A number in the spelling of JSON.
    Digits(&'p str),
    /// A number that was never text.
    Number(f64),
    /// A text.
    Text(Text<'p>),
    /// A boolean.
    Bool(bool),
    /// Null.
    Null,
    /// An object of so many members.
    Object(u32),
    /// A list of so many elements.
    List(u32),
}

/// Who is told of a payload by its decoder. A decoder calls for each value [`Walk::enter`], then, if that said so, what
/// stands in it, and then [`Walk::leave`]; a container is told by its parts first and then as a leaf.
pub trait Walk<'p> {
    /// A value begins. `false`: nothing in it is wanted; neither tell it nor leave it.
    fn enter(&mut self, at: At<'p>) -> bool;
    /// The value that was entered, or the payload itself.
    fn leaf(&mut self, leaf: Leaf<'p>);
    /// The value that was entered ends.
    fn leave(&mut self);
}

/// Why a payload is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not in the format: from this byte on.
    Malformed(usize),
    /// Nested deeper than [`DEEPEST`].
    TooDeep,
    /// Not UTF-8.
    NotText,
}

impl<'p> Text<'p> {
    /// The text without escapes. A half of a surrogate pair becomes U+FFFD.
    #[must_use]
    pub fn plain(self) -> Cow<'p, str> {
        match self {
            Self::Plain(text) => Cow::Borrowed(text),
            Self::Escaped(text) => Cow::Owned(unescape(text)),
        }
    }

    /// Whether it is this text.
    #[must_use]
    pub fn is(self, other: &str) -> bool {
        match self {
            Self::Plain(text) => text == other,
            Self::Escaped(text) => unescape(text) == other,
        }
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        plain.push(match rest.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => unit(&mut rest),
            Some(other) => other,
            None => char::REPLACEMENT_CHARACTER,
        });
    }
    plain
}

/// A character of one or two `\uXXXX`.
fn unit(rest: &mut std::str::Chars<'_>) -> char {
    let first = four(rest);
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = rest.clone();
    if ahead.next() == Some('\\') && ahead.next() == Some('u') {
        let second = four(&mut ahead);
        if (0xdc00..0xe000).contains(&second) {
            *rest = ahead;
            let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
    }
    char::REPLACEMENT_CHARACTER
}

fn four(rest: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |value, _| value * 16 + rest.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_mean_what_json_says() {
        let text = |text| Text::Escaped(text).plain().into_owned();
        assert_eq!(text(r#"a\n\t\"\\\/\u00e9\ud83d\ude00"#), "a\n\t\"\\/é😀");
        assert_eq!(text(r"\ud83dx\udc00"), "\u{fffd}x\u{fffd}");
        assert_eq!(text(r"\ud83d\u0041"), "\u{fffd}A");
        assert!(Text::Escaped(r"\u0061").is("a") && Text::Plain("a").is("a"));
    }
}
