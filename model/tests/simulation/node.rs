//! One node: its record of the peer (sections 3 to 7) and its output (section 8). Written from `PROTOCOL.md` alone.

use std::collections::VecDeque;

use midcomms_model::{BareKind, Inner, Revision};

use super::network::What;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Closed,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    LastAck,
    Closing,
}

/// A message in the send queue.
pub(crate) struct Queued {
    pub(crate) seq: u32,
    inner: Inner,
    pub(crate) body: u64,
    is_committed: bool,
    copy_waits: bool,
}

/// A message in the output.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub(crate) what: What,
    pub(crate) life: u32,
    is_committed: bool,
    is_copy: bool,
}

/// A piece of output that is written as a whole (NET-4).
#[derive(Default)]
pub(crate) struct Page {
    items: Vec<Item>,
    /// So many of them were written.
    written: usize,
    room_used: usize,
    /// Something of it was written.
    is_partly_written: bool,
}

/// Messages a page has room for.
const PAGE_ROOM: usize = 6;

pub(crate) struct Node {
    pub(crate) revision: Revision,
    /// Section 11, "not known": a bare STATUS or NAMES in a closing state resets the record.
    pub(crate) resets_on_bare: bool,
    // The record.
    pub(crate) state: State,
    pub(crate) knows_version: bool,
    pub(crate) seq_send: u32,
    pub(crate) seq_next: u32,
    pub(crate) queue: VecDeque<Queued>,
    pub(crate) stop_tx: bool,
    pub(crate) users: u32,
    delivered: u32,
    /// Accepted, but not counted yet: the number that an ACK has is read apart from the count.
    uncounted: u32,
    fin: Option<u32>,
    pub(crate) life: u32,
    // The output.
    pub(crate) pages: VecDeque<Page>,
    // The upper layer.
    pub(crate) wants_status: bool,
}

impl Node {
    pub(crate) fn new(revision: Revision, life: u32) -> Self {
        Self {
            revision,
            resets_on_bare: revision == Revision::Linux5_14,
            state: State::Closed,
            knows_version: false,
            seq_send: 0,
            seq_next: 0,
            queue: VecDeque::new(),
            stop_tx: false,
            users: 0,
            delivered: 0,
            uncounted: 0,
            fin: None,
            life,
            pages: VecDeque::new(),
            wants_status: false,
        }
    }

    /// REC-1. What waits in the output stays.
    pub(crate) fn reset(&mut self, life: u32) {
        let pages = std::mem::take(&mut self.pages);
        *self = Self {
            resets_on_bare: self.resets_on_bare,
            users: self.users,
            pages,
            wants_status: self.wants_status,
            ..Self::new(self.revision, life)
        };
    }

    pub(crate) fn may_send(&self) -> bool {
        self.knows_version && !self.stop_tx && matches!(self.state, State::Established | State::CloseWait)
    }

    fn append(&mut self, item: Item) {
        let has_room = self.pages.back().is_some_and(|page| page.room_used < PAGE_ROOM);
        if !has_room {
            self.pages.push_back(Page::default());
        }
        if let Some(page) = self.pages.back_mut() {
            page.room_used += 1;
            page.items.push(item);
        }
    }

    /// The output begins a new page although the last one has room.
    pub(crate) fn close_page(&mut self) {
        if let Some(page) = self.pages.back_mut() {
            page.room_used = PAGE_ROOM;
        }
    }

    pub(crate) fn send_bare(&mut self, kind: BareKind, is_reply: bool) {
        let item = Item { what: What::Bare { kind, is_reply }, life: self.life, is_committed: true, is_copy: false };
        self.append(item);
    }

    pub(crate) fn send_ack(&mut self) {
        self.append(Item { what: What::Ack(self.seq_next), life: self.life, is_committed: true, is_copy: false });
    }

    /// SND-5: reserves a place; today's revision acknowledges before that.
    pub(crate) fn reserve(&mut self, inner: Inner, body: u64) {
        if self.revision == Revision::Linux6_12 && self.delivered > 32 {
            self.delivered = 0;
            self.send_ack();
        }
        let seq = self.seq_send;
        self.seq_send = seq.wrapping_add(1);
        self.queue.push_back(Queued { seq, inner, body, is_committed: false, copy_waits: false });
        let what = What::Opts { seq, inner, body };
        self.append(Item { what, life: self.life, is_committed: false, is_copy: false });
    }

    pub(crate) fn commit(&mut self, body: u64) {
        self.queue.iter_mut().filter(|queued| queued.body == body).for_each(|queued| queued.is_committed = true);
        for item in self.pages.iter_mut().flat_map(|page| &mut page.items) {
            if matches!(item.what, What::Opts { body: other, .. } if other == body) {
                item.is_committed = true;
            }
        }
    }

    pub(crate) fn send_fin(&mut self, body: u64) {
        self.stop_tx = true;
        self.fin = Some(self.seq_send);
        self.reserve(Inner::Fin, body);
        self.commit(body);
    }

    /// Takes up to `count` messages of the first page, if it may go out. The page is done with when all are taken.
    pub(crate) fn take_output(&mut self, count: usize) -> Vec<Item> {
        let Some(page) = self.pages.front_mut() else { return Vec::new() };
        if page.items.iter().any(|item| !item.is_committed) {
            return Vec::new();
        }
        let end = page.written.saturating_add(count).min(page.items.len());
        let taken = page.items[page.written..end].to_vec();
        page.written = end;
        page.is_partly_written = true;
        if end == page.items.len()
            && let Some(page) = self.pages.pop_front()
        {
            self.release_copies(&page.items);
        }
        taken
    }

    fn release_copies(&mut self, items: &[Item]) {
        for item in items.iter().filter(|item| item.is_copy) {
            if let What::Opts { body, .. } = item.what {
                self.queue.iter_mut().filter(|queued| queued.body == body).for_each(|queued| queued.copy_waits = false);
            }
        }
    }

    /// How many messages wait in the first page.
    pub(crate) fn waiting(&self) -> usize {
        self.pages.front().map_or(0, |page| page.items.len() - page.written)
    }

    /// NET-4.
    pub(crate) fn drop_partly_written(&mut self) {
        if self.pages.front().is_some_and(|page| page.is_partly_written)
            && let Some(page) = self.pages.pop_front()
        {
            self.release_copies(&page.items);
        }
    }

    /// NET-3: one pass over the send queue.
    pub(crate) fn queue_copies(&mut self) {
        let mut copies = Vec::new();
        for queued in self.queue.iter_mut().filter(|queued| queued.is_committed && !queued.copy_waits) {
            queued.copy_waits = true;
            copies.push(What::Opts { seq: queued.seq, inner: queued.inner, body: queued.body });
        }
        for what in copies {
            self.append(Item { what, life: self.life, is_committed: true, is_copy: true });
        }
    }

    /// RCV-4: whether that is the event "ACK of FIN".
    pub(crate) fn take_acked(&mut self, number: u32) -> bool {
        let mut fin_acked = false;
        while self.queue.front().is_some_and(|queued| (queued.seq.wrapping_sub(number) as i32) < 0) {
            if let Some(queued) = self.queue.pop_front() {
                fin_acked |= Some(queued.seq) == self.fin;
            }
        }
        fin_acked
    }

    /// A message was accepted; its count may lag behind.
    pub(crate) fn count_delivery(&mut self, lags: bool) {
        self.delivered += std::mem::take(&mut self.uncounted);
        if lags {
            self.uncounted = 1;
        } else {
            self.delivered += 1;
        }
    }

    pub(crate) fn owes_threshold_ack(&mut self) -> bool {
        let owes = self.revision == Revision::Linux6_12 && self.delivered > 256;
        if owes {
            self.delivered = 0;
        }
        owes
    }

    pub(crate) fn uncommitted(&self) -> Option<u64> {
        self.queue.iter().find(|queued| !queued.is_committed).map(|queued| queued.body)
    }
}
