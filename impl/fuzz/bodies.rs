//! What the fuzz targets do with their input. The corpus test runs the same functions.

use midcomms::wire::{
    Ack, Body, DecodeError, Frame, FrameError, Framer, HEADER_LEN, HalfMessage, Header, Inner, MSG_WORDS, Message, Msg,
    OptionItem, Options, Opts, Sender, decode as decode_message, plausible_header, resync, whole_messages,
};

/// One message: whatever decodes encodes to the same bytes, and whatever does not says where.
pub(crate) fn decode(data: &[u8]) {
    assert_eq!(Header::parse(data).is_some(), data.len() >= HEADER_LEN);
    match decode_message(data) {
        Ok(message) => check_message(&message, data),
        Err(error) => check_error(&error, data.len()),
    }
}

/// A stream: however it is cut into chunks, the messages are those of the uncut one.
///
/// The input is a number n (of its first byte the low four bits), n bytes that say the sizes of chunks, by turns, and
/// the stream.
pub(crate) fn framer(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else {
        return;
    };
    let (sizes, stream) = data.split_at_checked(usize::from(first & 15)).unwrap_or((&[], data));
    let whole = drive(core::iter::once(stream));
    let cut = drive(chunks(stream, sizes).into_iter());
    assert_eq!(whole, cut);
    check_stream(&whole, stream);
    if let Some(at) = resync(stream) {
        assert!(stream.get(at..).is_some_and(plausible_header));
    }
}

fn check_message(message: &Message<'_>, data: &[u8]) {
    let mut encoded = Vec::new();
    message.encode_into(&mut encoded);
    assert_eq!(encoded, data);
    let mut room = vec![0; data.len()];
    assert_eq!(message.encode_to_slice(&mut room), Ok(data.len()));
    assert_eq!(room, data);
    assert_eq!(Header::parse(data), Some(message.header()));
    if let Some(range) = message.inner_range() {
        let inner = data.get(range).and_then(Header::parse);
        assert_eq!(inner, message.inner().map(|inner| inner.header()));
    }
    if let Message::Opts(opts) = message {
        let (read, errors): (Vec<_>, Vec<_>) = opts.options().partition(Result::is_ok);
        assert!(errors.len() <= 1);
        assert!(read.len() <= opts.options().as_bytes().len() / 8);
        errors.iter().filter_map(|item| item.err()).for_each(|error| check_error(&error, data.len()));
        check_options(&read.into_iter().flatten().collect::<Vec<_>>());
    }
    if message.pads_are_zero() {
        assert!(built(message).is_none_or(|built| built == *message), "it is the sum of its parts");
    }
}

/// Options that were read can be written, and read again.
fn check_options(options: &[OptionItem<'_>]) {
    let mut out = Vec::new();
    for option in options {
        Options::push(&mut out, *option).expect("it was read");
    }
    let read: Result<Vec<_>, _> = Options::from_bytes(&out).collect();
    assert_eq!(read.as_deref(), Ok(options));
}

/// The message, made of its parts; `None` of one that nobody makes: headers that differ, a FIN with something behind it.
fn built<'a>(message: &Message<'a>) -> Option<Message<'a>> {
    let built = match message {
        Message::Opts(opts) if sender(&opts.header()) != sender(&opts.inner().header()) => return None,
        Message::Opts(opts) => Opts::new(opts.seq(), opts.options(), built_inner(opts.inner())?).map(Message::from),
        Message::Ack(ack) => Ack::new(sender(&ack.header())?, ack.seq(), ack.tail()).map(Message::from),
        Message::Bare(inner) => Ok(Message::from(built_inner(inner)?)),
    };
    Some(built.expect("it was read"))
}

fn sender(header: &Header) -> Option<Sender> {
    Some(Sender { version: header.known_version()?, nodeid: header.nodeid })
}

fn built_inner<'a>(inner: &Inner<'a>) -> Option<Inner<'a>> {
    let (sender, lockspace) = (inner.sender(), inner.lockspace().unwrap_or_default());
    let built = match inner.body() {
        Body::Msg(msg) => {
            let words: Vec<_> = msg.words().collect();
            assert_eq!((words.len(), words.first()), (MSG_WORDS, Some(&msg.code())));
            Inner::msg(sender, lockspace, Msg::new(msg.fixed(), msg.block()))
        }
        Body::Rcom(rcom) => Inner::rcom(sender, lockspace, *rcom),
        Body::Fin { tail } if tail.is_empty() && inner.header().word == 0 => Ok(Inner::fin(sender)),
        Body::Fin { .. } => return None,
    };
    Some(built.expect("it was read"))
}

fn check_error(error: &DecodeError, len: usize) {
    assert!(error.offset <= len, "{error}");
    assert!(error.to_string().contains(error.rule()));
}

type Story = (Vec<(u64, Vec<u8>)>, Option<FrameError>, Option<HalfMessage>);

fn drive<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Story {
    let mut framer = Framer::new();
    let mut messages = Vec::new();
    for chunk in chunks {
        let mut frames = framer.frames(chunk);
        while let Some(frame) = frames.next_frame() {
            match frame {
                Ok(Frame { offset, bytes }) => messages.push((offset, bytes.to_vec())),
                Err(error) => assert!(error.offset < u64::MAX),
            }
        }
    }
    let error = framer.error();
    (messages, error, framer.finish())
}

fn chunks<'a>(mut stream: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let mut turns = sizes.iter().cycle().map(|&size| match usize::from(size) {
        small @ 0..128 => small + 1,
        large => (large - 127) * 64,
    });
    let mut chunks = Vec::new();
    while !stream.is_empty() {
        let size = turns.next().unwrap_or(stream.len());
        let (chunk, rest) = stream.split_at_checked(size).unwrap_or((stream, &[]));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}

/// The messages are the stream, without a gap, up to its error or its half message.
fn check_stream((messages, error, half): &Story, stream: &[u8]) {
    let whole: usize = messages.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(whole_messages(stream), if error.is_some() { stream.len() } else { whole });
    let mut rest = stream;
    let mut at = 0;
    for (offset, bytes) in messages {
        assert_eq!(*offset, at);
        assert!(rest.starts_with(bytes));
        rest = rest.get(bytes.len()..).unwrap_or_default();
        at += bytes.len() as u64;
        decode(bytes);
    }
    match (error, half) {
        (Some(error), None) => assert_eq!(error.offset, at),
        (None, Some(half)) => assert_eq!((half.offset, half.received), (at, rest.len())),
        (None, None) => assert!(rest.is_empty()),
        (Some(_), Some(_)) => unreachable!("an unparseable stream has no half message"),
    }
}
