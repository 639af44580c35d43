//! The session lengths at which known things end connections (drop-diagnosis.md section 4.2), and whose they are. Pure.
//! Never a claim: that drops lie at a limit is a place to look at, and what may be claimed is for the tests.

/// A session length that is known from others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The length.
    pub seconds: f64,
    /// Who usually has it; empty where it is nobody in particular.
    pub owner: &'static str,
    /// What they do, as the beginning of a sentence that ends "at 24 h".
    pub habit: &'static str,
}

/// Many choose it, none is known for it.
const fn usual(seconds: f64) -> Limit {
    known(seconds, "", "operators often choose to close connections")
}

const fn known(seconds: f64, owner: &'static str, habit: &'static str) -> Limit {
    Limit { seconds, owner, habit }
}

/// All of them, the shortest first.
pub const LIMITS: [Limit; 17] = [
    known(60.0, "proxies, load balancers", "many proxies and load balancers close connections"),
    usual(90.0),
    usual(120.0),
    usual(180.0),
    known(240.0, "Azure load balancer", "Azure load balancers forget silent connections"),
    usual(300.0),
    known(
        350.0,
        "AWS NAT gateway, load balancer",
        "NAT gateways and network load balancers of AWS forget silent connections",
    ),
    known(600.0, "API gateways", "API gateways close silent connections"),
    usual(900.0),
    known(1_200.0, "", "AWS IoT allows no longer keep-alive than this, and closes silent sessions"),
    usual(1_800.0),
    known(3_600.0, "tokens", "tokens often lapse, and sessions with them,"),
    known(7_200.0, "API gateways", "API gateways close connections"),
    usual(14_400.0),
    usual(28_800.0),
    usual(43_200.0),
    known(86_400.0, "AWS IoT WebSockets", "AWS IoT closes WebSockets"),
];

/// The limit of the catalogue that this is.
#[must_use]
pub fn find(seconds: f64) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| (limit.seconds - seconds).abs() < 0.5)
}

/// Ages that fit a limit: AWS closes at the first message after it, so the longest silence allowed is added.
#[must_use]
pub fn window(limit: f64, silence: f64) -> (f64, f64) {
    let tolerance = f64::max(0.01 * limit, 5.0);
    (limit - tolerance, limit + tolerance + silence.clamp(0.0, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_the_one_of_the_specification() {
        assert!(LIMITS.is_sorted_by(|one, other| one.seconds < other.seconds));
        assert_eq!((find(86_400.2).unwrap().owner, find(5_000.0)), ("AWS IoT WebSockets", None));
    }

    #[test]
    fn a_window_begins_a_little_early_and_ends_after_the_longest_silence() {
        assert_eq!(window(86_400.0, 60.0), (85_536.0, 87_324.0));
        assert_eq!(window(60.0, 300.0), (55.0, 125.0), "a silence counts up to the limit");
    }
}
