//! `/`: what every connection is doing and why, for people.

use axum::extract::State;
use axum::response::Response;

use super::{Pages, answer};

pub(super) async fn page(State(_pages): State<Pages>) -> Response {
    answer::typed("text/html; charset=utf-8", String::new())
}

pub(super) async fn style() -> Response {
    answer::typed("text/css; charset=utf-8", include_str!("style.css"))
}
