//! Arithmetic of values: `x * 1.8 + 32`, `max(x, 0)`, `(x > 5) * 100`.
//!
//! Pure. Never loops, never remembers, never fails: what is undefined is not a number.

use std::fmt;

use exmex::{BinOp, Express as _, FlatEx, MakeOperators, Operator};

/// Longest expression in characters: what bounds its work.
const LONGEST: usize = 256;

/// The operators and functions that there are.
#[derive(Clone, Debug)]
struct Operators;

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}

impl MakeOperators<f64> for Operators {
    fn make<'a>() -> Vec<Operator<'a, f64>> {
        let binary =
            |repr, prio, apply| Operator::make_bin(repr, BinOp { apply, prio, is_commutative: false });
        vec![
            binary("<", 0, |a, b| truth(a < b)),
            binary(">", 0, |a, b| truth(a > b)),
            binary("<=", 0, |a, b| truth(a <= b)),
            binary(">=", 0, |a, b| truth(a >= b)),
            #[expect(clippy::float_cmp, reason = "whoever writes `==` means it")]
            binary("==", 0, |a, b| truth(a == b)),
            #[expect(clippy::float_cmp, reason = "whoever writes `!=` means it")]
            binary("!=", 0, |a, b| truth(a != b)),
            Operator::make_bin_unary(
                "+",
                BinOp { apply: |a, b| a + b, prio: 1, is_commutative: true },
                |a| a,
            ),
            Operator::make_bin_unary(
                "-",
                BinOp { apply: |a, b| a - b, prio: 1, is_commutative: false },
                |a: f64| -a,
            ),
            // One group, from left to right: `x * 7 % 4` is `(x * 7) % 4`.
            binary("*", 2, |a, b| a * b),
            binary("/", 2, |a, b| a / b),
            binary("%", 2, |a: f64, b| a % b),
            binary("^", 3, f64::powf),
            binary("min", 0, f64::min),
            binary("max", 0, f64::max),
            Operator::make_unary("abs", f64::abs),
            Operator::make_unary("floor", f64::floor),
            Operator::make_unary("ceil", f64::ceil),
            Operator::make_unary("round", f64::round),
            Operator::make_unary("sqrt", f64::sqrt),
            Operator::make_unary("exp", f64::exp),
            Operator::make_unary("ln", f64::ln),
            Operator::make_unary("log10", f64::log10),
        ]
    }
}

/// An expression over `x` and named inputs.
#[derive(Clone)]
pub struct Expression {
    compiled: FlatEx<f64, Operators>,
    /// For each variable, in the order of the compiled one: 0 is `x`, then the inputs.
    order: Vec<usize>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.compiled)
    }
}

impl Expression {
    /// Reads an expression that may use `x` and these inputs.
    ///
    /// # Errors
    /// What is wrong, with a right example.
    pub fn parse(text: &str, inputs: &[&str]) -> Result<Self, String> {
        const EXAMPLE: &str = "write for example `x * 1.8 + 32`";
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let compiled = FlatEx::<f64, Operators>::parse(text)
            .map_err(|error| format!("`{text}` is not an expression: {} ({EXAMPLE})", error.msg()))?;
        let place = |name: &String| {
            let names = std::iter::once("x").chain(inputs.iter().copied());
            names.into_iter().position(|known| known == name).ok_or_else(|| {
                format!("`{name}` is neither `x`, the value at `path`, nor one of `inputs` (write for example `inputs = {{ {name} = \"voltage\" }}`)")
            })
        };
        let order = compiled.var_names().iter().map(place).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { compiled, order })
    }

    /// Its value; `values` are `x` and then the inputs. Not a number where it is undefined.
    #[must_use]
    pub fn value(&self, values: &[f64]) -> f64 {
        let given = self.order.iter().map(|place| values.get(*place).copied().unwrap_or(f64::NAN));
        self.compiled.eval_iter(given).unwrap_or(f64::NAN)
    }
}
