//! JSON, told value by value as it is read.
//!
//! Pure. Never builds a tree, never allocates, never goes deeper than [`DEEPEST`], and takes a number as the text that it is.

use super::walk::{At, DEEPEST, Leaf, Text, Unreadable, Walk};

/// Tells a payload. Null bytes and blanks at its end are passed over, as devices in C send them; `NaN` and `Infinity` are
/// numbers here, so that one of them does not cost the other fields.
///
/// # Errors
/// Why it is not JSON; what was told before stands in it all the same.
pub(super) fn read<'p>(payload: &'p [u8], walk: &mut impl Walk<'p>) -> Result<(), Unreadable> {
    let text = std::str::from_utf8(payload).map_err(|_| Unreadable::NotText)?;
    let text = text.trim_end_matches('\0');
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: 0 };
    scanner.blank();
    scanner.value(walk, true, 0)?;
    scanner.blank();
    if scanner.at == scanner.bytes.len() { Ok(()) } else { Err(scanner.wrong()) }
}

struct Scanner<'p> {
    text: &'p str,
    bytes: &'p [u8],
    at: usize,
}

impl<'p> Scanner<'p> {
    const fn wrong(&self) -> Unreadable {
        Unreadable::Malformed(self.at)
    }

    #[inline]
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let is = self.peek() == byte;
        self.at += usize::from(is);
        is
    }

    fn value(&mut self, walk: &mut impl Walk<'p>, wanted: bool, depth: usize) -> Result<(), Unreadable> {
        let leaf = match self.peek() {
            b'"' => Leaf::Text(self.string()?),
            b'{' => Leaf::Object(self.object(walk, wanted, depth + 1)?),
            b'[' => Leaf::List(self.list(walk, wanted, depth + 1)?),
            b't' => self.word("true", Leaf::Bool(true))?,
            b'f' => self.word("false", Leaf::Bool(false))?,
            b'n' => self.word("null", Leaf::Null)?,
            b'N' => self.word("NaN", Leaf::Number(f64::NAN))?,
            b'I' => self.word("Infinity", Leaf::Number(f64::INFINITY))?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(self.wrong()),
        };
        if wanted {
            walk.leaf(leaf);
        }
        Ok(())
    }

    fn word(&mut self, word: &str, leaf: Leaf<'p>) -> Result<Leaf<'p>, Unreadable> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(leaf)
    }

    fn number(&mut self) -> Result<Leaf<'p>, Unreadable> {
        let start = self.at;
        let negative = self.take(b'-');
        if negative && self.peek() == b'I' {
            return self.word("Infinity", Leaf::Number(f64::NEG_INFINITY));
        }
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        self.text.get(start..self.at).map(Leaf::Digits).ok_or_else(|| self.wrong())
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.wrong()) }
    }

    #[inline]
    fn string(&mut self) -> Result<Text<'p>, Unreadable> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            let Some(byte) = self.bytes.get(self.at) else { return Err(self.wrong()) };
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                0..0x20 => return Err(self.wrong()),
                _ => self.at += 1,
            }
        }
        let text = self.text.get(start..self.at).ok_or_else(|| self.wrong())?;
        self.at += 1;
        Ok(if escaped { Text::Escaped(text) } else { Text::Plain(text) })
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), Unreadable> {
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_ascii_hexdigit() {
                        return Err(self.wrong());
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.wrong()),
        }
        Ok(())
    }

    fn object(&mut self, walk: &mut impl Walk<'p>, wanted: bool, depth: usize) -> Result<u32, Unreadable> {
        if depth > DEEPEST {
            return Err(Unreadable::TooDeep);
        }
        self.at += 1;
        self.blank();
        if self.take(b'}') {
            return Ok(0);
        }
        let mut count = 0;
        loop {
            if self.peek() != b'"' {
                return Err(self.wrong());
            }
            let key = self.string()?;
            self.blank();
            if !self.take(b':') {
                return Err(self.wrong());
            }
            self.blank();
            self.part(walk, wanted, At::Key(key, count), depth)?;
            count += 1;
            self.blank();
            if self.take(b',') {
                self.blank();
            } else if self.take(b'}') {
                return Ok(count);
            } else {
                return Err(self.wrong());
            }
        }
    }

    fn list(&mut self, walk: &mut impl Walk<'p>, wanted: bool, depth: usize) -> Result<u32, Unreadable> {
        if depth > DEEPEST {
            return Err(Unreadable::TooDeep);
        }
        self.at += 1;
        self.blank();
        if self.take(b']') {
            return Ok(0);
        }
        let mut count = 0;
        loop {
            self.part(walk, wanted, At::Index(count), depth)?;
            count += 1;
            self.blank();
            if self.take(b',') {
                self.blank();
            } else if self.take(b']') {
                return Ok(count);
            } else {
                return Err(self.wrong());
            }
        }
    }

    #[inline]
    fn part(
        &mut self,
        walk: &mut impl Walk<'p>,
        wanted: bool,
        at: At<'p>,
        depth: usize,
    ) -> Result<(), Unreadable> {
        let wanted = wanted && walk.enter(at);
        self.value(walk, wanted, depth)?;
        if wanted {
            walk.leave();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Writes down what it is told.
    #[derive(Default)]
    struct Tape(String, bool);

    impl<'p> Walk<'p> for Tape {
        fn enter(&mut self, at: At<'p>) -> bool {
            let enters = !(self.1 && at == At::Key(Text::Plain("skip"), 0));
            if enters {
                let _ = match at {
                    At::Key(key, number) => write!(self.0, "{}#{number}(", key.plain()),
                    At::Index(index) => write!(self.0, "{index}("),
                };
            }
            enters
        }
        fn leaf(&mut self, leaf: Leaf<'p>) {
            let _ = if let Leaf::Digits(digits) = leaf {
                write!(self.0, "{digits}")
            } else if let Leaf::Text(text) = leaf {
                write!(self.0, "'{}'", text.plain())
            } else {
                write!(self.0, "{leaf:?}")
            };
        }
        fn leave(&mut self) {
            self.0.push(')');
        }
    }

    fn told(text: &str) -> Result<String, Unreadable> {
        let mut tape = Tape(String::new(), true);
        read(text.as_bytes(), &mut tape).map(|()| tape.0)
    }

    #[test]
    fn values_are_told_in_their_order() {
        let text = " { \"a\" : [1, -2.5e+3 ,true] , \"b\\n\":{\"c\":null} }\r\n\0\0";
        assert_eq!(
            told(text).as_deref(),
            Ok("a#0(0(1)1(-2.5e+3)2(Bool(true))List(3))b\n#1(c#0(Null)Object(1))Object(2)")
        );
        assert_eq!(told("\"x\"").as_deref(), Ok("'x'"));
        assert_eq!(told("[NaN,-Infinity]").as_deref(), Ok("0(Number(NaN))1(Number(-inf))List(2)"));
        assert_eq!(told("{\"skip\":{\"a\":[1]},\"b\":2}").as_deref(), Ok("b#1(2)Object(2)"));
    }

    #[test]
    fn what_is_not_json_is_refused_whether_wanted_or_not() {
        for text in [
            "",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "-",
            "tru",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "1 2",
            "{\"a\" 1}",
            "[1 2]",
            "{\"skip\":[1,]}",
            "nul",
            "{\"a\":}",
            "{\"skip\":\"\\x\"}",
        ] {
            assert!(matches!(told(text), Err(Unreadable::Malformed(_))), "{text}: {:?}", told(text));
        }
        assert_eq!(read(b"\"\xff\"", &mut Tape::default()), Err(Unreadable::NotText));
    }

    #[test]
    fn depth_is_limited_whether_wanted_or_not() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(told(&nested(DEEPEST)).is_ok());
        assert_eq!(told(&nested(DEEPEST + 1)), Err(Unreadable::TooDeep));
        assert_eq!(told(&format!("{{\"skip\":{}}}", nested(100_000))), Err(Unreadable::TooDeep));
        assert_eq!(told(&"{\"a\":".repeat(100_000)), Err(Unreadable::TooDeep));
    }

    #[test]
    fn it_takes_what_another_reader_takes_and_nothing_else() {
        // Everything but our own lenience: NaN, Infinity, null bytes.
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "1",
            "-0",
            "0.5e1",
            "true",
            "null",
            "\"\\u00e9\"",
            " ",
            "\"",
            "-",
        ];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200_000 {
            let text: String =
                (0..random.usize(1..9)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            assert_eq!(read(text.as_bytes(), &mut Tape::default()).is_ok(), theirs, "{text}");
        }
    }
}
