//! What an observer concludes from messages, rule by rule: short dialogues, each a sentence about [`Pair`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use midcomms_model::pair::{Delivery, Gap, Refused};
use midcomms_model::{BareKind, Conn, Inner, Message, Pair, Revision, RevisionSet, Seq, Side, State, Version, rule};

use Side::{A, B};

const C1: Conn = Conn(1);
const C2: Conn = Conn(2);
const C3: Conn = Conn(3);

// ---- the dialogue ----

/// OPTS(seq) with a MSG; the body is the number's own in the first incarnation.
fn opts(seq: u32) -> Message {
    with_body(seq, 1000 + u64::from(seq))
}

fn with_body(seq: u32, body: u64) -> Message {
    Message::Opts { seq: Seq(seq), inner: Inner::Msg, body }
}

fn fin(seq: u32) -> Message {
    Message::Opts { seq: Seq(seq), inner: Inner::Fin, body: 9000 + u64::from(seq) }
}

fn names(seq: u32) -> Message {
    Message::Opts { seq: Seq(seq), inner: Inner::Names, body: 5000 + u64::from(seq) }
}

fn ack(number: u32) -> Message {
    Message::Ack(Seq(number))
}

fn bare(kind: BareKind) -> Message {
    Message::Bare(kind)
}

/// The explanations of a dialogue, kept as a replay keeps them. Labels count the messages from 0.
struct Dialogue {
    frontier: Vec<Pair<u32>>,
    label: u32,
    told: [Vec<Delivery<u32>>; 2],
}

impl Dialogue {
    fn new() -> Self {
        Self::starting(Pair::new([RevisionSet::any(); 2], true))
    }

    /// Seen from somewhere in the middle.
    fn joined_late() -> Self {
        Self::starting(Pair::new([RevisionSet::any(); 2], false)).open(C1, A)
    }

    fn between(a: Revision, b: Revision) -> Self {
        Self::starting(Pair::new([a, b].map(RevisionSet::only), true)).both_heard()
    }

    fn starting(pair: Pair<u32>) -> Self {
        Self { frontier: vec![pair], label: 0, told: [Vec::new(), Vec::new()] }
    }

    /// Each opened a connection and asked for the other's STATUS: A sends on c1, B on c2.
    fn opened() -> Self {
        Self::new().both_heard()
    }

    fn both_heard(self) -> Self {
        let status = bare(BareKind::Status);
        self.open(C1, A).open(C2, B).says(C1, A, status).says(C2, B, status)
    }

    fn each(mut self, mut change: impl FnMut(&mut Pair<u32>)) -> Self {
        self.frontier.iter_mut().for_each(&mut change);
        self
    }

    fn open(self, conn: Conn, by: Side) -> Self {
        let at = self.label;
        self.each(|pair| pair.opened(conn, by, at))
    }

    fn close(self, conn: Conn, by: Side) -> Self {
        let at = self.label;
        self.each(|pair| pair.finished(conn, by, at))
    }

    fn reset(self, conn: Conn, by: Side) -> Self {
        let at = self.label;
        self.each(|pair| pair.reset(conn, by, at))
    }

    fn hole(self, conn: Conn, from: Side) -> Self {
        self.each(|pair| pair.hole(conn, from))
    }

    fn try_say(&mut self, conn: Conn, from: Side, message: Message) -> Result<(), Refused<u32>> {
        let mut refused = None;
        let mut next = Vec::new();
        for mut pair in std::mem::take(&mut self.frontier) {
            match pair.sent(conn, from, Version::V3_2, &message, self.label) {
                Ok(second) => next.extend(std::iter::once(pair).chain(second)),
                Err(refusal) => refused = Some(refusal),
            }
        }
        self.label += 1;
        for pair in next {
            if !self.frontier.contains(&pair) {
                self.frontier.push(pair);
            }
        }
        match refused {
            Some(refused) if self.frontier.is_empty() => Err(refused),
            _ => Ok(()),
        }
    }

    fn says(mut self, conn: Conn, from: Side, message: Message) -> Self {
        if let Err(refused) = self.try_say(conn, from, message) {
            panic!("message {} {message:?} is refused: {refused:?}", self.label - 1);
        }
        self.drain();
        self
    }

    fn says_all(self, conn: Conn, from: Side, messages: impl IntoIterator<Item = Message>) -> Self {
        messages.into_iter().fold(self, |dialogue, message| dialogue.says(conn, from, message))
    }

    /// The message is refused by `rule`.
    #[track_caller]
    fn refuses(mut self, conn: Conn, from: Side, message: Message, rule: rule::Rule) {
        let refused = self.try_say(conn, from, message).expect_err("it should be refused");
        assert_eq!(refused.refusal.rule, rule, "{:?}", refused.refusal);
        assert_eq!(refused.earlier, None);
    }

    /// The message is refused by `rule` if nothing more comes to light: at the end, and it is the one that is told.
    #[track_caller]
    fn refuses_at_the_end(mut self, conn: Conn, from: Side, message: Message, rule: rule::Rule) {
        let at = self.label;
        self.try_say(conn, from, message).expect("it may yet be explained");
        for pair in &mut self.frontier {
            let refused = pair.end().expect("it should be refused");
            assert_eq!((refused.refusal.rule, refused.earlier), (rule, Some((from, at))));
        }
    }

    fn drain(&mut self) {
        if let [pair] = &mut self.frontier[..] {
            for (told, side) in self.told.iter_mut().zip(Side::BOTH) {
                told.extend(pair.node_mut(side).drain_deliveries());
            }
        }
    }

    /// Ends the dialogue; what remains unproven is no fault.
    fn ends(mut self) -> Ended {
        let suspects: Vec<_> = self.frontier.iter_mut().map(Pair::end).collect();
        let best = suspects.iter().position(Option::is_none).expect("an explanation without a suspicion");
        self.frontier = vec![self.frontier.swap_remove(best)];
        self.drain();
        Ended { pair: self.frontier.remove(0), told: self.told }
    }
}

struct Ended {
    pair: Pair<u32>,
    told: [Vec<Delivery<u32>>; 2],
}

impl Ended {
    /// The numbers that `reader` accepted.
    fn delivered_to(&self, reader: Side) -> Vec<u32> {
        let [a, b] = &self.told;
        let told = if reader == A { a } else { b };
        told.iter().map(|delivery| delivery.seq.0).collect()
    }

    /// Its incarnations at the time, one for each message accepted.
    fn lives_of(&self, reader: Side) -> Vec<u32> {
        let [a, b] = &self.told;
        let told = if reader == A { a } else { b };
        told.iter().map(|delivery| delivery.life).collect()
    }

    fn state(&self, side: Side) -> State {
        self.pair.node(side).record().state
    }
}

/// A leaves, then B: both closed.
fn closed() -> Dialogue {
    Dialogue::opened()
        .says(C1, A, opts(0))
        .says(C1, A, fin(1))
        .says(C2, B, ack(2))
        .says(C2, B, fin(0))
        .says(C1, A, ack(1))
        .close(C1, A)
        .close(C1, B)
        .close(C2, A)
        .close(C2, B)
}

/// A has sent 0 to 4, and c1 broke; B acknowledged up to 1.
fn broken() -> Dialogue {
    Dialogue::opened().says_all(C1, A, (0..5).map(opts)).says(C2, B, ack(2)).reset(C1, A).open(C3, A)
}

// ---- opening and closing (section 7) ----

#[test]
fn a_clean_open_and_close_leaves_both_records_closed() {
    let ended = closed().ends();
    assert_eq!(ended.delivered_to(B), [0]);
    assert_eq!(ended.delivered_to(A), [0; 0]);
    assert_eq!([ended.state(A), ended.state(B)], [State::Closed; 2]);
}

#[test]
fn numbers_from_0_on_after_a_close_are_a_new_incarnation() {
    let ended = closed()
        .open(C3, A)
        .says(C3, A, bare(BareKind::Status))
        .says(C3, B, bare(BareKind::Status))
        .says_all(C3, A, [with_body(0, 70), with_body(1, 71)])
        .ends();
    assert_eq!(ended.delivered_to(B), [0, 0, 1]);
    assert_eq!(ended.lives_of(B), [0, 1, 1]);
    assert_eq!(ended.pair.node(A).counts().resets, 1);
}

#[test]
fn both_may_leave_at_the_same_time() {
    let ended =
        Dialogue::opened().says(C1, A, fin(0)).says(C2, B, fin(0)).says(C1, A, ack(1)).says(C2, B, ack(1)).ends();
    assert_eq!([ended.state(A), ended.state(B)], [State::Closed; 2]);
}

#[test]
fn the_half_that_is_still_open_goes_on_sending() {
    let ended = Dialogue::opened().says(C1, A, fin(0)).says(C2, B, ack(1)).says_all(C2, B, (0..40).map(opts)).ends();
    assert_eq!(ended.delivered_to(A).len(), 40);
    assert_eq!([ended.state(A), ended.state(B)], [State::FinWait2, State::CloseWait]);
}

#[test]
fn a_stuck_record_may_be_reset_by_an_add() {
    // B never sees the ACK of its FIN; A timed out, rejoined and uses its numbers anew, and so does B.
    let ended = Dialogue::opened()
        .says(C1, A, fin(0))
        .says(C2, B, ack(1))
        .says(C2, B, opts(0))
        .says(C2, B, fin(1))
        .reset(C1, A)
        .reset(C2, A)
        .open(C3, A)
        .says(C3, A, bare(BareKind::Status))
        .says(C3, B, bare(BareKind::Status))
        .says(C3, A, with_body(0, 70))
        .says(C3, B, with_body(0, 80))
        .says(C3, B, with_body(1, 81))
        .ends();
    assert_eq!(ended.delivered_to(B), [0]);
    assert_eq!(ended.delivered_to(A), [0, 0, 1]);
}

// ---- SND: sending ----

#[test]
fn the_number_0_again_without_a_close_is_refused() {
    Dialogue::opened().says_all(C1, A, (0..3).map(opts)).refuses(C1, A, with_body(0, 70), rule::SND_7);
}

#[test]
fn a_copy_with_another_body_is_refused() {
    broken().says(C3, A, opts(2)).refuses(C3, A, with_body(3, 70), rule::SND_6);
}

#[test]
fn a_fresh_number_after_the_fin_is_refused_and_a_copy_is_not() {
    Dialogue::opened().says(C1, A, opts(0)).says(C1, A, fin(1)).refuses(C1, A, opts(2), rule::SND_4);
    let copies = Dialogue::opened().says(C1, A, opts(0)).says(C1, A, fin(1)).reset(C1, B).open(C3, A).says_all(
        C3,
        A,
        [opts(0), fin(1)],
    );
    assert_eq!(copies.ends().delivered_to(B), [0]);
}

#[test]
fn nothing_is_sequenced_before_the_peer_was_heard() {
    Dialogue::new().open(C1, A).refuses_at_the_end(C1, A, opts(0), rule::SND_3);
}

#[test]
fn status_is_bare_and_only_status_not_ready_is_sequenced() {
    let status = Message::Opts { seq: Seq(0), inner: Inner::Status, body: 1 };
    Dialogue::opened().refuses(C1, A, status, rule::SND_2);
    Dialogue::opened().refuses(C1, A, bare(BareKind::StatusNotReady), rule::SND_2);
    let not_ready = Message::Opts { seq: Seq(0), inner: Inner::StatusNotReady, body: 1 };
    assert_eq!(Dialogue::opened().says(C1, A, not_ready).ends().delivered_to(B), [0]);
}

#[test]
fn a_bare_msg_or_fin_from_a_3_2_node_is_refused() {
    Dialogue::opened().refuses(C1, A, bare(BareKind::Other), rule::RCV_6);
    Dialogue::opened().refuses(C1, A, bare(BareKind::Fin), rule::RCV_6);
}

// ---- RCV and ACK: acknowledging ----

#[test]
fn an_ack_of_what_was_not_sent_is_refused_once_the_peer_uses_the_number() {
    let dialogue = Dialogue::opened().says(C1, A, opts(0)).says(C2, B, ack(2)).says(C1, A, opts(1));
    let refused = dialogue.frontier[0].suspect_before().unwrap();
    assert_eq!(refused.refusal.rule, rule::ACK_1);
    assert_eq!(refused.earlier, Some((B, 3)), "at the ACK, not at the message that proves it wrong");
    assert!(dialogue.hole(C1, A).frontier[0].suspect_before().is_none(), "packets are missing from what was recorded");
}

#[test]
fn an_ack_of_what_was_not_sent_is_told_at_the_end() {
    let mut dialogue = Dialogue::opened().says(C1, A, opts(0)).says(C2, B, ack(2));
    let refused = dialogue.frontier[0].end().unwrap();
    assert_eq!((refused.refusal.rule, refused.earlier), (rule::ACK_1, Some((B, 3))));
}

#[test]
fn a_message_behind_a_gap_is_not_acknowledged() {
    let gap = Dialogue::opened().says(C1, A, opts(0)).reset(C1, A).open(C3, A).says(C3, A, opts(2));
    gap.refuses(C2, B, ack(3), rule::ACK_1);
}

#[test]
fn acks_do_not_go_back_on_one_connection() {
    let acked = Dialogue::opened().says_all(C1, A, (0..4).map(opts)).says(C2, B, ack(3));
    acked.refuses(C2, B, ack(2), rule::RCV_7);
}

#[test]
fn copies_of_what_was_acknowledged_are_refused_once_the_sender_must_have_read_that() {
    // A acknowledges what B wrote behind its ACK, so A has read the ACK.
    let read = Dialogue::opened()
        .says_all(C1, A, (0..300).map(opts))
        .says(C2, B, ack(300))
        .says(C2, B, opts(0))
        .says(C1, A, ack(1))
        .reset(C1, A)
        .open(C3, A);
    read.refuses(C3, A, opts(299), rule::RCV_4);
}

// ---- NET: connections, copies and gaps ----

#[test]
fn a_gap_without_a_break_is_refused_and_with_one_allowed() {
    Dialogue::opened().says(C1, A, opts(0)).refuses(C1, A, opts(2), rule::NET_7);
    let ended = Dialogue::opened().says(C1, A, opts(0)).reset(C1, A).open(C3, A).says(C3, A, opts(2)).ends();
    assert_eq!(ended.delivered_to(B), [0]);
}

#[test]
fn copies_without_a_break_are_refused() {
    Dialogue::opened().says_all(C1, A, (0..3).map(opts)).refuses_at_the_end(C1, A, opts(1), rule::NET_3);
}

#[test]
fn copies_may_be_seen_before_the_break_that_calls_for_them() {
    let copied = Dialogue::opened().says_all(C1, A, (0..3).map(opts)).says_all(C1, A, (1..4).map(opts));
    assert_eq!(copied.reset(C2, A).ends().delivered_to(B), [0, 1, 2, 3]);
}

#[test]
fn a_connection_opened_anew_tells_of_a_break_that_nobody_saw() {
    let ended =
        Dialogue::opened().says_all(C1, A, (0..3).map(opts)).open(C3, A).says_all(C3, A, (0..4).map(opts)).ends();
    assert_eq!(ended.delivered_to(B), [0, 1, 2, 3]);
    assert_eq!(ended.pair.breaks(), 1);
    assert_eq!(ended.pair.node(B).counts().duplicates, 3);
}

#[test]
fn a_break_calls_for_what_was_left_over_and_one_pass() {
    let pass = [opts(2), opts(3), opts(4)];
    let both = broken().says_all(C3, A, pass).says_all(C3, A, pass).says(C3, A, opts(5));
    both.refuses_at_the_end(C3, A, opts(2), rule::NET_3);
}

#[test]
fn a_pass_that_leaves_something_out_is_refused() {
    broken().says(C3, A, opts(2)).refuses(C3, A, opts(4), rule::NET_3);
    broken().says_all(C3, A, [opts(2), opts(3)]).refuses(C3, A, opts(5), rule::NET_3);
}

#[test]
fn a_pass_leaves_out_the_copies_that_wait_already() {
    // c3 brings 3 and 4 left over from the pass before, which the second break left unsent; the new pass is 2, then 5.
    let ended = broken()
        .says_all(C3, A, [opts(2), opts(3), opts(4), opts(5)])
        .reset(C3, A)
        .open(Conn(4), A)
        .says_all(Conn(4), A, [opts(3), opts(4), opts(2), opts(5), opts(6)])
        .ends();
    assert_eq!(ended.delivered_to(B), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn turning_away_from_a_whole_connection_is_proven_by_the_return_to_it() {
    let mut dialogue = Dialogue::opened().says(C1, A, opts(0)).says(C2, A, opts(1)).says(C1, B, bare(BareKind::Status));
    let refused = dialogue.try_say(C1, A, opts(2)).unwrap_err();
    assert_eq!((refused.refusal.rule, refused.earlier), (rule::NET_1, Some((A, 3))));
}

#[test]
fn turning_away_for_good_is_no_fault() {
    let ended = Dialogue::opened().says(C1, A, opts(0)).says(C2, A, opts(1)).says(C2, A, opts(2)).ends();
    assert_eq!(ended.delivered_to(B), [0, 1, 2]);
}

// ---- revisions (section 11) ----

#[test]
fn names_tell_the_revision() {
    let before = RevisionSet::from_iter([Revision::Linux5_14, Revision::Linux6_1]);
    let ended = Dialogue::opened().says(C1, A, names(0)).says(C2, B, bare(BareKind::Names)).ends();
    assert_eq!(ended.pair.node(A).revisions(), RevisionSet::only(Revision::Linux6_12));
    assert_eq!(ended.pair.node(B).revisions(), before);
    Dialogue::opened().says(C1, A, names(0)).refuses(C1, A, bare(BareKind::Names), rule::SND_2);
    Dialogue::opened().says(C1, A, bare(BareKind::Names)).refuses(C1, A, names(0), rule::SND_2);
}

#[test]
fn names_are_judged_by_the_revision_that_is_known() {
    let today = || Dialogue::between(Revision::Linux6_12, Revision::Linux6_1);
    today().refuses(C1, A, bare(BareKind::Names), rule::SND_2);
    today().refuses(C2, B, names(0), rule::SND_2);
}

#[test]
fn an_ack_below_the_threshold_is_not_todays() {
    let ended = Dialogue::opened().says_all(C1, A, (0..2).map(opts)).says(C2, B, ack(2)).ends();
    assert!(!ended.pair.node(B).revisions().contains(Revision::Linux6_12));
    let today = Dialogue::between(Revision::Linux6_12, Revision::Linux6_12);
    today.says_all(C1, A, (0..2).map(opts)).refuses(C2, B, ack(2), rule::RCV_5);
}

#[test]
fn steps_of_32_and_33_are_todays_and_the_first_revision_acknowledges_each() {
    let ended = Dialogue::opened().says_all(C1, A, (0..65).map(opts)).says(C2, B, ack(33)).says(C2, B, ack(65)).ends();
    let revisions = ended.pair.node(B).revisions();
    assert!(revisions.contains(Revision::Linux6_12) && revisions.contains(Revision::Linux6_1));
    assert!(!revisions.contains(Revision::Linux5_14), "it acknowledges every message");
}

#[test]
fn each_duplicate_calls_for_an_ack_in_every_revision() {
    let ended = broken_without_acks()
        .says_all(C3, A, (0..3).map(opts))
        .says(C2, B, ack(3))
        .says(C2, B, ack(3))
        .says(C2, B, ack(3))
        .ends();
    assert!(ended.pair.node(B).revisions().contains(Revision::Linux6_12));
}

/// A has sent 0 to 2, B has acknowledged nothing, c1 broke.
fn broken_without_acks() -> Dialogue {
    Dialogue::opened().says_all(C1, A, (0..3).map(opts)).reset(C1, A).open(C3, A)
}

// ---- what a capture lacks (CAP-8, CAP-9) ----

#[test]
fn behind_a_hole_numbers_may_be_missing() {
    let ended = Dialogue::opened()
        .says(C1, A, opts(0))
        .hole(C1, A)
        .says_all(C1, A, [opts(7), opts(8)])
        .says(C2, B, ack(9))
        .ends();
    assert_eq!(ended.delivered_to(B), [0, 7, 8]);
}

#[test]
fn a_late_join_takes_numbers_and_acks_as_they_are() {
    let ended = Dialogue::joined_late()
        .says(C1, A, opts(500))
        .says(C1, B, ack(480))
        .says_all(C1, A, [opts(501), opts(502)])
        .says(C1, B, opts(77))
        .ends();
    assert_eq!(ended.delivered_to(B), [500, 501, 502]);
    assert_eq!(ended.delivered_to(A), [77]);
}

#[test]
fn a_late_join_judges_what_follows() {
    let joined = || Dialogue::joined_late().says(C1, A, opts(500)).says(C1, B, ack(501)).says(C1, A, opts(501));
    joined().refuses(C1, A, opts(503), rule::NET_7);
}

// ---- gaps and stalls ----

/// A's 1 and 2 are lost with c1; 3 and 4 come on c3.
fn gap_open() -> Dialogue {
    Dialogue::opened().says(C1, A, opts(0)).reset(C1, A).open(C3, A).says_all(C3, A, [opts(3), opts(4)])
}

#[test]
fn an_open_gap_tells_what_is_missing_since_when_and_after_which_break() {
    let ended = gap_open().says(C2, B, bare(BareKind::Status)).ends();
    let gap: Gap<u32> = *ended.pair.node(B).gap().unwrap();
    assert_eq!((gap.missing, gap.beyond, gap.ignored), (Seq(1), Seq(3), 2));
    assert_eq!((gap.opened, gap.conn), (3, C3));
    assert_eq!(gap.after_break, Some((3, true)), "the reset came before message 3");
    assert_eq!(gap.last_talk, 5, "the pair still talks");
    assert!(!gap.broken && !gap.copies_came);
    assert_eq!(ended.pair.node(B).counts().gaps, 1);
    assert_eq!(ended.delivered_to(B), [0]);
}

#[test]
fn copies_close_the_gap_and_tell_which_message_filled_it() {
    let ended = gap_open().says_all(C3, A, (0..5).map(opts)).ends();
    let mut pair = ended.pair.clone();
    let gaps: Vec<_> = pair.node_mut(B).drain_gaps().collect();
    assert_eq!(gaps.len(), 1);
    let (gap, filled_by) = gaps[0];
    assert_eq!((gap.missing, filled_by), (Seq(1), Some(6)));
    assert!(gap.copies_came, "the copy of 0 came before that of 1");
    assert_eq!(ended.delivered_to(B), [0, 1, 2, 3, 4]);
    assert!(ended.pair.node(B).gap().is_none());
}

#[test]
fn a_gap_whose_connection_breaks_is_no_stall_any_more() {
    let ended = gap_open().reset(C3, B).says(C2, B, bare(BareKind::Status)).ends();
    let gap = ended.pair.node(B).gap().unwrap();
    assert!(gap.broken && gap.is_disturbed);
    assert_eq!(gap.last_talk, 4, "what is said afterwards does not count");
}

// ---- budgets ----

#[test]
fn more_for_a_life_that_may_have_begun_than_can_be_kept_is_told() {
    let status = bare(BareKind::Status);
    let mut dialogue = closed().open(C3, A);
    assert!(!dialogue.frontier[0].node(B).log_overflowed());
    for _ in 0..=(1 << 14) {
        dialogue = dialogue.says(C3, A, status);
    }
    assert!(dialogue.frontier.iter().any(|pair| pair.node(B).log_overflowed()));
}

#[test]
fn a_refused_message_leaves_the_explanation_as_it_was() {
    let before = Dialogue::opened().says_all(C1, A, (0..3).map(opts)).frontier.remove(0);
    let mut pair = before.clone();
    assert!(pair.sent(C1, A, Version::V3_2, &opts(9), 99).is_err());
    assert!(pair.sent(C1, A, Version::V3_1, &opts(3), 99).is_err());
    assert!(pair == before);
}
