//! The store over given clocks: freshness, limits, and what a page holds.

use super::super::Kind;
use super::*;
use crate::telemetry::Metrics;

const POWER: Quantity = Quantity::fixed("test_power_watts", Kind::Gauge, "Power.");
const WATER: Quantity = Quantity::fixed("test_water_litres_total", Kind::Counter, "Water.");

fn at(seconds: u64) -> Instant {
    Instant::from_boot(Duration::from_secs(1_000 + seconds))
}

fn store(limit: usize) -> (Metrics, Store) {
    let metrics = Metrics::new();
    let store = Store::new(limit, metrics.exporter());
    (metrics, store)
}

fn reading<'a>(quantity: &'a Quantity, device: &'a str, value: f64) -> Reading<'a> {
    Reading { quantity, device, labels: &[], value, lifetime: Duration::from_secs(180) }
}

fn page(store: &Store, now: Instant) -> String {
    let mut out = Vec::new();
    let mut readings = store.readings(Format::Text, now);
    while readings.write(&mut out, usize::MAX) {}
    String::from_utf8(out).unwrap()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
fn rejected(metrics: &Metrics) -> u64 {
    let families = metrics.registry().gather();
    let family = families.iter().find(|family| family.name() == "hangup_rejected_series_total").unwrap();
    family.get_metric()[0].get_counter().get_value() as u64
}

#[test]
fn a_page_is_sorted_and_says_what_each_family_is() {
    let (_, store) = store(10);
    let feed = store.feed("home");
    for device in ["b", "a"] {
        store.put(&feed, &reading(&WATER, device, 7.0), at(0));
        store.put(&feed, &reading(&POWER, device, 1.5), at(0));
    }
    assert_eq!(
        page(&store, at(1)),
        "# HELP test_power_watts Power.\n# TYPE test_power_watts gauge\n\
         test_power_watts{device=\"a\"} 1.5\ntest_power_watts{device=\"b\"} 1.5\n\
         # HELP test_water_litres_total Water.\n# TYPE test_water_litres_total counter\n\
         test_water_litres_total{device=\"a\"} 7\ntest_water_litres_total{device=\"b\"} 7\n"
    );
}

#[test]
fn a_silent_device_leaves_the_page_and_comes_back() {
    let (_, store) = store(10);
    let feed = store.feed("home");
    store.put(&feed, &reading(&POWER, "a", 1.0), at(0));
    assert!(page(&store, at(179)).contains("} 1\n"));
    assert_eq!(page(&store, at(180)), "");
    store.put(&feed, &reading(&POWER, "a", 2.0), at(200));
    assert!(page(&store, at(201)).contains("} 2\n"));
}

#[test]
fn readings_of_a_lost_connection_leave_after_the_grace_period() {
    let (_, store) = store(10);
    let feed = store.feed("home");
    feed.set_grace(Duration::from_secs(60));
    store.put(&feed, &reading(&POWER, "a", 1.0), at(0));
    feed.down(at(10));
    feed.down(at(50));
    assert!(page(&store, at(69)).contains("} 1\n"));
    assert_eq!(page(&store, at(70)), "");
    feed.up();
    assert!(page(&store, at(71)).contains("} 1\n"));
}

#[test]
fn a_connection_may_have_a_grace_of_its_own_which_begins_at_its_last_sign_of_life() {
    let (_, store) = store(10);
    let (brief, usual) = (store.feed("brief"), store.feed("usual"));
    brief.set_grace(Duration::from_secs(3));
    usual.set_grace(Duration::from_secs(60));
    store.put(&brief, &reading(&POWER, "brief", 1.0), at(0));
    store.put(&usual, &reading(&POWER, "usual", 2.0), at(0));
    // Noticed at 20: it has been away for longer than its grace already.
    brief.down(at(10));
    usual.down(at(10));
    let shown = page(&store, at(20));
    assert!(!shown.contains("brief") && shown.contains("usual"), "{shown}");
    brief.up();
    assert!(page(&store, at(20)).contains("brief"));
}

#[test]
fn a_forgotten_connection_leaves_at_once_and_a_new_one_takes_its_series() {
    let (metrics, store) = store(10);
    let old = store.feed("home");
    store.put(&old, &reading(&POWER, "a", 1.0), at(0));
    store.forget_feed("home");
    assert_eq!(page(&store, at(1)), "");
    let new = store.feed("home");
    store.put(&new, &reading(&POWER, "a", 2.0), at(2));
    assert!(page(&store, at(3)).contains("} 2\n"));
    assert_eq!((store.len(), rejected(&metrics)), (1, 0));
}

#[test]
fn a_connection_that_comes_back_otherwise_has_its_new_help_and_type_at_once() {
    let (metrics, store) = store(10);
    for (seconds, kind, help) in
        [(0, Kind::Gauge, "Power."), (1, Kind::Gauge, "Other."), (2, Kind::Counter, "Count.")]
    {
        let feed = store.feed("home");
        let quantity = Quantity { name: "test_total".into(), help: help.into(), kind };
        store.put(&feed, &reading(&quantity, "a", 1.0), at(seconds));
        let page = page(&store, at(seconds));
        assert!(page.contains(&format!("# HELP test_total {help}\n")) && page.contains("} 1\n"), "{page}");
        store.forget_feed("home");
    }
    assert_eq!(rejected(&metrics), 0);
}

#[test]
fn the_limit_counts_series_and_what_it_refused() {
    let (metrics, store) = store(2);
    let feed = store.feed("home");
    for device in ["a", "b", "c", "c"] {
        store.put(&feed, &reading(&POWER, device, 1.0), at(0));
    }
    store.put(&feed, &reading(&POWER, "a", 5.0), at(1));
    assert!(page(&store, at(2)).contains("{device=\"a\"} 5\n"));
    assert_eq!((store.len(), rejected(&metrics)), (2, 2));
    let why = store.series(&feed, &POWER, Part::Value, "c", &[], at(2)).err();
    assert_eq!(why, Some(Refused::Limit));
}

#[test]
fn dead_series_make_room_and_an_old_handle_says_so() {
    let (_, store) = store(1);
    let feed = store.feed("home");
    let series = store.series(&feed, &POWER, Part::Value, "a", &[], at(0)).unwrap();
    assert!(series.set(1.0, Duration::from_secs(180), at(0)));
    let much_later = at(180 + 3_600);
    store.put(&feed, &reading(&POWER, "b", 2.0), much_later);
    assert!(page(&store, much_later).contains("{device=\"b\"} 2\n"));
    assert!(!series.set(3.0, Duration::from_secs(180), much_later));
    assert_eq!(store.len(), 1);
}

#[test]
fn one_series_has_one_connection_while_it_is_fresh() {
    let (metrics, store) = store(10);
    let (first, second) = (store.feed("first"), store.feed("second"));
    store.put(&first, &reading(&POWER, "a", 1.0), at(0));
    store.put(&second, &reading(&POWER, "a", 2.0), at(1));
    assert!(page(&store, at(2)).contains("} 1\n"));
    assert_eq!(rejected(&metrics), 1);
    let why = store.series(&second, &POWER, Part::Value, "a", &[], at(2)).err();
    assert_eq!(why, Some(Refused::Taken));
    store.put(&second, &reading(&POWER, "a", 2.0), at(181));
    assert!(page(&store, at(182)).contains("} 2\n"));
    assert_eq!(store.len(), 1);
}

#[test]
fn a_name_has_one_type() {
    let (metrics, store) = store(10);
    let feed = store.feed("home");
    let other = Quantity::fixed("test_power_watts", Kind::Counter, "Something else.");
    store.put(&feed, &reading(&POWER, "a", 1.0), at(0));
    store.put(&feed, &reading(&other, "b", 1.0), at(0));
    assert_eq!((store.len(), rejected(&metrics)), (1, 1));
    let why = store.series(&feed, &other, Part::Value, "b", &[], at(1)).err();
    assert_eq!(why, Some(Refused::Name));
}

#[test]
fn ingest_and_scrape_go_on_at_the_same_time() {
    let (_, store) = store(5_000);
    let store = Arc::new(store);
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let feed = store.feed("home");
                for number in 0..2_000 {
                    let device = format!("{writer}-{}", number % 500);
                    store.put(&feed, &reading(&POWER, &device, f64::from(number)), at(0));
                }
            })
        })
        .collect();
    let mut most = 0;
    while !writers.iter().all(std::thread::JoinHandle::is_finished) {
        most = most.max(page(&store, at(1)).lines().count());
    }
    for writer in writers {
        writer.join().unwrap();
    }
    assert!(most <= 1_002);
    assert_eq!(page(&store, at(1)).lines().count(), 1_002);
}
