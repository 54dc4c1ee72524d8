//! The DLM's tracepoints: which numbers a node has sent, and which it has handed to its upper layer.

use std::collections::BTreeMap;

use midcomms_model::Seq;

use super::fields::number_after;

/// A number and when: seconds since the node's boot.
pub type Numbered = (f64, u32);

/// Numbers by which a thread that sends may be behind another.
const OVERTAKEN: u32 = 8;

/// A node's traces, by peer, of the last incarnation alone.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Sent, in order.
    pub sent: BTreeMap<u32, Vec<Numbered>>,
    /// Delivered, in order.
    pub delivered: BTreeMap<u32, Vec<Numbered>>,
    /// The time of the last line.
    pub last: Option<f64>,
}

/// What a file of lines holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The text of tracefs: `trace.txt`.
    Tracefs,
    /// Tab-separated: seconds, peer, seq, length, cmd, type; of what was sent.
    Sent,
    /// The same, of what was delivered.
    Delivered,
}

impl Trace {
    /// Reads a line; tells what is wrong with it.
    pub fn read(&mut self, text: &str, form: Form) -> Result<(), &'static str> {
        let (is_sent, time, peer, seq) = match form {
            Form::Tracefs => match tracefs(text)? {
                Some(line) => line,
                None => return Ok(()),
            },
            Form::Sent | Form::Delivered if text.starts_with('#') || text.is_empty() => return Ok(()),
            // QUIRK(linux-6.1): its tracepoint does not say to whom (`clean-k61`).
            Form::Sent if text.split('\t').nth(1) == Some("?") => return Ok(()),
            Form::Sent | Form::Delivered => {
                let (time, peer, seq) = columns(text)?;
                (form == Form::Sent, time, peer, seq)
            }
        };
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        let by_peer = if is_sent { &mut self.sent } else { &mut self.delivered };
        let numbers = by_peer.entry(peer).or_default();
        // REC-2: numbers begin again where an incarnation does. Two threads may trace what they send in the wrong order.
        let slack = if is_sent { OVERTAKEN } else { 0 };
        if numbers.last().is_some_and(|(_, last)| Seq(seq).plus(slack).is_before(Seq(*last))) {
            numbers.clear();
        }
        numbers.push((time, seq));
        Ok(())
    }
}

/// `  kworker-12 [000] ..... 17.092261: dlm_send_message: dst=2 h_seq=7855 …`; not every line is one.
fn tracefs(text: &str) -> Result<Option<(bool, f64, u32, u32)>, &'static str> {
    let is_sent = text.contains(": dlm_send_message: ") || text.contains(": dlm_send_rcom: ");
    let is_delivered = text.contains(": dlm_recv_message: ") || text.contains(": dlm_recv_rcom: ");
    if text.starts_with('#') || !(is_sent || is_delivered) {
        return Ok(None);
    }
    let head = text.split(": dlm_").next().unwrap_or_default();
    let time = head.rsplit(' ').next().and_then(|time| time.parse::<f64>().ok());
    let time = time.filter(|time| time.is_finite()).ok_or("no seconds before the tracepoint")?;
    let seq = number_after(text, "seq=").ok_or("no seq= behind the tracepoint")?;
    let peer = number_after(text, if is_sent { "dst=" } else { "h_nodeid=" });
    if is_sent && peer.is_none() && !text.contains("dst=") {
        return Ok(None);
    }
    Ok(Some((is_sent, time, peer.ok_or("no node id behind the tracepoint")?, seq)))
}

fn columns(text: &str) -> Result<(f64, u32, u32), &'static str> {
    let mut columns = text.split('\t');
    let mut next = || columns.next().unwrap_or_default();
    let time = next().parse::<f64>().ok().filter(|time| time.is_finite());
    let (peer, seq) = (next().parse().ok(), next().parse().ok());
    Ok((
        time.ok_or("no seconds in column 1")?,
        peer.ok_or("no node id in column 2")?,
        seq.ok_or("no number in column 3")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let mut text = Trace::default();
        let line = " kworker/0:1-9 [000] .....    17.092261: dlm_send_message: dst=2 h_seq=7855 h_nodeid=1 h_length=88 h_cmd=MSG m_type=UNLOCK_REPLY";
        text.read(line, Form::Tracefs).unwrap();
        text.read("# entries-in-buffer/entries-written: 2/2", Form::Tracefs).unwrap();
        let mut columns = Trace::default();
        columns.read("17.092261\t2\t7855\t88\tMSG\tUNLOCK_REPLY", Form::Sent).unwrap();
        assert_eq!((&text.sent, text.last), (&columns.sent, columns.last));
        assert_eq!(text.sent[&2], [(17.092261, 7855)]);
    }

    #[test]
    fn only_the_last_incarnation_is_kept() {
        let mut trace = Trace::default();
        for seq in [5, 6, 0, 1] {
            trace.read(&format!("1.0\t2\t{seq}\t88\tMSG\tGRANT"), Form::Delivered).unwrap();
        }
        assert_eq!(trace.delivered[&2], [(1.0, 0), (1.0, 1)]);
    }

    #[test]
    fn damaged_lines_are_told() {
        for (line, form) in [
            ("soon\t2\t3\t4\tMSG\tGRANT", Form::Sent),
            ("1.0\t2", Form::Delivered),
            (" x 1.0: dlm_recv_message: h_seq=1", Form::Tracefs),
            (" x soon: dlm_recv_message: h_seq=1 h_nodeid=2", Form::Tracefs),
        ] {
            assert!(Trace::default().read(line, form).is_err(), "{line}");
        }
    }
}
