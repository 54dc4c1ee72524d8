//! From the message of a line to bytes.

use midcomms::wire::{
    Ack, HEADER_LEN, Inner, LockspaceId, MSG_FIXED_LEN, Message, Msg, MsgType, NodeId, Options, Opts, Rcom, RcomType,
    Sender, Seq, Version,
};

use super::line::MessageLine;

/// The lockspace of every message that is not given as bytes.
const LOCKSPACE: LockspaceId = LockspaceId(1);

/// The bytes of a message from node `from`; says what is missing or wrong.
pub fn encode(line: &MessageLine, from: u32) -> Result<Vec<u8>, String> {
    if let Some(digits) = &line.bytes {
        return raw(digits);
    }
    let cmd = line.cmd.as_deref().ok_or("a message needs `cmd`, or `bytes`")?;
    let sender = Sender { version: version(line)?, nodeid: NodeId(from) };
    let seq = || line.seq.map(Seq).ok_or_else(|| format!("{cmd} needs `seq`"));
    let mut out = Vec::with_capacity(128);
    match cmd {
        "OPTS" => {
            let inner = line.inner.as_deref().ok_or("OPTS needs `inner`: MSG, RCOM or FIN")?;
            let seq = seq()?;
            with_inner(line, inner, sender, |inner| {
                let opts = Opts::new(seq, Options::from_bytes(&[]), inner).map_err(|error| error.to_string())?;
                Message::from(opts).encode_into(&mut out);
                Ok(())
            })?;
        }
        "ACK" => {
            let ack = Ack::new(sender, seq()?, &[]).map_err(|error| error.to_string())?;
            Message::from(ack).encode_into(&mut out);
        }
        bare => with_inner(line, bare, sender, |inner| {
            Message::from(inner).encode_into(&mut out);
            Ok(())
        })?,
    }
    Ok(out)
}

fn version(line: &MessageLine) -> Result<Version, String> {
    let name = line.version.as_deref().unwrap_or("3.2");
    let found = Version::ALL.iter().find(|version| version.name() == name);
    found.copied().ok_or_else(|| format!("version {name:?} is neither 3.1 nor 3.2"))
}

fn with_inner(
    line: &MessageLine,
    cmd: &str,
    sender: Sender,
    take: impl FnOnce(Inner<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let body = line.body.unwrap_or_default();
    let inner = match cmd {
        "FIN" => return take(Inner::fin(sender)),
        "MSG" => {
            let name = line.kind.as_deref().unwrap_or("REQUEST");
            let kind = MsgType::ALL.iter().find(|kind| kind.name() == name);
            let code = kind.ok_or_else(|| format!("{name:?} is no type of MSG"))?.to_wire();
            let mut fixed = [0; MSG_FIXED_LEN];
            let words = code.to_le_bytes().into_iter().chain(body.to_le_bytes());
            fixed.iter_mut().zip(words).for_each(|(byte, value)| *byte = value);
            return take(Inner::msg(sender, LOCKSPACE, Msg::new(&fixed, &[])).map_err(|error| error.to_string())?);
        }
        "RCOM" => {
            let name = line.kind.as_deref().ok_or("RCOM needs `type`")?;
            let kind = RcomType::ALL.iter().find(|kind| kind.name() == name);
            let code = kind.ok_or_else(|| format!("{name:?} is no type of RCOM"))?.to_wire();
            let result = line.result.unwrap_or_default();
            Inner::rcom(sender, LOCKSPACE, Rcom { code, result, id: body, seq: 0, seq_reply: 0, payload: &[] })
        }
        other => return Err(format!("{other:?} is no cmd: OPTS, ACK, MSG, RCOM or FIN")),
    };
    take(inner.map_err(|error| error.to_string())?)
}

/// Hexadecimal digits that are one whole message by the length in its header.
fn raw(digits: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let bytes: Vec<u8> = pairs.collect::<Option<_>>().ok_or("`bytes` are not pairs of hexadecimal digits")?;
    let claimed = match bytes.get(12..14) {
        Some(&[low, high]) => usize::from(u16::from_le_bytes([low, high])),
        _ => 0,
    };
    if bytes.len() < HEADER_LEN || claimed != bytes.len() {
        return Err(format!("`bytes` are not one message: {} bytes, whose header says {claimed}", bytes.len()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> MessageLine {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        for (text, expected) in [
            (r#"{"cmd":"OPTS","seq":7,"inner":"FIN"}"#, "OPTS 7 FIN (node 3, 40 bytes)"),
            (r#"{"cmd":"OPTS","seq":7,"inner":"MSG","type":"GRANT","body":5}"#, "OPTS 7 MSG GRANT (node 3, 112 bytes)"),
            (r#"{"cmd":"ACK","seq":8}"#, "ACK 8 (node 3, 16 bytes)"),
            (r#"{"cmd":"RCOM","type":"STATUS"}"#, "RCOM STATUS (node 3, 48 bytes)"),
        ] {
            let bytes = encode(&line(text), 3).unwrap();
            assert_eq!(crate::describe::describe(&bytes), expected);
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(raw(&digits).unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, expected) in [
            ("{}", "`cmd`"),
            (r#"{"cmd":"OPTS","inner":"FIN"}"#, "`seq`"),
            (r#"{"cmd":"OPTS","seq":1}"#, "`inner`"),
            (r#"{"cmd":"RCOM"}"#, "`type`"),
            (r#"{"cmd":"HELLO"}"#, "HELLO"),
            (r#"{"cmd":"ACK","seq":1,"version":"4.0"}"#, "4.0"),
            (r#"{"bytes":"0g"}"#, "hexadecimal"),
            (r#"{"bytes":"00"}"#, "not one message"),
        ] {
            let error = encode(&line(text), 3).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
