//! Asks the planner for the next attempt.
//!
//! Never waits for ever, and never dies of what happens inside the planner.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::super::error::ErrorName;
use super::super::machine::{Facts, Input};
use super::super::{Failure, Phase, Tier};
use super::Connection;
use crate::clock::Now;
use crate::lifecycle::Event;
use crate::source::{Answer, Planned};

impl Connection {
    /// The planner's answer, bounded, whatever happens inside it.
    pub(super) fn ask_for_plan(&self, tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        bounded(Arc::clone(&self.planner).plan(tier), self.policy.credentials_limit).boxed()
    }

    pub(super) fn planned(&mut self, generation: u64, answer: Answer<Planned>, now: Now) {
        for event in answer.credentials {
            self.recorder.record(Event::Credentials(event), now);
        }
        let outcome = match answer.result {
            Ok(Planned { mut plan, dialogue }) => {
                // What the quarantine leaves out is still wanted, and shows as not active.
                let facts = Facts::of(&plan);
                self.recorder.known_as(&plan.host, &plan.client_id);
                self.quarantine.thin(&mut plan.subscriptions, now.at);
                plan.leave = self.leaving.next();
                if let Some(by_hand) = &mut plan.by_hand {
                    by_hand.reached = self.reached;
                }
                self.plan = Some(Arc::new(plan));
                self.dialogue = Some(dialogue);
                Ok(facts)
            }
            Err(failure) => Err(failure),
        };
        self.step(Input::Plan { generation, outcome }, now);
    }
}

/// The answer of a planner, in time and without a panic.
pub(super) async fn bounded<T>(answer: impl Future<Output = Answer<T>> + Send, limit: Duration) -> Answer<T> {
    let failure = match tokio::time::timeout(limit, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(answer)) => return answer,
        Ok(Err(_panic)) => Failure::new(
            Phase::Credentials,
            ErrorName::CredentialsUnexpectedResponse,
            "preparing the connection failed on an answer that the exporter cannot digest",
        ),
        Err(_elapsed) => Failure::new(
            Phase::Credentials,
            ErrorName::CredentialsTimeout,
            format!("credentials and plan were not ready within {} s", limit.as_secs_f64()),
        ),
    };
    Answer { result: Err(failure), credentials: Vec::new() }
}
