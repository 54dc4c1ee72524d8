//! From a message's bytes to the model's view of it, and the rules that one message alone can break.

use midcomms::wire::{self, Body, DecodeError, MsgType, RcomType};
use midcomms_model::rule::{self, Rule};
use midcomms_model::{BareKind, Ids, Inner, Message, Refusal, Seq, Version};
use xxhash_rust::xxh3::xxh3_64;

/// The result of a STATUS reply that says "not ready": -ESRCH (SND-2).
const NOT_READY: i32 = -3;

/// The kinds of tail that an ACK of `hardened` may have (HRD-1, HRD-3).
const HELLO: u32 = 1;
const GONE: u32 = 2;

/// A message, translated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Translated {
    pub(crate) message: Message,
    pub(crate) version: Version,
    pub(crate) nodeid: u32,
    /// Outer, or inner where there is an envelope: what a delivery is listed as.
    pub(crate) kind: Kind,
}

/// What a message is, compactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Length of the MSG, RCOM or FIN with its header and without its envelope, in bytes; of an ACK, all of it.
    pub(crate) length: u16,
    /// The code of its cmd.
    pub(crate) cmd: u8,
    /// The code of its type, 0 where it has none.
    pub(crate) code: u8,
}

/// Translates a message, or says by which rule its sender must not have sent it.
pub(crate) fn translate(bytes: &[u8]) -> Result<Translated, Refusal> {
    let message = wire::decode(bytes).map_err(|error| undecodable(&error))?;
    check_alone(&message)?;
    let version = match message.version() {
        wire::Version::V3_1 => Version::V3_1,
        wire::Version::V3_2 => Version::V3_2,
    };
    let kind = message.inner().map_or_else(
        || Kind { length: message.header().length, cmd: message.header().cmd, code: 0 },
        |inner| Kind { length: inner.header().length, cmd: inner.cmd().to_wire(), code: type_code(inner.body()) },
    );
    let translated = match &message {
        wire::Message::Opts(opts) => {
            Message::Opts { seq: Seq(opts.seq().0), inner: inner(opts.inner().body()), body: xxh3_64(bytes) }
        }
        wire::Message::Ack(ack) => acknowledgement(ack),
        wire::Message::Bare(bare) => Message::Bare(bare_kind(bare.body())),
    };
    Ok(Translated { message: translated, version, nodeid: message.header().nodeid.0, kind })
}

fn undecodable(error: &DecodeError) -> Refusal {
    let rule = Rule::find(error.rule()).unwrap_or(rule::WIRE_4);
    let text = error.kind.to_string();
    let at = format!("at byte {}", error.offset);
    match text.strip_prefix("expected ").and_then(|rest| rest.rsplit_once(", got ")) {
        Some((expected, got)) => Refusal::new(rule, expected, format!("{got} {at}")),
        None => Refusal::new(rule, "a message that decodes", format!("{text} {at}")),
    }
}

/// WIRE-6, WIRE-7, WIRE-8: what a sender owes in a single message.
fn check_alone(message: &wire::Message<'_>) -> Result<(), Refusal> {
    if !message.pads_are_zero() {
        return Err(Refusal::new(rule::WIRE_6, "pad bytes of 0", "a pad that is not 0"));
    }
    let outer = message.header();
    if let wire::Message::Opts(opts) = message {
        let inner = opts.inner().header();
        if inner.nodeid != outer.nodeid {
            let expected = format!("node {} in both headers", outer.nodeid);
            return Err(Refusal::new(rule::WIRE_7, expected, format!("node {} in the inner one", inner.nodeid)));
        }
        if inner.version != outer.version {
            let expected = format!("version {:#x} in both headers", outer.version);
            return Err(Refusal::new(rule::WIRE_7, expected, format!("{:#x} in the inner one", inner.version)));
        }
        if !opts.options().as_bytes().is_empty() {
            let got = format!("{} bytes of options", opts.options().as_bytes().len());
            return Err(Refusal::new(rule::WIRE_8, "no options", got));
        }
    }
    if let wire::Message::Ack(ack) = message
        && !ack.tail().is_empty()
        && tail(ack.tail()).is_none()
    {
        return Err(Refusal::new(rule::WIRE_8, "an ACK of 16 bytes", format!("one of {}", outer.length)));
    }
    message.inner().map_or(Ok(()), |inner| check_body(inner))
}

/// What the tail of an ACK of `hardened` says: its kind and the ids (HRD-1).
fn tail(bytes: &[u8]) -> Option<(u32, Ids)> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (source, rest) = rest.split_first_chunk::<8>()?;
    let destination: &[u8; 8] = rest.try_into().ok()?;
    let kind = u32::from_le_bytes(*kind);
    let destination = Some(u64::from_le_bytes(*destination)).filter(|id| *id != 0);
    let ids = Ids { source: u64::from_le_bytes(*source), destination };
    (magic == b"HRD1" && matches!(kind, HELLO | GONE)).then_some((kind, ids))
}

fn acknowledgement(ack: &wire::Ack<'_>) -> Message {
    let number = Seq(ack.seq().0);
    match tail(ack.tail()) {
        Some((HELLO, ids)) => Message::Hello(number, ids),
        Some((_, ids)) => Message::Gone(ids),
        None => Message::Ack(number),
    }
}

fn check_body(inner: &wire::Inner<'_>) -> Result<(), Refusal> {
    match inner.body() {
        Body::Fin { tail } if !tail.is_empty() => {
            Err(Refusal::new(rule::WIRE_8, "a FIN of 16 bytes", format!("one of {}", inner.header().length)))
        }
        Body::Fin { .. } if inner.header().word != 0 => {
            let got = format!("{}", inner.header().word);
            Err(Refusal::new(rule::WIRE_6, "0 as the second word of a FIN", got))
        }
        Body::Msg(msg) if msg.kind().is_none() => {
            Err(Refusal::new(rule::WIRE_6, "a MSG type from 1 to 14", format!("{}", msg.code())))
        }
        Body::Rcom(rcom) if rcom.kind().is_none() => {
            Err(Refusal::new(rule::WIRE_6, "an RCOM type from 1 to 8", format!("{}", rcom.code)))
        }
        _ => Ok(()),
    }
}

fn inner(body: &Body<'_>) -> Inner {
    match body {
        Body::Msg(_) => Inner::Msg,
        Body::Fin { .. } => Inner::Fin,
        Body::Rcom(rcom) => match rcom.kind() {
            Some(RcomType::StatusReply) if rcom.result == NOT_READY => Inner::StatusNotReady,
            Some(RcomType::Status | RcomType::StatusReply) => Inner::Status,
            Some(RcomType::Names | RcomType::NamesReply) => Inner::Names,
            _ => Inner::Rcom,
        },
    }
}

fn bare_kind(body: &Body<'_>) -> BareKind {
    match inner(body) {
        Inner::Status => BareKind::Status,
        Inner::StatusNotReady => BareKind::StatusNotReady,
        Inner::Names => BareKind::Names,
        Inner::Msg | Inner::Rcom => BareKind::Other,
        Inner::Fin => BareKind::Fin,
    }
}

fn type_code(body: &Body<'_>) -> u8 {
    let code = match body {
        Body::Msg(msg) => msg.code(),
        Body::Rcom(rcom) => rcom.code,
        Body::Fin { .. } => 0,
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}

impl Kind {
    /// Name of the cmd.
    pub(crate) fn cmd_name(self) -> &'static str {
        wire::Cmd::from_wire(self.cmd).map_or("?", wire::Cmd::name)
    }

    /// Name of the type, empty where it has none.
    pub(crate) fn type_name(self) -> &'static str {
        match wire::Cmd::from_wire(self.cmd) {
            Some(wire::Cmd::Msg) => MsgType::from_wire(u32::from(self.code)).map_or("?", MsgType::name),
            Some(wire::Cmd::Rcom) => RcomType::from_wire(u32::from(self.code)).map_or("?", RcomType::name),
            _ => "",
        }
    }
}
