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
        // Fails only if the names are taken, and the registry is new.
        let _ = registry.register(Box::new(linux::Process::new()));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = registry;
}

#[cfg(target_os = "linux")]
mod linux {
    use prometheus::core::{Collector, Desc};
    use prometheus::process_collector::ProcessCollector;
    use prometheus::proto::{Counter, MetricFamily};
    use rustix::time::{ClockId, clock_gettime};

    /// The collector of the prometheus crate with processor time as it is: it counts whole seconds, and this process needs one
    /// in an hour.
    pub(super) struct Process(ProcessCollector);

    impl Process {
        pub(super) fn new() -> Self {
            Self(ProcessCollector::for_self())
        }
    }

    impl Collector for Process {
        fn desc(&self) -> Vec<&Desc> {
            self.0.desc()
        }

        fn collect(&self) -> Vec<MetricFamily> {
            let mut families = self.0.collect();
            let processor = families.iter_mut().filter(|family| family.name() == "process_cpu_seconds_total");
            for metric in processor.flat_map(MetricFamily::mut_metric) {
                let mut counter = Counter::default();
                counter.set_value(processor_seconds());
                metric.set_counter(counter);
            }
            families
        }
    }

    /// User and system time of all threads, those that ended included.
    #[expect(
        clippy::cast_precision_loss,
        reason = "nanoseconds of a process stay far below 2^53 of them a second"
    )]
    fn processor_seconds() -> f64 {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn processor_time_is_told_in_parts_of_a_second() {
            let families = Process::new().collect();
            let told = families.iter().find(|family| family.name() == "process_cpu_seconds_total").unwrap();
            let told = told.get_metric()[0].get_counter().get_value();
            let now = processor_seconds();
            assert!(told > 0.0 && told <= now && told.fract() > 0.0, "{told} of {now}");
        }
    }
}
