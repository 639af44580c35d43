//! Payloads that are no JSON: one text, or one line of values.
//!
//! Pure. Never guesses more than where a value ends.

use super::walk::{At, Leaf, Text, Unreadable, Walk};

/// Tells a payload as one text, without blanks around it and without the quotes of a JSON string.
pub(super) fn text<'p>(payload: &'p [u8], walk: &mut impl Walk<'p>) -> Result<(), Unreadable> {
    let text = std::str::from_utf8(payload).map_err(|_| Unreadable::NotText)?;
    let text = bare(text);
    if text.starts_with('"') && super::json::read(text.as_bytes(), walk).is_ok() {
        return Ok(());
    }
    walk.leaf(Leaf::Text(Text::Plain(text)));
    Ok(())
}

/// Tells the values of the first line, between commas, semicolons, tabs or blanks: the first kind that is there.
pub(super) fn csv<'p>(payload: &'p [u8], walk: &mut impl Walk<'p>) -> Result<(), Unreadable> {
    let text = std::str::from_utf8(payload).map_err(|_| Unreadable::NotText)?;
    let line = bare(text).lines().next().unwrap_or_default();
    let between = [';', ',', '\t', ' '].into_iter().find(|mark| line.contains(*mark)).unwrap_or(',');
    let mut count = 0;
    for value in line.split(between).filter(|value| between != ' ' || !value.is_empty()) {
        if walk.enter(At::Index(count)) {
            let value = value.trim();
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            walk.leaf(if unquoted.is_empty() { Leaf::Null } else { Leaf::Text(Text::Plain(unquoted)) });
            walk.leave();
        }
        count += 1;
    }
    walk.leaf(Leaf::List(count));
    Ok(())
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Tape(Vec<String>);

    impl<'p> Walk<'p> for Tape {
        fn enter(&mut self, _: At<'p>) -> bool {
            true
        }
        fn leaf(&mut self, leaf: Leaf<'p>) {
            self.0.push(if let Leaf::Text(text) = leaf {
                text.plain().into_owned()
            } else {
                format!("{leaf:?}")
            });
        }
        fn leave(&mut self) {}
    }

    #[test]
    fn a_text_is_told_without_what_surrounds_it() {
        for (payload, expected) in
            [("21.5\r\n\0", "21.5"), ("\"on\"", "on"), ("\"a\\nb\"", "a\nb"), ("\"half", "\"half"), ("", "")]
        {
            let mut tape = Tape::default();
            assert_eq!(text(payload.as_bytes(), &mut tape), Ok(()));
            assert_eq!(tape.0, [expected]);
        }
        assert_eq!(text(b"\xff", &mut Tape::default()), Err(Unreadable::NotText));
    }

    #[test]
    fn a_line_of_values_is_split_by_what_it_is_split_by() {
        for payload in ["1,x,3", "1;x;3", "1\tx\t3", "1  x 3", "1, \"x\" ,3\n9,9,9"] {
            let mut tape = Tape::default();
            assert_eq!(csv(payload.as_bytes(), &mut tape), Ok(()));
            assert_eq!(tape.0, ["1", "x", "3", "List(3)"], "{payload}");
        }
        let mut tape = Tape::default();
        assert_eq!(csv(b"1,,3", &mut tape), Ok(()));
        assert_eq!(tape.0, ["1", "Null", "3", "List(3)"]);
    }
}
