//! What tests of the whole exporter share: the real binary, its page, and a strict reader of that page.
//!
//! Never looks inside the exporter: everything is seen as an operator sees it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "shared by several test crates, each using a part; helpers fail a test by panicking and say why"
)]

pub mod exporter;
pub mod openmetrics;
pub mod page;
pub mod prometheus;
pub mod scene;

use std::time::Duration;

/// Longer than anything here takes on a busy machine: a test that hangs fails instead.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Asks until there is an answer, and fails the test when there never is one.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            // Between two looks at another process; no outcome depends on its length.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, answered).await;
    in_time.unwrap_or_else(|_| panic!("did not happen within {PATIENCE:?}: {what}"))
}
