//! A message in one line, for people.

use midcomms::wire::{self, Body, Header, Message};

/// One line that says what the message is, or why it is none.
pub fn describe(bytes: &[u8]) -> String {
    match wire::decode(bytes) {
        Ok(message) => describe_message(&message),
        Err(error) => match Header::parse(bytes) {
            Some(header) => format!(
                "cmd {} word {} node {} length {}: {error}",
                header.cmd, header.word, header.nodeid, header.length
            ),
            None => format!("{} bytes: {error}", bytes.len()),
        },
    }
}

fn describe_message(message: &Message<'_>) -> String {
    let header = message.header();
    let what = match message {
        Message::Opts(opts) => format!("OPTS {} {}", opts.seq().0, name(opts.inner().body())),
        Message::Ack(ack) => format!("ACK {}", ack.seq().0),
        Message::Bare(inner) => name(inner.body()),
    };
    format!("{what} (node {}, {} bytes)", header.nodeid, header.length)
}

/// Cmd and type.
pub fn name(body: &Body<'_>) -> String {
    match body {
        Body::Msg(msg) => {
            msg.kind().map_or_else(|| format!("MSG type {}", msg.code()), |kind| format!("MSG {}", kind.name()))
        }
        Body::Rcom(rcom) => {
            rcom.kind().map_or_else(|| format!("RCOM type {}", rcom.code), |kind| format!("RCOM {}", kind.name()))
        }
        Body::Fin { .. } => "FIN".to_owned(),
    }
}
