//! What usually causes a rejection, or brings a hazard about, and where to look first.

/// By name.
pub const ALL: &[(&str, &str)] = &[
    (
        "accepted",
        "All is well, as far as the capture shows. What was not seen (a frontier, a hole, one direction alone) is told with it.",
    ),
    (
        "rejected",
        "A sender broke the rule that is named, or its recording is of something else than it says: a foreign protocol on the port, a capture put together in the wrong order. Look at the messages before the frame, then at `midcomms explain RULE`.",
    ),
    ("vacuous", "The port is another one (--port), the filter of the recorder left it out, or the nodes were idle."),
    (
        "inconclusive",
        "A capture with many holes, or from the middle of a busy session: raise --budget, or record whole packets from the start.",
    ),
    (
        "stalled",
        "A message was lost at a break and the sender has no reason to send it again: H1, H2 or H3. The hazard is named with it.",
    ),
    (
        "obligation",
        "Mostly that the capture ends while the nodes still talk. At the end of a session that was closed it is worth a look.",
    ),
    ("hole", "The recorder dropped packets (a larger buffer, -B), or cut them (-s 0)."),
    (
        "WIRE-2",
        "A stream that lost its place: a length written in the wrong byte order or of the wrong message, bytes of a message written twice, or something on the port that is not DLM.",
    ),
    (
        "WIRE-4",
        "Lengths set before the body was complete, nextcmd that does not follow the inner header, a struct with padding that the other end does not have, a command or version of a later protocol.",
    ),
    (
        "WIRE-6",
        "A buffer that is not zeroed before it is filled, so that pads carry what was there before; or a type of the layer above that is written in the wrong byte order.",
    ),
    (
        "WIRE-7",
        "A message that is forwarded or copied with another node's header, a node id of 0 before the node is configured, or two nodes configured with one id.",
    ),
    ("WIRE-8", "A node that sends options or a tail and is not known as hardened: --revision says what it may be."),
    (
        "SND-2",
        "Code that treats STATUS like any other RCOM, or a revision that sends NAMES otherwise than the one that was assumed (bare before 6.6, sequenced since).",
    ),
    (
        "SND-3",
        "Sending begins before the peer's version is known: a send queue that is not held back until detection, or one left over from the session before.",
    ),
    (
        "SND-4",
        "A sender that checks for the FIN before it takes its number, and not under the same lock: a message slips in behind the FIN (D7 is of that kind).",
    ),
    (
        "SND-6",
        "Retransmission that encodes anew, with a changed body, flag or header, where it should send the bytes that it has kept; or a buffer that is used again while its message is still in the queue.",
    ),
    (
        "SND-7",
        "Numbering and queueing that are not one step (D9), a number used up by a message that is then not sent, or a record that was not reset, or was reset by one side alone.",
    ),
    (
        "SND-8",
        "One number for two messages: a counter that two threads read, or a counter that is set back after a reconnection.",
    ),
    (
        "RCV-4",
        "Messages that stay in the queue although they are acknowledged: an ACK compared with < where it must be serial (H11), or applied to the wrong record; and a retransmission that goes over more than the queue.",
    ),
    (
        "RCV-5",
        "ACKs at moments that no known kernel has: another threshold, a timer, an ACK that is counted before the message is delivered (D5); or a node of another revision than --revision says.",
    ),
    (
        "RCV-6",
        "A MSG or FIN that goes out without its envelope: mostly a version that was taken for 3.1, or was not looked at.",
    ),
    (
        "RCV-7",
        "ACKs that overtake each other in the output: built when they are queued and sent in another order, or read from seq_next without the lock.",
    ),
    (
        "VER-3",
        "A header written with a constant of another version, or a peer that was replaced (an upgrade) and whose record was not reset (H16).",
    ),
    (
        "CLS-5",
        "A FIN that is sent a second time under a fresh number instead of as a copy: a shutdown that was begun twice, or a state that is looked at before it is set (D1).",
    ),
    ("NET-1", "A sender that answers on the connection on which it was asked, instead of on its own."),
    (
        "NET-3",
        "Retransmission without a cause (a timer; only hardened nodes may, HRD-7), or one that leaves out the oldest, or lets fresh messages pass before it is finished.",
    ),
    (
        "NET-7",
        "A message that was dropped from the output while the connection stayed whole, or fresh messages written out of order: output that more than one thread fills.",
    ),
    (
        "ACK-1",
        "seq_next counted before the message is there, counted twice for a duplicate, or moved over a gap; or an ACK of the session before.",
    ),
    (
        "HRD-1",
        "A connection on which the hello is not the first message: an ACK or a copy that waited in the output went ahead of it; or an incarnation id that was not remembered over a restart with a clock set back.",
    ),
    ("HRD-2", "Matters where a late message of a closed session arrives: it makes a ghost of a closed record."),
    ("HRD-3", "Matters where the last ACK of a close was lost: the other node would wait for ever."),
    ("HRD-4", "Matters in a rolling upgrade, when a peer of 3.1 comes back with 3.2."),
    ("HRD-5", "Matters after a fence with more than one lockspace: users would be counted wrongly."),
    ("HRD-6", "Matters after 2^31 messages and at the wrap of the numbers."),
    ("HRD-7", "Matters on a link that is quiet or lossy without a break that both ends notice."),
    (
        "H1",
        "A break that is noticed between reserve and commit of a message, under load. Seen as copies that leave out one number.",
    ),
    (
        "H2",
        "A socket error (reset, time-out) on a connection with partly written output, under load. Seen as fresh messages without any copies. `midcomms diagnose` finds it on a cluster that hangs now.",
    ),
    (
        "H3",
        "A connection that the peer, or something between the two (a firewall, a load balancer), closes in order while messages are under way.",
    ),
    (
        "H4",
        "The connection breaks, or the peer gives up, at the very end of a close. Seen as a record that is ESTABLISHED and has no lockspace.",
    ),
    (
        "H5",
        "A node that crashes or times out and joins again while old messages are still under way, on a new connection above all.",
    ),
    ("H6", "None: it cannot happen."),
    (
        "H7",
        "A link that falls quiet. Harmless in itself: the send queue (debugfs) shows up to some 30 messages that were delivered long ago.",
    ),
    ("H8", "Two lockspaces, a fence, and a rejoin before the second lockspace has heard of it."),
    ("H9", "A hostile or broken peer; the codec of this project refuses such lengths."),
    ("H11", "A session of more than 2^31 messages."),
    ("H13", "None while members are removed before the shutdown (CLS-2); with D2 it is real."),
    ("H14", "A break just before a close: the copies draw an ACK from a node that has sent its FIN already."),
    ("H15", "A break that one end notices later than the other, while an ACK is written."),
    ("H16", "A rolling upgrade from 3.1."),
    (
        "RCV-1",
        "The receiver compares with another number than seq_next, or moves seq_next without delivering; or the recorder tells an outcome that is not the one that was acted on.",
    ),
    (
        "RCV-2",
        "A copy is taken for fresh: seq_next was not moved when the original was accepted, was reset without a reset of the record, or numbers are compared without regard to the wrap.",
    ),
    (
        "RCV-3",
        "A message behind a gap is delivered or acknowledged: the receiver takes whatever comes, or it compares with the highest number seen instead of the next one.",
    ),
    (
        "REC-1",
        "A reset that forgets a field: the send queue, a flag of stop_tx and stop_rx, or a number from before. The next incarnation then begins where the last one ended.",
    ),
    (
        "CLS-2",
        "A shutdown that sends its FIN at once: before the peer's version is known there is nobody to answer it, and with members left the peer's FIN meets users above 0.",
    ),
    (
        "CLS-6",
        "A state that is set outside the table: in a timer, in an error path, by two threads in two steps. Look at what the node recorded just before the line that is named.",
    ),
    (
        "RUN-1",
        "Files of two runs given together; a transport or a proxy that changes, drops or repeats bytes; or messages that are recorded as written and then were not.",
    ),
    (
        "RUN-2",
        "Messages of one incarnation are accepted in another one, twice, or out of order: incarnation ids that are not compared, or a duplicate that was taken for fresh.",
    ),
    (
        "RUN-3",
        "An ACK that promises more than was accepted: sent before the message is delivered, or computed from the highest number seen. What it releases is lost if the connection breaks.",
    ),
];

/// What usually causes it.
pub fn of(id: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == id).map(|(_, cause)| *cause)
}
