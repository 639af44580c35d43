//! The driver's part: timers have their turn, the machine is stepped, its actions are performed.
//! Never decides, as the real one.

use hangup::clock::Instant;
use hangup::connection::machine::{Action, Input};
use hangup::source::Dialogue;

use crate::session::Link;
use crate::universe::Universe;

impl Universe<'_> {
    pub(crate) fn our_deadline(&self) -> Option<Instant> {
        let talk = self.dialogue.as_ref().filter(|_| self.talking).and_then(Dialogue::deadline);
        let link = self.link.as_ref().and_then(Link::deadline);
        [self.machine.deadline(), talk, link].into_iter().flatten().min()
    }

    pub(crate) fn timers(&mut self) {
        let now = self.now.at;
        let due = self.machine.deadline().filter(|due| *due <= now);
        self.link_ticks();
        self.serve_timers();
        let moved_on = due.is_none() || self.machine.deadline().is_none_or(|next| next > now);
        self.rules.must(moved_on, "a deadline that has come is over");
    }

    pub(crate) fn serve_timers(&mut self) {
        self.step(Input::Tick);
        let due = self.dialogue.as_ref().and_then(Dialogue::deadline);
        if due.is_some_and(|due| due <= self.now.at) {
            self.converse();
        }
    }

    /// Steps the machine and performs what it wants.
    pub(crate) fn step(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.machine.step(input, self.our_now(), &mut actions);
        for action in actions {
            self.rules.action(&action);
            self.perform(&action);
        }
        self.rules.stepped(&self.machine);
    }

    fn perform(&mut self, action: &Action) {
        match *action {
            Action::Plan { generation, tier } => {
                self.dialogue = None;
                self.ask_for_plan(generation, tier);
            }
            Action::AbandonPlan => self.planning = None,
            Action::Connect { generation } => self.dial(generation),
            Action::Close { generation } => self.close(generation),
            Action::Abandon => {
                if let Some(wire) = self.closing.take() {
                    self.hang_up(wire);
                }
            }
            Action::TalkBegins => self.begin_talk(),
            Action::TalkEnds => {
                (self.talking, self.dialogue, self.looking_up) = (false, None, false);
            }
            Action::Record(_) => {}
        }
    }

    /// A report that comes after the end of what it reports on: it must change nothing.
    pub(crate) fn late(&mut self, input: Input) {
        let (before, mut actions) = (self.machine.clone(), Vec::new());
        self.machine.step(input, self.our_now(), &mut actions);
        let nothing = actions.is_empty() && self.machine == before;
        self.rules.must(nothing, "a late report of a link that was given up changes nothing");
        self.rules.summary.late += 1;
    }
}
