//! The status page as browsers get it: whole, guarded, and quick enough to be asked for again and again.
//! Never looks at one part alone: each has its own tests beside its code.

use std::time::{Duration, Instant};

use hangup::clock::now;
use hangup::connection::error::ErrorName;
use hangup::connection::{Failure, Phase};
use hangup::diagnosis::desk::look_now;
use hangup::diagnosis::gather::Settings;

use crate::weeks::{fleet, storm, weeks};
use crate::world::{World, fill};

#[tokio::test]
async fn the_status_page_tells_every_connections_story() {
    let world = World::start();
    fill(&world);
    let answer = world.get("/").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let page = answer.text();
    for said in [
        "1 of 5 connections online",
        "<noscript><meta http-equiv=\"refresh\"",
        "<script src=\"script.js\" defer",
        "connected after 1 attempt, 4 subscriptions active",
        "4 of 4 active",
        "<rect class=\"up\"",
        "<g class=\"drop\">",
        "13 sessions, 3 drops",
        "AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
        "renewed before its lifetime ran out",
        "the vendor refused the e-mail or the password",
        "correct them where they are configured",
        "nobody listens at the broker",
        "agreeing on TLS",
        "<a href=\"metrics\">",
        "<a href=\"-/ready\">",
        "<a href=\"api/v1/connections\">",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(page.contains(said), "{said} is not in {page}");
    }
    for hidden in ["192.0.2.7", "198.51.100.9", "style="] {
        assert!(!page.contains(hidden), "{hidden} is in {page}");
    }
}

#[tokio::test]
async fn the_status_page_can_hold_still() {
    let answer = World::start().get("/?refresh=off").await;
    assert!(!answer.text().contains("http-equiv"), "{}", answer.text());
    assert!(!answer.text().contains("<script"), "{}", answer.text());
    assert!(answer.text().contains("No connection is configured"));
}

#[tokio::test]
async fn what_a_peer_says_is_escaped() {
    let world = World::start();
    let hostile = "<script>alert('x')</script>&\"";
    let failure = Failure::new(Phase::Connack, ErrorName::ConnackRefused, hostile);
    world.life("home", Duration::from_secs(9)).fails(1, failure);
    world.life("away", Duration::from_secs(9999)).goes_online(1).drops(1, ErrorName::PingTimeout, hostile);
    let answer = world.get("/").await;
    assert_eq!(answer.text().matches("<script").count(), 1, "only our own: {}", answer.text());
    assert!(answer.text().contains("&lt;script&gt;alert("), "{}", answer.text());
}

#[tokio::test]
async fn the_style_sheet_is_ours_and_allowed() {
    let world = World::start();
    let (page, style) = (world.get("/").await, world.get("/style.css").await);
    assert!(page.text().contains("href=\"style.css\""));
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().contains("style-src 'self'"));
    assert!(!style.text().contains("http"), "nothing is loaded from elsewhere");
}

#[tokio::test]
async fn the_script_is_ours_and_may_only_ask_us() {
    let world = World::start();
    fill(&world);
    let (page, script) = (world.get("/").await, world.get("/script.js").await);
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self'; connect-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    for elsewhere in ["http:", "https:", "innerHTML", "eval("] {
        assert!(!script.text().contains(elsewhere), "{elsewhere}");
    }
}

#[tokio::test]
async fn a_connection_has_a_page_of_its_own() {
    let world = World::start();
    fill(&world);
    let page = world.get("/connections/home?range=24h").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("3 drops"), "{}", page.text());
    assert!(!page.text().contains("cellar"), "{}", page.text());
    let nobody = world.get("/connections/nobody").await;
    assert_eq!(nobody.status, 404);
    assert!(nobody.text().starts_with("There is no connection of this name."), "{}", nobody.text());
}

#[tokio::test]
async fn a_range_that_is_none_is_explained_and_the_page_still_there() {
    let world = World::start();
    fill(&world);
    for words in ["range=soon", "from=yesterday", "from=99999999999999999999", "from=1&to=2", "range=%ff%00"]
    {
        let page = world.get(&format!("/?{words}")).await;
        assert_eq!(page.status, 200, "{words}");
        assert!(page.text().contains("role=\"alert\""), "{words}");
        assert!(page.text().contains("1 of 5 connections online"), "{words}");
    }
}

#[tokio::test]
async fn weeks_are_told_with_their_findings_and_their_nights() {
    let world = World::start();
    weeks(&world);
    let page = world.get("/connections/home?range=30d").await;
    for said in [
        "29 of 32 drops came at 04:00 local time",
        "What to do: ",
        "A night without a drop at 04:00",
        "fits finding 1",
        "something at this time of the clock",
    ] {
        assert!(page.text().contains(said), "{said} is not in {}", page.text());
    }
    let laptop = world.get("/connections/laptop?range=7d").await;
    for said in ["this machine slept: ", "an address came", "the resolver", "this machine slept for 8 h"] {
        assert!(laptop.text().contains(said), "{said} is not in {}", laptop.text());
    }
    assert!(!laptop.text().contains("192.0.2.77"));
    let shop = world.get("/connections/shop?range=30d").await;
    assert!(shop.text().contains("AWS IoT WebSockets"), "{}", shop.text());
}

#[tokio::test]
async fn the_page_tells_what_the_diagnosis_finds() {
    let world = World::start();
    weeks(&world);
    diagnose(&world);
    let shop = world.get("/connections/shop?range=30d").await;
    for said in [
        "<article class=\"finding\"",
        "connection_lifetime_limit",
        "1 d · AWS IoT WebSockets",
        "fits finding 1",
    ] {
        assert!(shop.text().contains(said), "{said} is not in {}", shop.text());
    }
    let laptop = world.get("/connections/laptop?range=30d").await;
    assert!(!laptop.text().contains("<article"), "each of its drops is explained already: {}", laptop.text());
}

#[tokio::test]
async fn a_thousand_drops_make_a_page_that_a_phone_can_hold() {
    let world = World::start();
    storm(&world, 1_000);
    for range in ["1h", "24h", "30d"] {
        let page = world.get(&format!("/?range={range}")).await;
        assert!(page.body.len() < 300_000, "{range}: {}", page.body.len());
    }
}

/// The diagnosis looks at those of whom nothing was concluded yet.
fn diagnose(world: &World) {
    for status in world.board.snapshot() {
        if status.history.read(|history| history.findings().is_empty()) {
            look_now(&status.history, &world.host, &Settings::default(), now());
        }
    }
}

/// Not a test: how long the page takes. `cargo test --release --test http -- --ignored --nocapture figures`
#[tokio::test]
#[ignore = "a measurement, for an optimised build"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
async fn figures_of_the_page() {
    let world = World::start();
    storm(&world, 1_000);
    weeks(&world);
    let many = World::start();
    fleet(&many, 2_000);
    for (world, path) in [
        (&world, "/connections/storm?range=1h"),
        (&world, "/connections/storm?range=30d"),
        (&world, "/?range=30d"),
        (&many, "/?range=24h"),
    ] {
        let mut took: Vec<Duration> = Vec::new();
        let mut bytes = 0;
        for _ in 0..50 {
            let began = Instant::now();
            bytes = world.get(path).await.body.len();
            took.push(began.elapsed());
        }
        took.sort();
        println!("{path}: {:?} usual, {:?} at most, {bytes} bytes", took[25], took[49]);
    }
}

/// Not a test: serves weeks of history to look at until it is stopped.
/// `HANGUP_LOOK=127.0.0.1:9999 cargo test --test http -- --ignored look`
#[tokio::test]
#[ignore = "serves the page for a person"]
async fn look_at_weeks() {
    let listen = std::env::var("HANGUP_LOOK").unwrap_or_else(|_| "127.0.0.1:9999".to_owned());
    let world = World::start_at(&listen);
    weeks(&world);
    diagnose(&world);
    if std::env::var_os("HANGUP_FLEET").is_some() {
        fleet(&world, 2_000);
    }
    println!("http://{}/", world.address);
    std::future::pending::<()>().await;
}
