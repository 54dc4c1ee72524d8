//! Wire codec: what a message of the protocol looks like as bytes, and where messages begin in a stream.
//!
//! The codec knows no records, sockets or clock. It reads without allocating or copying, it writes into a buffer of
//! the caller's, and nothing that it reads makes it panic. Rule ids (`WIRE-4`) are those of the protocol reference.
//!
//! | step | item | rules |
//! |---|---|---|
//! | stream to messages | [`Framer`], [`Frame`]; after a hole [`resync`] | WIRE-2, WIRE-3 |
//! | bytes to a message | [`decode`] gives [`Message`]; [`Header::parse`] where that fails | WIRE-4 |
//! | parts to a message | [`Inner::msg`], [`Inner::rcom`], [`Inner::fin`], [`Opts::new`], [`Ack::new`] | WIRE-1 |
//! | a message to bytes | [`Message::encode_into`], [`Message::encode_to_slice`] | |
//!
//! A [`Message`] holds every byte that it was read from, pads included: encoding what was decoded gives the same bytes.
//! What the rules of a record judge (a bare FIN, two node ids that differ, a type outside the table) is no error here;
//! the accessors show it.
//!
//! ```
//! use midcomms::wire::{Body, Framer, Inner, Message, NodeId, Options, Opts, Sender, Seq, Version};
//!
//! let sender = Sender { version: Version::V3_2, nodeid: NodeId(2) };
//! let fin = Message::from(Opts::new(Seq(7), Options::default(), Inner::fin(sender))?);
//! let mut stream = Vec::new();
//! fin.encode_into(&mut stream);
//! assert_eq!(stream.len(), 40);
//!
//! let mut framer = Framer::new();
//! let mut frames = framer.frames(&stream);
//! while let Some(frame) = frames.next_frame() {
//!     match frame?.decode()? {
//!         Message::Opts(opts) => {
//!             assert_eq!(opts.seq(), Seq(7));
//!             assert!(matches!(opts.inner().body(), Body::Fin { .. }));
//!         }
//!         other => unreachable!("{other:?}"),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cursor;
mod decode;
mod encode;
mod error;
mod frame;
mod header;
mod ids;
mod inner;
mod message;
mod names;
mod options;
mod resync;

pub use decode::decode;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, FrameError};
pub use frame::{Frame, Framer, Frames, HalfMessage, whole_messages};
pub use header::{
    HEADER_LEN, Header, MAX_INNER_LEN, MAX_MESSAGE_LEN, MSG_FIXED_LEN, MSG_LEN, MSG_WORDS, OPTS_LEN, RCOM_LEN,
    VERSION_3_1, VERSION_3_2,
};
pub use ids::{LockspaceId, NodeId, Sender, Seq};
pub use inner::{Body, Inner, Msg, Rcom};
pub use message::{Ack, Message, Opts};
pub use names::{Cmd, MsgType, RcomType, Version};
pub use options::{OPTION_HEAD_LEN, OptionItem, Options};
pub use resync::{plausible_header, resync};
