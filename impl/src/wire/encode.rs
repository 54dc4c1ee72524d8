//! From a [`Message`] to bytes. A message that exists can be encoded: only room can be missing.

use super::error::EncodeError;
use super::inner::{Body, Inner};
use super::message::{Message, Opts};

impl Message<'_> {
    /// Appends the message to `out`, pads as they are. Without growing `out` if it has room.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.reserve(usize::from(self.header().length));
        self.write(&mut |piece| out.extend_from_slice(piece));
    }

    /// Writes the message to the front of `out` and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// [`EncodeError::NoRoom`]; then `out` is unchanged.
    pub fn encode_to_slice(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let (expected, got) = (usize::from(self.header().length), out.len());
        let mut room = out.get_mut(..expected).ok_or(EncodeError::NoRoom { expected, got })?;
        self.write(&mut |piece| {
            // The room is as long as all the pieces together, so the split succeeds.
            if let Some((front, rest)) = core::mem::take(&mut room).split_at_mut_checked(piece.len()) {
                front.copy_from_slice(piece);
                room = rest;
            }
        });
        Ok(expected)
    }

    fn write(&self, put: &mut impl FnMut(&[u8])) {
        match self {
            Self::Opts(opts) => write_opts(opts, put),
            Self::Ack(ack) => {
                put(&ack.header().to_bytes());
                put(ack.tail);
            }
            Self::Bare(inner) => write_inner(inner, put),
        }
    }
}

fn write_opts(opts: &Opts<'_>, put: &mut impl FnMut(&[u8])) {
    put(&opts.header().to_bytes());
    put(&[opts.next_cmd().to_wire(), opts.next_pad]);
    put(&opts.optlen.to_le_bytes());
    put(&opts.opt_pad.to_le_bytes());
    put(opts.options.as_bytes());
    write_inner(&opts.inner, put);
}

fn write_inner(inner: &Inner<'_>, put: &mut impl FnMut(&[u8])) {
    put(&inner.header().to_bytes());
    match &inner.body {
        Body::Msg(msg) => {
            put(msg.fixed);
            put(msg.block);
        }
        Body::Rcom(rcom) => {
            put(&rcom.code.to_le_bytes());
            put(&rcom.result.to_le_bytes());
            put(&rcom.id.to_le_bytes());
            put(&rcom.seq.to_le_bytes());
            put(&rcom.seq_reply.to_le_bytes());
            put(rcom.payload);
        }
        Body::Fin { tail } => put(tail),
    }
}
