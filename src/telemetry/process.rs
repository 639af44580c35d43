//! What the operating system says of this process: `process_*`.
//! Costs nothing between scrapes: `/proc` is read when the page is asked for.

use prometheus::Registry;

use super::catalogue::{Definition, Kind, Stage};

/// The metrics of the process, named and worded by the collector of the prometheus crate.
pub(super) const TABLE: &[Definition] = if cfg!(target_os = "linux") { LINUX } else { &[] };

const LINUX: &[Definition] = &[
    row("process_cpu_seconds_total", Kind::Counter, "Total user and system CPU time spent in seconds."),
    row("process_open_fds", Kind::Gauge, "Number of open file descriptors."),
    row("process_max_fds", Kind::Gauge, "Maximum number of open file descriptors."),
    row("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory size in bytes."),
    row("process_resident_memory_bytes", Kind::Gauge, "Resident memory size in bytes."),
    row("process_start_time_seconds", Kind::Gauge, "Start time of the process since unix epoch in seconds."),
    row("process_threads", Kind::Gauge, "Number of OS threads in the process."),
];

const fn row(name: &'static str, kind: Kind, help: &'static str) -> Definition {
    Definition { name, kind, labels: &[], help, stage: Stage::Stable, buckets: &[] }
}

/// Adds the metrics of this process to the registry, where the system has them.
pub(super) fn register(registry: &Registry) {
    #[cfg(target_os = "linux")]
    {
        let collector = prometheus::process_collector::ProcessCollector::for_self();
        // Fails only if the names are taken, and the registry is new.
        let _ = registry.register(Box::new(collector));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = registry;
}
