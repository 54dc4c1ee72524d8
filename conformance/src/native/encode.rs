//! From the message of a line to bytes.

use midcomms::wire::{
    Ack, HEADER_LEN, Inner, LockspaceId, MSG_FIXED_LEN, Message, Msg, MsgType, NodeId, Options, Opts, Rcom, RcomType,
    Sender, Seq, Version,
};

use super::borrowed::MessageRef;

/// The lockspace of every message that is not given as bytes.
const LOCKSPACE: LockspaceId = LockspaceId(1);

/// The bytes of a message from node `from`, into `out`; says what is missing or wrong.
pub fn encode(line: &MessageRef<'_>, from: u32, out: &mut Vec<u8>) -> Result<(), String> {
    out.clear();
    if let Some(digits) = &line.bytes {
        return raw(digits, out);
    }
    let cmd = line.cmd.as_deref().ok_or("a message needs `cmd`, or `bytes`")?;
    let sender = Sender { version: version(line)?, nodeid: NodeId(from) };
    let seq = || line.seq.map(Seq).ok_or_else(|| format!("{cmd} needs `seq`"));
    match cmd {
        "OPTS" => {
            let inner = line.inner.as_deref().ok_or("OPTS needs `inner`: MSG, RCOM or FIN")?;
            let seq = seq()?;
            with_inner(line, inner, sender, |inner| {
                let opts = Opts::new(seq, Options::from_bytes(&[]), inner).map_err(|error| error.to_string())?;
                Message::from(opts).encode_into(out);
                Ok(())
            })?;
        }
        "ACK" => {
            let ack = Ack::new(sender, seq()?, &[]).map_err(|error| error.to_string())?;
            Message::from(ack).encode_into(out);
        }
        bare => with_inner(line, bare, sender, |inner| {
            Message::from(inner).encode_into(out);
            Ok(())
        })?,
    }
    Ok(())
}

fn version(line: &MessageRef<'_>) -> Result<Version, String> {
    let name = line.version.as_deref().unwrap_or("3.2");
    let found = Version::ALL.iter().find(|version| version.name() == name);
    found.copied().ok_or_else(|| format!("version {name:?} is neither 3.1 nor 3.2"))
}

fn with_inner(
    line: &MessageRef<'_>,
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

/// What no digit stands for.
const NO_DIGIT: u8 = 0xff;
/// The values of hexadecimal digits.
#[expect(clippy::indexing_slicing, reason = "it is evaluated when it is compiled")]
const DIGITS: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value: u8 = 0;
    while value < 16 {
        let digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

/// Hexadecimal digits that are one whole message by the length in its header.
fn raw(digits: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let value = |digit: u8| DIGITS.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
    let pairs = digits.as_bytes().chunks_exact(2);
    let mut all = if pairs.remainder().is_empty() { 0 } else { NO_DIGIT };
    out.extend(pairs.map(|pair| match pair {
        [high, low] => {
            let (high, low) = (value(*high), value(*low));
            all |= high | low;
            high << 4 | low
        }
        _ => 0,
    }));
    if all & 0xf0 != 0 {
        return Err("`bytes` are not pairs of hexadecimal digits".to_owned());
    }
    let claimed = claimed_length(out);
    if out.len() < HEADER_LEN || claimed != out.len() {
        return Err(format!("`bytes` are not one message: {} bytes, whose header says {claimed}", out.len()));
    }
    Ok(())
}

/// The length that a message's header gives.
pub fn claimed_length(message: &[u8]) -> usize {
    match message.get(12..14) {
        Some(&[low, high]) => usize::from(u16::from_le_bytes([low, high])),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        encode(&serde_json::from_str(text).unwrap(), 3, &mut out).map(|()| out)
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        for (text, expected) in [
            (r#"{"cmd":"OPTS","seq":7,"inner":"FIN"}"#, "OPTS 7 FIN (node 3, 40 bytes)"),
            (r#"{"cmd":"OPTS","seq":7,"inner":"MSG","type":"GRANT","body":5}"#, "OPTS 7 MSG GRANT (node 3, 112 bytes)"),
            (r#"{"cmd":"ACK","seq":8}"#, "ACK 8 (node 3, 16 bytes)"),
            (r#"{"cmd":"RCOM","type":"STATUS"}"#, "RCOM STATUS (node 3, 48 bytes)"),
        ] {
            let bytes = encoded(text).unwrap();
            assert_eq!(crate::describe::describe(&bytes), expected);
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = format!("{{\"bytes\":\"{digits}\"}}");
            assert_eq!(encoded(&text).unwrap(), bytes);
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
            let error = encoded(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
