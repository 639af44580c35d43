//! The command that was sent last, and which message of its heater answers it.
//!
//! Never takes an answer to somebody else for one: the owner may use the vendor's app meanwhile. Pure.

use std::time::Duration;

use crate::connection::order::Verdict;
use crate::source::navien::requests::Kind;
use crate::source::navien::wire::{Content, Spoken};

/// A heater is left alone for so long after a change: sooner than that it may refuse the next one.
pub(super) const REST: Duration = Duration::from_secs(5);
/// The same after it said that a command came too soon.
const LONG_REST: Duration = Duration::from_secs(30);
/// The one code whose meaning is known.
const TOO_SOON: i64 = 2;

/// What was sent last, and what was answered.
#[derive(Debug, Default)]
pub(super) struct Orders {
    awaited: Option<Awaited>,
    verdict: Option<Verdict>,
}

#[derive(Debug)]
struct Awaited {
    mac: String,
    /// The question that it was; `None` for a control.
    question: Option<Kind>,
}

impl Orders {
    /// A command went out. An answer to the one before it is not awaited any more.
    pub(super) fn sent(&mut self, mac: &str, question: Option<Kind>) {
        self.awaited = Some(Awaited { mac: mac.to_owned(), question });
        self.verdict = None;
    }

    /// A heater spoke.
    pub(super) fn heard(&mut self, spoken: &Spoken, session: &str) {
        let Some(awaited) = self.awaited.as_ref().filter(|awaited| awaited.mac == spoken.mac) else { return };
        let verdict = match (&spoken.content, awaited.question) {
            (Content::Status(_), None) if spoken.ours && spoken.about.control => Verdict::Done,
            (Content::Status(_), Some(Kind::Status)) if spoken.ours && !spoken.about.control => Verdict::Done,
            (Content::Features(_), Some(Kind::Features)) if spoken.ours => Verdict::Done,
            // A refusal goes to everybody who listens to the heater.
            (Content::Refusal(code), None)
                if !spoken.about.elsewhere && is_ours(&spoken.about.session, session) =>
            {
                refused(*code)
            }
            (
                Content::Status(_)
                | Content::Features(_)
                | Content::Energy(_)
                | Content::Diagnostics(_)
                | Content::Firmware(_)
                | Content::Presence { .. }
                | Content::Refusal(_)
                | Content::Other,
                _,
            ) => return,
        };
        self.awaited = None;
        self.verdict = Some(verdict);
    }

    /// What was answered, once.
    pub(super) fn verdict(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }
}

fn refused(code: i64) -> Verdict {
    if code == TOO_SOON {
        let words = "it came too soon after the one before; wait about 30 s";
        return Verdict::Failed { code, words, rest: LONG_REST };
    }
    Verdict::Failed { code, words: "what this code means is not known", rest: REST }
}

/// Whether an echo is of our session id: heaters cut it short. One that says nothing may be ours.
fn is_ours(echo: &str, session: &str) -> bool {
    echo.is_empty() || session.starts_with(echo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::navien::wire::{Message, recognise};

    const SESSION: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

    fn verdict(question: Option<Kind>, topic: &str, message: &serde_json::Value) -> Option<Verdict> {
        let mut orders = Orders::default();
        orders.sent("020000aabb01", question);
        let recognised = recognise(topic, message.to_string().as_bytes(), "me");
        let Message::Device(spoken) = recognised else { panic!("{recognised:?}") };
        orders.heard(&spoken, SESSION);
        orders.verdict()
    }

    fn answer(request: &str, session: &str, response: &serde_json::Value) -> serde_json::Value {
        serde_json::json!({
            "sessionID": session,
            "requestTopic": format!("cmd/52/navilink-020000aabb01/{request}"),
            "response": response,
        })
    }

    #[test]
    fn only_the_answer_to_the_command_is_its_answer() {
        let status = serde_json::json!({"status": {"command": 1}});
        let me = "cmd/52/navilink-020000aabb01/me/res";
        let you = "cmd/52/navilink-020000aabb01/you/res";
        let (asked, commanded) = (Some(Kind::Status), None);
        assert_eq!(verdict(commanded, me, &answer("ctrl", SESSION, &status)), Some(Verdict::Done));
        assert_eq!(verdict(commanded, me, &answer("st", SESSION, &status)), None);
        assert_eq!(verdict(commanded, you, &answer("ctrl", SESSION, &status)), None);
        assert_eq!(verdict(asked, me, &answer("st", SESSION, &status)), Some(Verdict::Done));
        let other = "cmd/52/navilink-020000aabb02/me/res";
        assert_eq!(verdict(commanded, other, &answer("ctrl", SESSION, &status)), None);
    }

    #[test]
    fn a_refusal_of_somebody_elses_command_is_not_ours() {
        let refusal = serde_json::json!({"macAddress": "020000aabb01", "failCode": 2});
        let topic = "cmd/52/navilink-020000aabb01/ctrl-fail";
        for (session, ours) in [(SESSION, true), (&SESSION[..13], true), ("", true), ("1693400000000", false)]
        {
            let verdict = verdict(None, topic, &answer("ctrl", session, &refusal));
            assert_eq!(verdict.is_some(), ours, "{session}");
            assert!(verdict.is_none_or(|verdict| matches!(verdict, Verdict::Failed { code: 2, .. })));
        }
        let mut elsewhere = answer("ctrl", "", &refusal);
        elsewhere["responseTopic"] = "cmd/52/navilink-020000aabb01/you/res".into();
        assert_eq!(verdict(None, topic, &elsewhere), None);
        assert_eq!(verdict(Some(Kind::Status), topic, &answer("ctrl", SESSION, &refusal)), None);
    }
}
