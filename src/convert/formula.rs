//! Expressions of mqtt2prometheus in the language of ours.
//!
//! Pure. Never guesses: what has a memory, a clock or texts in it is refused with the reason.

/// Nested deeper than this, nothing is read.
const DEEPEST: usize = 32;

/// The same expression over `x`.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn convert(text: &str) -> Result<String, String> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
    let formula = reader.choice()?;
    if reader.at < reader.tokens.len() {
        return Err(format!("`{}` is not understood here", reader.peek()));
    }
    Ok(outer(&formula).to_owned())
}

/// Without the outermost parentheses, if they are one pair.
fn outer(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) else { return text };
    let mut depth = 1;
    for (at, c) in text.char_indices().skip(1) {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 && at + 1 < text.len() {
            return text;
        }
    }
    inner
}

const SIGNS: &[&str] = &[
    "**", "<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "%", "^", "<", ">", "!", "?", ":", "(",
    ")", ",",
];

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_ascii_alphanumeric() || first == '_' || first == '.';
        let length = if is_word {
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len())
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            sign.ok_or_else(|| format!("`{first}` is not a part of an arithmetic expression"))?.len()
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tokens.push(token.to_owned());
        rest = after.trim_start();
    }
    if tokens.is_empty() { Err("it is empty".to_owned()) } else { Ok(tokens) }
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

/// Operators by how strongly they bind.
const BINARY: &[&[&str]] = &[
    &["||", "or"],
    &["&&", "and"],
    &["==", "!=", "<", "<=", ">", ">="],
    &["+", "-"],
    &["*", "/", "%"],
    &["**", "^"],
];

/// Where products and powers stand among them.
const PRODUCT: usize = 4;
const POWER: usize = 5;

impl Reader {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.peek() == token {
            self.at += 1;
            Ok(())
        } else {
            Err(format!("a `{token}` is missing"))
        }
    }

    /// `a ? b : c`.
    fn choice(&mut self) -> Result<String, String> {
        self.deeper(|reader| {
            let condition = reader.binary(0)?;
            if reader.peek() != "?" {
                return Ok(condition);
            }
            reader.at += 1;
            let yes = reader.choice()?;
            reader.expect(":")?;
            let no = reader.choice()?;
            Ok(format!("(({condition} * {yes}) + ((1 - {condition}) * {no}))"))
        })
    }

    fn binary(&mut self, level: usize) -> Result<String, String> {
        let Some(operators) = BINARY.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while operators.contains(&self.peek()) {
            let operator = self.next();
            // Powers group to the right: `2 ** 3 ** 2` is `2 ** 9`.
            let right = if level == POWER {
                self.deeper(|reader| reader.binary(level))?
            } else {
                self.binary(level + 1)?
            };
            left = match operator.as_str() {
                // Truth is 0 or 1 in ours.
                "||" | "or" => format!("max({left}, {right})"),
                "&&" | "and" => format!("({left} * {right})"),
                "**" => format!("({left} ^ {right})"),
                operator => format!("({left} {operator} {right})"),
            };
        }
        Ok(left)
    }

    /// A sign binds less than a power, and more than a product: `-value ** 2` is `-(value ** 2)`. A `!` binds less than
    /// products.
    fn unary(&mut self) -> Result<String, String> {
        let (before, level) = match self.peek() {
            "-" => ("0 - ", POWER),
            "+" => ("", POWER),
            "!" | "not" => ("1 - ", PRODUCT),
            _ => return self.primary(),
        };
        self.at += 1;
        let of = self.deeper(|reader| reader.binary(level))?;
        Ok(if before.is_empty() { of } else { format!("({before}{of})") })
    }

    /// One level further down, if there are not too many already.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<String, String>) -> Result<String, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deep".to_owned());
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn primary(&mut self) -> Result<String, String> {
        let token = self.next();
        match token.as_str() {
            "(" => {
                let inner = self.choice()?;
                self.expect(")")?;
                Ok(inner)
            }
            "value" | "raw_value" => Ok("x".to_owned()),
            "true" => Ok("1".to_owned()),
            "false" => Ok("0".to_owned()),
            "float" => self.call(1).map(|inner| inner.join("")),
            "abs" | "floor" | "ceil" | "round" => {
                self.call(1).map(|inner| format!("{token}({})", inner.join("")))
            }
            "int" => self.call(1).map(|inner| {
                let inner = inner.join("");
                format!("((floor({inner}) * ({inner} >= 0)) + (ceil({inner}) * ({inner} < 0)))")
            }),
            "min" | "max" => self.call(2).map(|inner| format!("{token}({})", inner.join(", "))),
            "last_value" | "last_raw_value" | "last_result" => {
                Err(format!("`{token}` is a memory of the message before, which a rule does not have"))
            }
            "now" | "date" | "duration" => {
                Err(format!("`{token}` is a clock or a date, which an expression does not have"))
            }
            word if word.starts_with("elapsed") => {
                Err("`elapsed` is a memory of the message before, which a rule does not have".to_owned())
            }
            word if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                let number: f64 = word.parse().map_err(|_| format!("`{word}` is not a number"))?;
                if number.is_finite() {
                    Ok(number.to_string())
                } else {
                    Err(format!("`{word}` is not a number"))
                }
            }
            "" => Err("it ends too early".to_owned()),
            word => Err(format!("`{word}` has no counterpart")),
        }
    }

    /// The arguments of a function.
    fn call(&mut self, count: usize) -> Result<Vec<String>, String> {
        self.expect("(")?;
        let mut arguments = vec![self.choice()?];
        while self.peek() == "," {
            self.at += 1;
            arguments.push(self.choice()?);
        }
        self.expect(")")?;
        if arguments.len() == count {
            Ok(arguments)
        } else {
            Err(format!("a function has {count} arguments here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::expression::Expression;

    #[test]
    fn arithmetic_stays_what_it_was() {
        for (text, x, expected) in [
            ("value * 10", 4.0, 40.0),
            ("value - 2 - 1", 4.0, 1.0),
            ("(value - 32) / 1.8", 212.0, 100.0),
            ("value > 0 ? value * 2 : -1", 4.0, 8.0),
            ("value > 0 ? value * 2 : -1", -4.0, -1.0),
            ("value % 3 * 2", 5.0, 4.0),
            ("2 * value % 3", 5.0, 1.0),
            ("2 ** value", 3.0, 8.0),
            ("max(min(value, 10), 0)", 12.0, 10.0),
            ("float(raw_value) / 1e3", 1500.0, 1.5),
            ("round(value / 3)", 10.0, 3.0),
            ("int(value)", -2.5, -2.0),
            ("value >= 1 && value < 3 || value == 7", 7.0, 1.0),
            ("!(value > 1)", 1.0, 1.0),
            ("-value", 3.0, -3.0),
            ("-value ** 2", 3.0, -9.0),
            ("2 ** value ** 2", 3.0, 512.0),
            ("2 ** -value * 4", 1.0, 2.0),
            ("-value * 2 + 1", 3.0, -5.0),
            ("!value * 2", 0.5, 0.0),
            ("value * 7 % 4", 3.0, 1.0),
        ] {
            let converted = convert(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            let value = Expression::parse(&converted, &[]).unwrap().value(&[x]);
            assert!((value - expected).abs() < 1e-9, "{text} → {converted}: {value}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused_with_the_reason() {
        for (text, why) in [
            ("last_result + value * elapsed.Seconds()", "memory"),
            ("now().Unix()", "clock"),
            ("date(string(raw_value), \"H06\").Unix()", "not a part"),
            ("upper(value)", "`upper` has no counterpart"),
            ("value +", "ends too early"),
            ("(value", "a `)` is missing"),
            ("value value", "not understood"),
            ("", "empty"),
        ] {
            assert!(convert(text).unwrap_err().contains(why), "{text}: {:?}", convert(text));
        }
        for deep in ["(", "-", "!", "2 ** "] {
            assert!(convert(&deep.repeat(10_000)).unwrap_err().contains("too deep"), "{deep}");
        }
    }
}
