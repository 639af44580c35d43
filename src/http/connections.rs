//! `/api/v1/connections`: the status of every connection, as JSON.
//!
//! Never shows more than the board holds, which is free of secrets, and never more connections at once than a reader bargains
//! for: of thousands it tells where the next ones begin.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::{Pages, answer, diagnostics};
use crate::lifecycle::board::ConnectionStatus;

/// Connections told when nobody says how many.
const USUAL: usize = 500;
/// And at most.
const MOST: usize = 5_000;

type Asked = Result<Query<Vec<(String, String)>>, QueryRejection>;

#[derive(Serialize)]
struct List {
    connections: Vec<ConnectionStatus>,
    /// There are more: ask with `after` this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<String>,
}

pub(super) async fn list(State(pages): State<Pages>, asked: Asked) -> Response {
    let wish = match asked {
        Ok(Query(pairs)) => Wish::read(&pairs),
        Err(_) => Err(format!("the query cannot be read; {RIGHT}")),
    };
    match wish {
        Ok(Wish { after, limit }) => {
            diagnostics::written(pages, move |pages| {
                let mut connections = pages.board.page(after.as_deref(), limit + 1);
                let more = connections.len() > limit;
                connections.truncate(limit);
                let last = connections.last().filter(|_| more);
                let next_after = last.map(|status| status.name.clone());
                serde_json::to_vec(&List { connections, next_after })
            })
            .await
        }
        Err(fault) => answer::text(StatusCode::BAD_REQUEST, format!("{fault}.\n")),
    }
}

/// A request that is right.
const RIGHT: &str = "write for example /api/v1/connections?limit=100&after=home";

/// Which connections are asked for.
#[derive(Debug, PartialEq)]
struct Wish {
    after: Option<String>,
    limit: usize,
}

impl Wish {
    fn read(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut wish = Self { after: None, limit: USUAL };
        for (name, value) in pairs {
            match name.as_str() {
                "after" => wish.after = Some(value.clone()),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    wish.limit =
                        limit.ok_or_else(|| format!("`limit` is a number from 1 to {MOST}; {RIGHT}"))?;
                }
                _ => return Err(format!("`after` and `limit` can be asked for; {RIGHT}")),
            }
        }
        Ok(wish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Wish, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Wish::read(&pairs.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn some_connections_can_be_asked_for() {
        assert_eq!(read(&[]), Ok(Wish { after: None, limit: 500 }));
        assert_eq!(
            read(&[("after", "c7"), ("limit", "20")]),
            Ok(Wish { after: Some("c7".to_owned()), limit: 20 })
        );
        for wrong in [("limit", "0"), ("limit", "5001"), ("limit", "all"), ("before", "c7")] {
            assert!(read(&[wrong]).is_err_and(|fault| fault.contains("write for example")), "{wrong:?}");
        }
    }
}
