//! What an exporter costs that has nothing to do but its work: one account, two heaters, default intervals.
//!
//! Never counts the start: the processor is measured from the moment on when everything is connected.

use std::thread;
use std::time::Duration;

use hangup::clock;
use tokio::runtime::Runtime;

use super::Outcome;
use super::exporter::{Exporter, Site};
use super::table::Figure;

/// Exporters measured at once, each with a cloud of its own, for each way of scraping.
const RUNS: usize = 3;
/// The time between two scrapes that Prometheus installations like.
const SCRAPE: Duration = Duration::from_secs(15);
/// Scrapes' worth of time to settle after the connect, and to measure. Two minutes hold every timer but the half-hourly.
const SETTLE: u32 = 1;
const MEASURE: u32 = 8;

/// What one exporter used.
struct Used {
    resident: f64,
    peak: f64,
    /// Percent of one core.
    processor: f64,
}

/// Memory after two minutes of work, and the processor's share during them.
pub(crate) fn memory_and_cpu(runtime: &Runtime) -> Outcome<Vec<Figure>> {
    let scraped = (0..RUNS).map(|_| true);
    let alone = (0..RUNS).map(|_| false);
    let (with, without) = thread::scope(|scope| {
        let start = |scrapes: bool| scope.spawn(move || observe(runtime, scrapes));
        let with: Vec<_> = scraped.map(start).collect();
        let without: Vec<_> = alone.map(start).collect();
        let join = |runs: Vec<thread::ScopedJoinHandle<'_, Outcome<Used>>>| -> Outcome<Vec<Used>> {
            runs.into_iter().map(|run| run.join().map_err(|_| "a run panicked")?).collect()
        };
        (join(with), join(without))
    });
    let (with, without) = (with?, without?);
    let figure = |what: &str, used: &[Used], value: fn(&Used) -> f64, unit, at_most| Figure {
        what: what.to_owned(),
        values: used.iter().map(value).collect(),
        unit,
        at_most,
        remark: String::new(),
    };
    Ok(vec![
        figure("resident memory, two heaters, scraped", &with, |used| used.resident, "MiB", Some(12.0)),
        figure("peak of resident memory", &with, |used| used.peak, "MiB", None),
        figure("processor, scraped every 15 s", &with, |used| used.processor, "% of a core", Some(0.1)),
        figure("processor, not scraped", &without, |used| used.processor, "% of a core", Some(0.1)),
    ])
}

fn observe(runtime: &Runtime, scrapes: bool) -> Outcome<Used> {
    let site = Site::start(runtime)?;
    let exporter = site.connected_exporter()?;
    pass(&exporter, SETTLE, scrapes)?;
    let (begin, before) = (clock::now().at, exporter.processor_time()?);
    pass(&exporter, MEASURE, scrapes)?;
    let used = exporter.processor_time()?.saturating_sub(before);
    let lasted = clock::now().at.saturating_since(begin);
    Ok(Used {
        resident: exporter.memory("VmRSS")?,
        peak: exporter.memory("VmHWM")?,
        processor: used.as_secs_f64() / lasted.as_secs_f64() * 100.0,
    })
}

/// Lets time pass, with a scrape at the end of each interval or without.
fn pass(exporter: &Exporter, intervals: u32, scrapes: bool) -> Outcome<()> {
    for _ in 0..intervals {
        // The measurement is of what happens in this time.
        thread::sleep(SCRAPE);
        if scrapes {
            exporter.scrape()?;
        }
    }
    Ok(())
}
