//! What waits for the connection: which comes next, and what will never go. Pure.
//!
//! Never gives anything out that is older than the age limit, and never a change twice.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// So many times a question that a session took with it may be put; a change is never put again.
const MOST_TURNS: u8 = 2;
/// The least time between two, so that a queue that empties does not use up what a broker takes a second.
const SPACING: Duration = Duration::from_millis(100);
/// A moment that is always past.
const BEGINNING: Instant = Instant::from_boot(Duration::ZERO);

/// What may wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So many wait together; the oldest go first when there are more.
    pub capacity: usize,
    /// Nothing older is given out.
    pub age_limit: Duration,
    /// Whether changes wait for a connection that is away.
    pub queue_changes: bool,
}

/// How it ended without an answer. Each item has exactly one end, here or by [`Queue::answered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Newer ones needed its place.
    Displaced,
    /// Older than the age limit; it was not sent.
    Expired,
    /// A change, and the connection is away; it was not sent.
    NotConnected,
    /// The connection ends for good; it was not sent.
    Stopped,
    /// It was sent, and no answer came in time.
    Unanswered {
        /// The broker acknowledged it.
        taken: bool,
    },
    /// It was sent, and the session ended before the answer.
    Interrupted {
        /// The broker acknowledged it.
        taken: bool,
    },
}

/// Items that wait in order, and the one that is under way.
#[derive(Debug)]
pub struct Queue<T> {
    rules: Rules,
    waiting: VecDeque<Waiting<T>>,
    under_way: Option<UnderWay<T>>,
    open: bool,
    /// Changes rest until then, …
    rests_until: Instant,
    /// … and everything until then.
    pauses_until: Instant,
}

#[derive(Debug)]
struct Waiting<T> {
    item: T,
    changes: bool,
    since: Instant,
    turns: u8,
}

#[derive(Debug)]
struct UnderWay<T> {
    waiting: Waiting<T>,
    taken: bool,
    until: Instant,
}

/// The item whose turn it is: it is either [sent](Queue::sent) or taken out for good.
#[derive(Debug)]
#[must_use]
pub struct Turn<T>(Waiting<T>);

impl<T> Turn<T> {
    /// The item.
    #[must_use]
    pub fn item(&self) -> &T {
        &self.0.item
    }

    /// It is not sent: its end is the caller's matter.
    #[must_use]
    pub fn give_up(self) -> T {
        self.0.item
    }
}

impl<T> Queue<T> {
    /// An empty queue of a connection that is away.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            waiting: VecDeque::new(),
            under_way: None,
            open: false,
            rests_until: BEGINNING,
            pauses_until: BEGINNING,
        }
    }

    /// Takes an item that was accepted at `since`. `changes`: it changes a device, and does not just ask.
    pub fn push(&mut self, item: T, changes: bool, since: Instant, ended: &mut Vec<(T, End)>) {
        if changes && !self.open && !self.rules.queue_changes {
            ended.push((item, End::NotConnected));
            return;
        }
        self.waiting.push_back(Waiting { item, changes, since, turns: 0 });
        // What goes at once takes no place.
        let room = self.rules.capacity.saturating_add(usize::from(self.open && self.under_way.is_none()));
        while self.waiting.len() > room {
            ended.extend(self.waiting.pop_front().map(|oldest| (oldest.item, End::Displaced)));
        }
    }

    /// The subscriptions are back: what waits may go.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// The session is over. A change under way is never sent again, for it may have been obeyed.
    pub fn close(&mut self, ended: &mut Vec<(T, End)>) {
        self.open = false;
        if let Some(UnderWay { waiting, taken, .. }) = self.under_way.take() {
            if waiting.changes || waiting.turns >= MOST_TURNS {
                ended.push((waiting.item, End::Interrupted { taken }));
            } else {
                self.waiting.push_front(waiting);
            }
        }
        if !self.rules.queue_changes {
            let (changes, rest): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(&mut self.waiting).into_iter().partition(|waiting| waiting.changes);
            self.waiting = rest;
            ended.extend(changes.into_iter().map(|waiting| (waiting.item, End::NotConnected)));
        }
    }

    /// The connection ends for good: nothing is left behind.
    pub fn stop(&mut self, ended: &mut Vec<(T, End)>) {
        self.open = false;
        if let Some(UnderWay { waiting, taken, .. }) = self.under_way.take() {
            ended.push((waiting.item, End::Interrupted { taken }));
        }
        ended.extend(self.waiting.drain(..).map(|waiting| (waiting.item, End::Stopped)));
    }

    /// Ends what is too old, and what waited for its answer too long.
    pub fn tick(&mut self, now: Instant, ended: &mut Vec<(T, End)>) {
        if let Some(UnderWay { waiting, taken, .. }) =
            self.under_way.take_if(|under_way| under_way.until <= now)
        {
            ended.push((waiting.item, End::Unanswered { taken }));
        }
        let limit = self.rules.age_limit;
        while let Some(old) = self.first_if(|waiting| now >= waiting.since + limit) {
            ended.push((old.item, End::Expired));
        }
    }

    /// The item whose turn it is, if one may be sent now. What is too old ends instead.
    pub fn turn(&mut self, now: Instant, ended: &mut Vec<(T, End)>) -> Option<Turn<T>> {
        self.tick(now, ended);
        if !self.open || self.under_way.is_some() || now < self.pauses_until {
            return None;
        }
        let rests = now < self.rests_until;
        self.first_if(|waiting| !(waiting.changes && rests)).map(Turn)
    }

    /// It was handed to the network: its answer may take `patience`, and the next change comes not before `rest` is over.
    pub fn sent(&mut self, turn: Turn<T>, now: Instant, patience: Duration, rest: Duration) {
        let Turn(mut waiting) = turn;
        waiting.turns += 1;
        self.under_way = Some(UnderWay { waiting, taken: false, until: now + patience });
        self.rest(now + rest);
        self.pauses_until = now + SPACING;
    }

    /// The broker acknowledged what is under way, if this is it.
    pub fn taken(&mut self, is_it: impl FnOnce(&T) -> bool) {
        if let Some(under_way) = self.under_way.as_mut().filter(|under_way| is_it(&under_way.waiting.item)) {
            under_way.taken = true;
        }
    }

    /// The broker refused what is under way, if this is it: its end is the caller's matter.
    pub fn refused(&mut self, is_it: impl FnOnce(&T) -> bool) -> Option<T> {
        self.under_way
            .take_if(|under_way| is_it(&under_way.waiting.item))
            .map(|under_way| under_way.waiting.item)
    }

    /// The answer came: what it was the answer to.
    pub fn answered(&mut self) -> Option<T> {
        self.under_way.take().map(|under_way| under_way.waiting.item)
    }

    /// The next change comes not before this.
    pub fn rest(&mut self, until: Instant) {
        self.rests_until = self.rests_until.max(until);
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether one waits, or one is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.under_way.is_some() || !self.is_empty()
    }

    /// When something is to be done. Derived from what there is, so it cannot be stale.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let answer = self.under_way.as_ref().map(|under_way| under_way.until);
        let oldest = self.waiting.front();
        let expiry = oldest.map(|oldest| oldest.since + self.rules.age_limit);
        let turn = oldest.filter(|_| self.open && self.under_way.is_none()).map(|oldest| {
            if oldest.changes { self.rests_until.max(self.pauses_until) } else { self.pauses_until }
        });
        [answer, expiry, turn].into_iter().flatten().min()
    }

    fn first_if(&mut self, holds: impl FnOnce(&Waiting<T>) -> bool) -> Option<Waiting<T>> {
        if self.waiting.front().is_some_and(holds) { self.waiting.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules { capacity: 3, age_limit: Duration::from_secs(60), queue_changes: true };

    fn at(seconds: u64) -> Instant {
        Instant::from_boot(Duration::from_secs(seconds))
    }

    /// Sends what has its turn.
    fn send(queue: &mut Queue<u32>, now: u64) -> Option<u32> {
        let turn = queue.turn(at(now), &mut Vec::new())?;
        let item = *turn.item();
        queue.sent(turn, at(now), Duration::from_secs(10), Duration::ZERO);
        Some(item)
    }

    #[test]
    fn nothing_goes_before_the_subscriptions_are_back_and_then_one_after_the_other() {
        let (mut queue, mut ended) = (Queue::new(RULES), Vec::new());
        queue.push(1, true, at(0), &mut ended);
        queue.push(2, false, at(1), &mut ended);
        assert_eq!(send(&mut queue, 2), None);
        queue.open();
        assert_eq!((send(&mut queue, 3), send(&mut queue, 3)), (Some(1), None));
        assert_eq!((queue.answered(), send(&mut queue, 4)), (Some(1), Some(2)));
        assert_eq!(ended, []);
    }

    #[test]
    fn the_oldest_gives_way_when_the_queue_is_full() {
        let (mut queue, mut ended) = (Queue::new(RULES), Vec::new());
        for item in 1..=5 {
            queue.push(item, true, at(0), &mut ended);
        }
        assert_eq!(ended, [(1, End::Displaced), (2, End::Displaced)]);
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn a_queue_without_places_passes_on_what_can_go_at_once() {
        let (mut queue, mut ended) = (Queue::new(Rules { capacity: 0, ..RULES }), Vec::new());
        queue.push(1, false, at(0), &mut ended);
        queue.open();
        queue.push(2, false, at(0), &mut ended);
        assert_eq!(send(&mut queue, 0), Some(2));
        queue.push(3, false, at(0), &mut ended);
        assert_eq!(ended, [(1, End::Displaced), (3, End::Displaced)]);
    }

    #[test]
    fn by_default_a_change_does_not_wait_for_a_connection() {
        let (mut queue, mut ended) = (Queue::new(Rules { queue_changes: false, ..RULES }), Vec::new());
        queue.push(1, true, at(0), &mut ended);
        queue.push(2, false, at(0), &mut ended);
        queue.open();
        queue.push(3, true, at(0), &mut ended);
        queue.close(&mut ended);
        assert_eq!(ended, [(1, End::NotConnected), (3, End::NotConnected)]);
        queue.open();
        assert_eq!(send(&mut queue, 1), Some(2));
    }

    #[test]
    fn at_its_age_limit_nothing_is_sent_any_more() {
        let (mut queue, mut ended) = (Queue::new(RULES), Vec::new());
        queue.push(1, true, at(0), &mut ended);
        queue.push(2, true, at(1), &mut ended);
        queue.open();
        assert_eq!(queue.deadline(), Some(BEGINNING));
        assert_eq!(queue.turn(at(60), &mut ended).map(Turn::give_up), Some(2));
        assert_eq!(ended, [(1, End::Expired)]);
    }

    #[test]
    fn a_change_that_a_session_took_with_it_is_unconfirmed_and_a_question_is_put_once_more() {
        for (changes, expected) in [(true, vec![(7, End::Interrupted { taken: true })]), (false, vec![])] {
            let (mut queue, mut ended) = (Queue::new(RULES), Vec::new());
            queue.open();
            queue.push(7, changes, at(0), &mut ended);
            assert_eq!(send(&mut queue, 0), Some(7));
            queue.taken(|item| *item == 7);
            queue.close(&mut ended);
            assert_eq!(ended, expected);
            queue.open();
            assert_eq!(send(&mut queue, 1), (!changes).then_some(7));
            queue.close(&mut ended);
            assert_eq!(ended.len(), 1, "a question is not put for ever");
        }
    }

    #[test]
    fn no_answer_in_time_is_an_end_and_the_next_one_goes() {
        let (mut queue, mut ended) = (Queue::new(RULES), Vec::new());
        queue.open();
        queue.push(1, true, at(0), &mut ended);
        queue.push(2, true, at(0), &mut ended);
        assert_eq!(send(&mut queue, 0), Some(1));
        assert_eq!(queue.deadline(), Some(at(10)));
        queue.tick(at(10), &mut ended);
        assert_eq!(ended, [(1, End::Unanswered { taken: false })]);
        assert_eq!(send(&mut queue, 10), Some(2));
    }

    #[test]
    fn a_device_gets_its_rest_between_changes_and_may_be_asked_meanwhile() {
        let (mut queue, mut ended) = (Queue::new(RULES), Vec::new());
        queue.open();
        queue.rest(at(5));
        queue.push(1, false, at(0), &mut ended);
        queue.push(2, true, at(0), &mut ended);
        assert_eq!(send(&mut queue, 0), Some(1));
        queue.answered();
        assert_eq!((send(&mut queue, 4), queue.deadline()), (None, Some(at(5))));
        assert_eq!(send(&mut queue, 5), Some(2));
    }

    #[test]
    fn a_queue_that_empties_leaves_a_moment_between_two() {
        let (mut queue, mut ended) = (Queue::new(RULES), Vec::new());
        queue.open();
        queue.push(1, false, at(0), &mut ended);
        queue.push(2, false, at(0), &mut ended);
        assert_eq!((send(&mut queue, 1), queue.answered(), send(&mut queue, 1)), (Some(1), Some(1), None));
        assert_eq!(queue.deadline(), Some(at(1) + SPACING));
        assert!(queue.turn(at(1) + SPACING, &mut ended).is_some());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push { changes: bool },
        Open,
        Close,
        Turn,
        GiveUp,
        Taken,
        Answered,
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => any::<bool>().prop_map(|changes| Step::Push { changes }),
            2 => Just(Step::Open),
            1 => Just(Step::Close),
            4 => Just(Step::Turn),
            1 => Just(Step::GiveUp),
            1 => Just(Step::Taken),
            2 => Just(Step::Answered),
            3 => (1_u64..40).prop_map(Step::Wait),
        ]
    }

    proptest! {
        #[test]
        fn every_item_has_one_end_no_change_goes_twice_and_none_too_old(
            steps in proptest::collection::vec(step(), 0..200),
            capacity in 0_usize..6,
            queue_changes in any::<bool>(),
        ) {
            let rules = Rules { capacity, queue_changes, ..RULES };
            let (mut queue, mut ended) = (Queue::new(rules), Vec::new());
            let (mut now, mut pushed, mut open) = (0, Vec::new(), false);
            let mut ends: BTreeMap<usize, u32> = BTreeMap::new();
            let mut turns: BTreeMap<usize, u8> = BTreeMap::new();
            let mut last = None;
            for step in steps {
                match step {
                    Step::Push { changes } => {
                        pushed.push((changes, now));
                        queue.push(pushed.len() - 1, changes, at(now), &mut ended);
                    }
                    Step::Open => { queue.open(); open = true; }
                    Step::Close => { queue.close(&mut ended); open = false; last = None; }
                    Step::Turn | Step::GiveUp => if let Some(turn) = queue.turn(at(now), &mut ended) {
                        let item = *turn.item();
                        let (changes, since) = pushed[item];
                        prop_assert!(open && now < since + 60, "{item} was given out at {now}");
                        // Within one session the order is that of their acceptance.
                        prop_assert!(last.is_none_or(|last| item > last), "{item} after {last:?}");
                        last = Some(item);
                        if matches!(step, Step::GiveUp) {
                            *ends.entry(turn.give_up()).or_default() += 1;
                        } else {
                            let turns = turns.entry(item).or_default();
                            *turns += 1;
                            let most = if changes { 1 } else { MOST_TURNS };
                            prop_assert!(*turns <= most);
                            queue.sent(turn, at(now), Duration::from_secs(10), Duration::ZERO);
                        }
                    },
                    Step::Taken => queue.taken(|_| true),
                    Step::Answered => if let Some(item) = queue.answered() { *ends.entry(item).or_default() += 1 },
                    Step::Wait(seconds) => now += seconds,
                }
                queue.tick(at(now), &mut ended);
                prop_assert!(queue.len() <= capacity + 1);
                prop_assert!(queue.deadline().is_none_or(|due| due > at(now) || open));
                for (item, end) in ended.drain(..) {
                    *ends.entry(item).or_default() += 1;
                    let was_sent = turns.contains_key(&item);
                    match end {
                        End::Interrupted { .. } | End::Unanswered { .. } => prop_assert!(was_sent),
                        // A question that was put once may wait again.
                        End::Displaced | End::Expired | End::NotConnected | End::Stopped => {
                            prop_assert!(!was_sent || !pushed[item].0);
                        }
                    }
                }
            }
            queue.stop(&mut ended);
            for (item, _) in ended { *ends.entry(item).or_default() += 1; }
            prop_assert!(ends.values().all(|ends| *ends == 1) && ends.len() == pushed.len(), "{ends:?}");
        }
    }
}
