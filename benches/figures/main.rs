//! The figures that the README states: starts the real program against a simulated cloud and measures it from outside.
//!
//! Never measures a debug build and never looks inside the process: pages over HTTP, the rest from /proc.
//!
//! ```console
//! $ cargo bench --bench figures                 # all but `kicks`: about six minutes
//! $ cargo bench --bench figures -- start path   # some
//! $ cargo bench --bench figures -- kicks        # ten minutes
//! ```
//!
//! Ends with an exit code other than 0 when a median misses its target.

mod exporter;
mod faults;
mod page;
mod start;
mod steady;
mod table;

use std::error::Error;
use std::process::ExitCode;

use tokio::runtime::Runtime;

use table::Figure;

/// What a measurement gives, or why it could not be made.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// One measurement: its name on the command line, whether it runs without being named, and how.
struct Measurement {
    name: &'static str,
    by_default: bool,
    run: fn(&Runtime) -> Outcome<Vec<Figure>>,
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement { name: "start", by_default: true, run: start::to_first_page },
    Measurement { name: "steady", by_default: true, run: steady::memory_and_cpu },
    Measurement { name: "frozen", by_default: true, run: faults::frozen_broker },
    Measurement { name: "path", by_default: true, run: faults::dead_path },
    Measurement { name: "outage", by_default: true, run: faults::outage },
    Measurement { name: "kicks", by_default: false, run: faults::kicks },
];

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            table::say(format_args!("figures: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether every target was met.
fn measure() -> Outcome<bool> {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(unknown) = wanted.iter().find(|name| !MEASUREMENTS.iter().any(|known| known.name == **name)) {
        let known: Vec<_> = MEASUREMENTS.iter().map(|known| known.name).collect();
        return Err(format!("there is no figure `{unknown}`; there are: {}", known.join(", ")).into());
    }
    if cfg!(debug_assertions) {
        return Err("a debug build tells nothing about figures: run this by `cargo bench`".into());
    }
    let runtime = Runtime::new()?;
    table::heading();
    let mut met = true;
    for measurement in MEASUREMENTS {
        let named = wanted.iter().any(|name| name == measurement.name);
        if !(named || wanted.is_empty() && measurement.by_default) {
            continue;
        }
        for figure in (measurement.run)(&runtime)? {
            met &= figure.met();
            table::say(format_args!("{figure}"));
        }
    }
    Ok(met)
}
