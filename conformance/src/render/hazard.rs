//! The hazards of `PROTOCOL.md`, section 12, that a stall can match, in a sentence each.

/// What the hazard with this id is.
pub(super) fn text(id: &str) -> &'static str {
    match id {
        "H1" => {
            "a message that was reserved but not committed when the break was noticed is not copied, then goes out \
             ahead of the copies: a gap that nothing fills"
        }
        "H2" => {
            "after a socket error the copies are queued into the page that is then dropped as partly written, so \
             what was lost is not sent again unless another break follows"
        }
        "H3" => "an orderly close by the peer starts no retransmission",
        _ => "see model/PROTOCOL.md, section 12",
    }
}
