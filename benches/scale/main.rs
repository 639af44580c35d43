//! What many series and many connections cost: pages and memory in this process, connections in the real program.
//!
//! Never measures a debug build, and never asks another machine: brokers are started here.
//!
//! ```console
//! $ cargo bench --bench scale                        # all: about four minutes
//! $ cargo bench --bench scale -- page                # pages of 1,000, 10,000 and 100,000 series, and what a series takes
//! $ cargo bench --bench scale -- connections 2000    # so many connections to a Mosquitto of its own
//! ```

mod connections;
mod page;
#[path = "../figures/table.rs"]
mod table;

use std::error::Error;
use std::process::ExitCode;

/// What a measurement gives, or why it could not be made.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Connections, where the command line names no other number.
const CONNECTIONS: usize = 2_000;

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            table::say(format_args!("scale: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether every target was met.
fn measure() -> Outcome<bool> {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if cfg!(debug_assertions) {
        return Err("a debug build tells nothing about figures: run this by `cargo bench`".into());
    }
    let number = words.iter().find_map(|word| word.parse().ok()).unwrap_or(CONNECTIONS);
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    table::heading();
    let mut figures = Vec::new();
    if wanted("page") {
        figures.extend(page::pages());
    }
    if wanted("connections") {
        figures.extend(connections::connections(number)?);
    }
    let mut met = true;
    for figure in figures {
        met &= figure.met();
        table::say(format_args!("{figure}"));
    }
    Ok(met)
}
