//! How long it takes from the start of the process to its first page.
//!
//! Never waits for the cloud: the page is there before the first sign-in.

use hangup::clock;
use tokio::runtime::Runtime;

use super::Outcome;
use super::exporter::Site;
use super::table::Figure;

const RUNS: usize = 20;

/// From the start of the process to the first 200 on `/metrics`.
pub(crate) fn to_first_page(runtime: &Runtime) -> Outcome<Vec<Figure>> {
    let site = Site::start(runtime)?;
    let mut values = Vec::new();
    for _ in 0..RUNS {
        let begin = clock::now().at;
        let exporter = site.exporter()?;
        exporter.first_page()?;
        values.push(clock::now().at.saturating_since(begin).as_secs_f64() * 1000.0);
    }
    Ok(vec![Figure {
        what: "start to the first 200 on /metrics".to_owned(),
        values,
        unit: "ms",
        at_most: Some(20.0),
        remark: String::new(),
    }])
}
