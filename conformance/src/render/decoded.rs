//! A message taken apart into the columns of `decode`.

use std::borrow::Cow;

use midcomms::wire::{self, Body, Cmd, FrameError, Header, Message, MsgType, RcomType};

/// The columns; `None` where a message has no such field, or nothing could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) cmd: Option<Cow<'static, str>>,
    pub(super) seq: Option<u32>,
    pub(super) inner: Option<&'static str>,
    pub(super) kind: Option<Cow<'static, str>>,
    pub(super) length: Option<u16>,
    pub(super) nodeid: Option<u32>,
    pub(super) error: Option<String>,
}

impl Decoded {
    /// Of a whole message's bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match wire::decode(bytes) {
            Ok(message) => Self::of_message(&message),
            Err(error) => {
                let header = Header::parse(bytes).map(of_header).unwrap_or_default();
                Self { error: Some(error.to_string()), ..header }
            }
        }
    }

    /// Of a place where no message can begin (WIRE-2).
    pub(super) fn unparseable(error: &FrameError) -> Self {
        Self { length: Some(error.length), error: Some(error.to_string()), ..Self::default() }
    }

    fn of_message(message: &Message<'_>) -> Self {
        let inner = match message {
            Message::Opts(opts) => Some(opts.next_cmd().name()),
            Message::Ack(_) | Message::Bare(_) => None,
        };
        let kind = message.inner().and_then(|inner| kind(inner.body()));
        Self { inner, kind, ..of_header(message.header()) }
    }
}

fn of_header(header: Header) -> Decoded {
    let cmd = header.known_cmd();
    let numbered = matches!(cmd, Some(Cmd::Opts | Cmd::Ack));
    Decoded {
        cmd: Some(cmd.map_or_else(|| header.cmd.to_string().into(), |cmd| cmd.name().into())),
        seq: numbered.then_some(header.word),
        length: Some(header.length),
        nodeid: Some(header.nodeid.0),
        ..Decoded::default()
    }
}

fn kind(body: &Body<'_>) -> Option<Cow<'static, str>> {
    let (name, code) = match body {
        Body::Msg(msg) => (msg.kind().map(MsgType::name), msg.code()),
        Body::Rcom(rcom) => (rcom.kind().map(RcomType::name), rcom.code),
        Body::Fin { .. } => return None,
    };
    Some(name.map_or_else(|| code.to_string().into(), Cow::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACK: [u8; 16] = [2, 0, 3, 0, 7, 0, 0, 0, 1, 0, 0, 0, 16, 0, 4, 0];

    #[test]
    fn an_ack_has_a_number_and_no_inner_message() {
        let expected =
            Decoded { cmd: Some("ACK".into()), seq: Some(7), length: Some(16), nodeid: Some(1), ..Decoded::default() };
        assert_eq!(Decoded::of(&ACK), expected);
    }

    #[test]
    fn what_cannot_be_decoded_tells_its_header_and_the_reason() {
        let mut bytes = ACK;
        bytes[14] = 9;
        let decoded = Decoded::of(&bytes);
        assert_eq!(decoded.cmd.as_deref(), Some("9"));
        assert_eq!(decoded.nodeid, Some(1));
        assert!(decoded.error.unwrap().contains("at byte 14"));
    }
}
