//! What a receiver holds against what was promised, and when it saw what.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use midcomms::wire::HEADER_LEN;

use crate::load::{self, Load};

/// Counts the messages of one direction and refuses one that is lost, doubled, out of order or of another length.
#[derive(Debug)]
pub(crate) struct Check {
    load: Load,
    next: u32,
    began: Option<Instant>,
    ended: Option<Instant>,
}

/// The timed part of one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) messages: u32,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

impl Check {
    pub(crate) fn new(load: &Load) -> Self {
        Self { load: *load, next: 0, began: None, ended: None }
    }

    /// Takes the next message as it was delivered, header included, envelope not.
    #[inline]
    pub(crate) fn see(&mut self, message: &[u8]) -> Result<()> {
        self.count(load::number(message), message.len())
    }

    /// Takes the next message without its header.
    #[inline]
    pub(crate) fn see_body(&mut self, body: &[u8]) -> Result<()> {
        self.count(load::number_of_body(body), HEADER_LEN + body.len())
    }

    #[inline]
    fn count(&mut self, got: Option<u32>, len: usize) -> Result<()> {
        ensure!(
            got == Some(self.next) && len == self.load.len && !self.is_done(),
            "expected message {} of {} with {} bytes, got number {got:?} with {len} bytes",
            self.next,
            self.load.messages,
            self.load.len,
        );
        if self.next == self.load.warm_up {
            self.began = Some(Instant::now());
        }
        self.next += 1;
        if self.next == self.load.messages {
            self.ended = Some(Instant::now());
        }
        Ok(())
    }

    /// Messages seen.
    #[inline]
    pub(crate) const fn seen(&self) -> u32 {
        self.next
    }

    /// Whether all have been seen.
    #[inline]
    pub(crate) const fn is_done(&self) -> bool {
        self.next >= self.load.messages
    }

    /// From the first timed message, which starts the clock and does not count, to the last.
    pub(crate) fn span(&self) -> Result<Span> {
        let (began, ended) = self.began.zip(self.ended).context("a direction ended before its last message")?;
        Ok(Span { messages: self.load.messages - self.load.warm_up - 1, began, ended })
    }
}

/// Messages per second over all directions of a run, `None` without any.
pub(crate) fn rate(spans: &[Span]) -> Option<f64> {
    let began = spans.iter().map(|span| span.began).min()?;
    let ended = spans.iter().map(|span| span.ended).max()?;
    let messages: f64 = spans.iter().map(|span| f64::from(span.messages)).sum();
    Some(messages / ended.duration_since(began).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Workload;

    fn load(messages: u32) -> Load {
        Load { messages, warm_up: 1, ..Workload::OneWay88.load(0) }
    }

    fn numbered(len: usize, number: u32) -> Vec<u8> {
        let mut message = load::message(len).unwrap();
        load::set_number(&mut message, number);
        message
    }

    #[test]
    fn messages_in_order_are_counted_to_the_last() {
        let mut check = Check::new(&load(3));
        for number in 0..3 {
            assert!(!check.is_done());
            check.see(&numbered(88, number)).unwrap();
        }
        assert!(check.is_done());
        assert_eq!(check.span().unwrap().messages, 1);
    }

    #[test]
    fn a_lost_a_doubled_and_a_late_message_are_refused() {
        for wrong in [0, 2] {
            let mut check = Check::new(&load(3));
            check.see(&numbered(88, 0)).unwrap();
            assert!(check.see(&numbered(88, wrong)).is_err());
        }
    }

    #[test]
    fn a_message_of_another_length_is_refused() {
        assert!(Check::new(&load(3)).see(&numbered(89, 0)).is_err());
    }

    #[test]
    fn a_message_behind_the_last_is_refused() {
        let mut check = Check::new(&load(1));
        check.see(&numbered(88, 0)).unwrap();
        assert!(check.see(&numbered(88, 1)).is_err());
    }

    #[test]
    fn a_direction_that_ended_early_has_no_span() {
        let mut check = Check::new(&load(3));
        check.see(&numbered(88, 0)).unwrap();
        assert!(check.span().is_err());
    }
}
