//! The planner: signs in at the simulated REST service, signs with the product's own signer, makes the plan.
//! Never keeps keys longer than the product does.

use std::time::Duration;

use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::machine::{Facts, Input};
use hangup::connection::plan::{Plan, Subscription, Transport};
use hangup::connection::{Failure, Phase, Tier};
use hangup::simulator::rest::Request;
use hangup::simulator::{DEMO_EMAIL, DEMO_PASSWORD};
use hangup::source::navien::tokens::Tokens;
use hangup::source::navien::topics;
use hangup::source::sigv4::{self, Target};
use serde_json::{Value, json};

use crate::universe::{Event, Universe};

pub(crate) const CLIENT: &str = "navien-hangup-0f1e2d3c4b5a6978";
pub(crate) const HEATER: &str = "020000aabb01";
/// Keys live an hour and are not used in its last five minutes.
const KEYS_ARE_GOOD_FOR: Duration = Duration::from_secs(55 * 60);

impl Universe<'_> {
    pub(crate) fn ask_for_plan(&mut self, generation: u64, tier: Tier) {
        self.planning = Some(generation);
        let (life, now) = (self.life, self.now.at);
        let took = self.path.latency(now) * 4;
        if now < self.spells.plan_hangs {
            // Longer than anybody waits: it comes late.
            let late = Duration::from_secs(self.rng.u64(40..400));
            return self.after(late, Event::Planned { life, generation, failure: None });
        }
        let unreached = self.path.lost(now).is_some_and(|until| until > now + PATIENCE);
        let failing = self.spells.plan_fails.filter(|(until, ..)| now < *until);
        let (took, failure) = match failing.map(|(_, class, after)| failed(class, after)) {
            _ if unreached => (PATIENCE, Some(unreachable())),
            Some(failure) => (took, Some(failure)),
            None => (took, self.credentials(tier).err()),
        };
        let took = took.min(self.schedule.policy.credentials_limit);
        self.after(took, Event::Planned { life, generation, failure });
    }

    fn credentials(&mut self, tier: Tier) -> Result<(), Failure> {
        let now = self.now.at;
        let good =
            self.tokens.as_ref().is_some_and(|(_, since)| now.saturating_since(*since) < KEYS_ARE_GOOD_FOR);
        if good && tier == Tier::Quick {
            return Ok(());
        }
        let body = json!({"userId": DEMO_EMAIL, "password": DEMO_PASSWORD}).to_string();
        let request = Request {
            method: "POST",
            path: "/api/v2.1/user/sign-in",
            query: "",
            content_type: "application/json",
            authorization: "",
            body: body.as_bytes(),
        };
        let answer = self.world.rest(request, self.now);
        let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let tokens = value.get("data").and_then(|data| Tokens::from_sign_in(data, self.our_now()));
        match tokens.filter(|_| answer.status == 200) {
            Some(tokens) => {
                self.tokens = Some((tokens, now));
                Ok(())
            }
            None if answer.status >= 429 => Err(failed(RetryClass::Service, None)),
            None => Err(failed(RetryClass::Credential, None)),
        }
    }

    pub(crate) fn planner_answers(&mut self, life: u32, generation: u64, failure: Option<Failure>) {
        if life != self.life {
            return;
        }
        let planned = failure.is_none();
        let outcome = failure.map_or_else(|| Ok(Facts::of(&self.plan())), Err);
        let input = Input::Plan { generation, outcome };
        if self.planning == Some(generation) {
            self.planning = None;
            if planned {
                self.make_dialogue();
            }
            self.step(input);
            self.serve_timers();
        } else {
            self.late(input);
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        let target = self.tokens.as_ref().map(|(tokens, _)| {
            // The product corrects its clock by the service's.
            let at = self.now.wall;
            sigv4::presign(&tokens.keys, Target { host: "localhost", region: "us-east-1", at, expires: None })
        });
        let filters = [topics::device_filter(HEATER), topics::answers_filter(CLIENT)];
        let subscriptions = filters.map(|filter| Subscription::new(filter, 1, true));
        Plan {
            request_target: target.unwrap_or_default(),
            clean_session: self.schedule.clean_session,
            keep_alive: self.schedule.keep_alive,
            subscriptions: subscriptions.into(),
            filters_per_subscribe: self.schedule.filters_per_subscribe,
            max_packet_size: 160 * 1024,
            max_outgoing_size: 128 * 1024,
            lifetime: Some(Duration::from_secs(24 * 3600).div_f64(self.schedule.speed)),
            min_connect_interval: Duration::from_secs(1),
            hangup_means_credentials: true,
            ..Plan::to("localhost", 443, Transport::Wss, CLIENT)
        }
    }
}

/// The REST client's own time limit.
const PATIENCE: Duration = Duration::from_secs(10);

fn unreachable() -> Failure {
    Failure::new(Phase::Credentials, ErrorName::SocketTimeout, "the service cannot be reached")
}

fn failed(class: RetryClass, retry_after: Option<Duration>) -> Failure {
    let error = match class {
        RetryClass::Network => ErrorName::DnsQueryAgain,
        RetryClass::Service | RetryClass::Credential => ErrorName::CredentialsHttpStatus,
        RetryClass::Setup => ErrorName::TlsUnknownRoot,
    };
    let failure = Failure::new(Phase::Credentials, error, "no credentials").with_class(class);
    Failure { retry_after, ..failure }
}
