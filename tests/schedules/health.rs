//! Whether everything works again once the trouble is over, and how soon it must.
//! Never lenient: the bound follows from the policy, and after it everything is asked for.

use std::time::Duration;

use hangup::clock::Instant;
use hangup::config::Recovery;
use hangup::connection::machine::Input;
use hangup::simulator::Fault;

use crate::schedule::RETRY_AFTER;
use crate::universe::{Event, Universe};

/// Whether all works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Trouble may come at any time.
    Stormy,
    /// No more trouble: it must work again by then.
    Calm { by: Instant },
    /// Everything works; the rest of the messages come in.
    Works { since: Instant, closes: u64, drops: u64 },
    /// The last thing to check is the end.
    Stopping { by: Instant },
}

impl Universe<'_> {
    pub(crate) fn calm(&mut self) {
        self.rules.say(|| "· calm".to_owned());
        self.inject(Fault::PolicyClose(0));
        self.inject(Fault::Storm { times: 0, after: Duration::ZERO, lasts: Duration::ZERO });
        if !matches!(self.health, Health::Stopping { .. }) {
            self.health = Health::Calm { by: self.now.at + self.recovery() };
            self.at(self.now.at, Event::Probe);
        }
    }

    /// How soon everything works again after the last trouble, by the policy: the wait under way and one more
    /// (what was under way may still fail), the silence after which a link counts as dead, an attempt.
    fn recovery(&self) -> Duration {
        let policy = &self.schedule.policy;
        let wait = policy.max_delay_setup.max(policy.takeover_rest).mul_f64(1.5);
        // This policy never signs in anew for keys that were withdrawn: it waits until they lapse.
        let keys = match policy.recovery {
            Recovery::ResetAndRetry => Duration::from_secs(3600),
            Recovery::TwoTier
            | Recovery::RecreateClient
            | Recovery::RefreshCredentials
            | Recovery::Exponential => Duration::ZERO,
        };
        wait * 2 + RETRY_AFTER + self.schedule.keep_alive * 2 + Duration::from_secs(300) + keys
    }

    pub(crate) fn stop_limit(&self) -> Duration {
        self.schedule.policy.limits.close + Duration::from_secs(6)
    }

    /// After everything that happens.
    pub(crate) fn judge(&mut self) {
        match self.health {
            Health::Stormy => {}
            Health::Calm { by } => {
                self.rules
                    .must(self.now.at <= by, "online again, with all subscriptions, as the policy promises");
            }
            Health::Works { since, closes, drops } => {
                let summary = &self.rules.summary;
                self.rules.must(summary.drops.values().sum::<u64>() == drops, "no drop without a reason");
                if self.now.at > since + Duration::from_secs(90) {
                    if summary.closes == closes {
                        self.rules.all_acknowledged_before(self.now.at - Duration::from_secs(20));
                    }
                    self.health = Health::Stopping { by: self.now.at + self.stop_limit() };
                    self.step(Input::Stop);
                }
            }
            Health::Stopping { by } => {
                self.rules.must(self.now.at <= by.max(self.spells.suspended), "a stop is obeyed in time");
            }
        }
    }
}
