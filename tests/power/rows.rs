//! The rows of the tables in section 7 of drop-diagnosis.md: where, what counts as right, and how often it was.
//! Never our own figures.

use hangup::diagnosis::{Claim, EventKind, Pattern};

use super::worlds::{self, World};

/// Drops of the columns.
pub const DROPS: [usize; 9] = [3, 4, 5, 6, 8, 10, 15, 20, 30];
/// Fatal gaps of the columns.
pub const FATAL: [usize; 7] = [2, 3, 4, 5, 8, 10, 13];
/// Runs per cell of the reference.
pub const RUNS: usize = 1500;

/// What counts as right.
pub type Measure = fn(&[Claim]) -> bool;

/// A world and what is measured in it.
pub struct Subject {
    /// Where.
    pub world: World,
    /// What, with the probabilities of the reference; NaN where it states none.
    pub rows: Vec<Row>,
    /// Claims that would mislead.
    pub wrong: Measure,
}

/// One line of the table.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What counts.
    pub measure: Measure,
    /// The reference, by column.
    pub reference: &'static [f64],
}

/// Claims about age or clock, by label.
fn lifetime(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| matches!(claim.pattern, Pattern::Lifetime { .. }))
}

fn calendar(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| matches!(claim.pattern, Pattern::Calendar { .. }))
}

fn either(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| matches!(claim.pattern, Pattern::LifetimeOrCalendar { .. }))
}

fn messages(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| matches!(claim.pattern, Pattern::MessageLimit { .. }))
}

fn either_count(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| matches!(claim.pattern, Pattern::LifetimeOrCount { .. }))
}

fn command(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| matches!(claim.pattern, Pattern::AfterEvent { event: EventKind::Command, .. }))
}

fn idle(claims: &[Claim]) -> bool {
    claims.iter().any(|claim| matches!(claim.pattern, Pattern::IdleTimeout { .. }))
}

/// By number of drops.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn power() -> Vec<Subject> {
    vec![
        Subject {
            world: worlds::unlisted,
            rows: vec![Row {
                name: "lifetime 5000 s, 5 %",
                measure: lifetime,
                reference: &[0.98, 0.98, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            }],
            wrong: |claims| claims.iter().any(|claim| !matches!(claim.pattern, Pattern::Lifetime { .. })),
        },
        Subject {
            world: worlds::two_hours,
            rows: vec![
                Row {
                    name: "lifetime 2 h, 5 %: detected",
                    measure: |claims| lifetime(claims) || either(claims),
                    reference: &[0.98, 0.98, 0.99, 0.99, 0.99, 0.99, 0.99, 0.99, 0.99],
                },
                Row {
                    name: "… told from a clock",
                    measure: lifetime,
                    reference: &[0.19, 0.13, 0.21, 0.24, 0.41, 0.52, 0.81, 0.93, 0.99],
                },
            ],
            wrong: calendar,
        },
        Subject {
            world: worlds::two_hours_mixed,
            rows: vec![
                Row {
                    name: "lifetime 2 h, 5 %, 30 % random: detected",
                    measure: |claims| lifetime(claims) || either(claims),
                    reference: &[0.35, 0.29, 0.54, 0.64, 0.83, 0.95, 0.99, 1.0, 1.0],
                },
                Row {
                    name: "… told from a clock",
                    measure: lifetime,
                    reference: &[0.07, 0.04, 0.09, 0.16, 0.29, 0.42, 0.68, 0.82, 0.93],
                },
            ],
            wrong: calendar,
        },
        Subject {
            world: worlds::exact_day,
            rows: vec![Row {
                name: "lifetime 24 h, 1 s: told from a clock",
                measure: lifetime,
                reference: &[0.0, 0.35, 0.88, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            }],
            wrong: calendar,
        },
        Subject {
            world: worlds::day_mixed,
            rows: vec![
                Row {
                    name: "lifetime 24 h, 0.2 %, 30 % random: detected",
                    measure: |claims| lifetime(claims) || either(claims),
                    reference: &[0.61, 0.71, 0.85, 0.94, 0.97, 0.98, 0.99, 1.0, 1.0],
                },
                Row {
                    name: "… told from a clock",
                    measure: lifetime,
                    reference: &[0.0, 0.02, 0.12, 0.27, 0.52, 0.74, 0.91, 0.97, 1.0],
                },
            ],
            wrong: calendar,
        },
        Subject {
            world: worlds::daily,
            rows: vec![
                Row {
                    name: "daily at 04:00, 30 s: detected",
                    measure: |claims| calendar(claims) || either(claims),
                    reference: &[0.58, 0.97, 0.99, 0.99, 0.99, 0.99, 0.98, 0.99, 1.0],
                },
                Row {
                    name: "… told from a lifetime",
                    measure: calendar,
                    reference: &[0.0, 0.03, 0.05, 0.07, 0.17, 0.27, 0.60, 0.88, 0.99],
                },
            ],
            wrong: lifetime,
        },
        Subject {
            world: worlds::daily_mixed,
            rows: vec![
                Row {
                    name: "daily at 04:00 and random (5 d): detected",
                    measure: |claims| calendar(claims) || either(claims),
                    reference: &[0.37, 0.55, 0.57, 0.79, 0.92, 0.97, 1.0, 1.0, 1.0],
                },
                Row {
                    name: "… told from a lifetime",
                    measure: calendar,
                    reference: &[0.0, 0.01, 0.03, 0.04, 0.12, 0.23, 0.59, 0.79, 0.95],
                },
            ],
            wrong: lifetime,
        },
        Subject {
            world: worlds::messages_50,
            rows: vec![Row {
                name: "10,000 messages, rate varies 50 %",
                measure: messages,
                reference: &[0.99, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            }],
            wrong: lifetime,
        },
        Subject {
            world: worlds::messages_10,
            rows: vec![Row {
                name: "… 10 %",
                measure: messages,
                reference: &[0.76, 0.93, 0.91, 0.98, 1.0, 1.0, 1.0, 1.0, 1.0],
            }],
            wrong: lifetime,
        },
        Subject {
            world: worlds::messages_2,
            rows: vec![
                Row {
                    name: "… 2 %",
                    measure: messages,
                    reference: &[0.0, 0.05, 0.07, 0.12, 0.21, 0.32, 0.52, 0.70, 0.91],
                },
                Row {
                    name: "… 2 %: this or lifetime or count",
                    measure: |claims| messages(claims) || either_count(claims),
                    reference: &[N; 9],
                },
            ],
            wrong: lifetime,
        },
        Subject {
            world: worlds::messages_mixed,
            rows: vec![Row {
                name: "… 50 %, 30 % random",
                measure: messages,
                reference: &[0.38, 0.28, 0.58, 0.67, 0.84, 0.97, 0.99, 1.0, 1.0],
            }],
            wrong: lifetime,
        },
        Subject {
            world: worlds::commands_half,
            rows: vec![Row {
                name: "a command kills with probability 0.5",
                measure: command,
                reference: &[0.42, 0.75, 0.89, 0.96, 0.99, 1.0, 1.0, 1.0, 1.0],
            }],
            wrong: |claims| claims.len() > usize::from(command(claims)),
        },
        Subject {
            world: worlds::commands_fifth,
            rows: vec![Row {
                name: "… with probability 0.2",
                measure: command,
                reference: &[0.17, 0.39, 0.58, 0.73, 0.91, 0.98, 1.0, 1.0, 1.0],
            }],
            wrong: |claims| claims.len() > usize::from(command(claims)),
        },
        Subject {
            world: worlds::memoryless,
            rows: vec![Row {
                name: "memoryless: no claim",
                measure: <[Claim]>::is_empty,
                reference: &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            }],
            wrong: |claims| !claims.is_empty(),
        },
    ]
}

const N: f64 = f64::NAN;

/// By number of fatal gaps.
pub fn idle_timeouts() -> Vec<Subject> {
    vec![
        idle_row(
            worlds::nat,
            "NAT 240 s, keep-alive 300 s, traffic 200 s",
            &[0.0, 0.04, 0.19, 0.41, 0.88, 0.99, 1.0],
        ),
        idle_row(worlds::nat_jitter, "… jitters 10 %", &[0.0, 0.04, 0.17, 0.44, 0.92, N, N]),
        idle_row(worlds::nat_mixed, "… and random drops every 6 h", &[0.0, 0.02, 0.18, 0.45, 0.90, N, N]),
        idle_row(worlds::nat_busy, "NAT 240 s, traffic 60 s", &[0.66, 0.98, 0.99, 1.0, 1.0, 1.0, 1.0]),
        idle_row(
            worlds::nat_cloud,
            "NAT 350 s, keep-alive 1200 s, traffic 300 s",
            &[0.0, 0.01, 0.09, 0.22, 0.79, 0.97, 0.99],
        ),
    ]
}

/// By number of fatal gaps, where none may be claimed: one look alone.
pub fn open_lines() -> Vec<Subject> {
    vec![
        idle_row(worlds::open_30m, "no NAT, drops every 30 min", &[0.01, 0.01, 0.01, 0.01, 0.0, N, N]),
        idle_row(worlds::open_2h, "no NAT, drops every 2 h", &[0.01, 0.01, 0.01, 0.01, 0.0, N, N]),
        idle_row(worlds::open_6h, "no NAT, drops every 6 h", &[0.01, 0.01, 0.01, 0.01, 0.0, N, N]),
        idle_row(worlds::equal_gaps, "all gaps equal", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    ]
}

/// Worlds without a pattern, and the share of whole histories of 50 drops in which something was claimed at any look: in the
/// specification, and at most.
pub const NULLS: &[(&str, World, f64, f64)] = &[
    ("memoryless, mean 2 h", worlds::memoryless, 0.008, 0.015),
    ("bursts (60 % 1 min, 40 % 6 h)", worlds::bursts, 0.009, 0.015),
    ("Weibull of shape 2", worlds::weibull, 0.029, 0.04),
    ("silences, drops every 30 min", worlds::open_30m, 0.024, 0.03),
    ("silences, drops every 2 h", worlds::open_2h, 0.024, 0.03),
    ("silences, drops every 6 h", worlds::open_6h, 0.024, 0.03),
    ("memoryless, with messages, commands, scrapes", worlds::memoryless_and_busy, N, 0.02),
];

fn idle_row(world: World, name: &'static str, reference: &'static [f64]) -> Subject {
    let rows = vec![Row { name, measure: idle, reference }];
    Subject { world, rows, wrong: |claims| claims.len() > usize::from(idle(claims)) }
}
