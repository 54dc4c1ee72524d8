//! What replay says of two traces.

use serde_json::Value;

use super::AnonymizeError;
use crate::replay::FileReport;

/// Fields that say what was replaced, or are for people and say frames.
const REPLACED: [&str; 3] = ["address", "message", "before"];
/// Fields that name frames.
const FRAMES: [&str; 4] = ["frame", "first_frame", "break_frame", "filled_by"];

/// Checks that everything is the same but what was replaced; `original` is the frame of the original of a frame of `got`.
pub(super) fn compare(
    name: &str,
    expected: &FileReport,
    got: &FileReport,
    original: &dyn Fn(u64) -> u64,
) -> Result<(), AnonymizeError> {
    let [expected, got] = [(expected, None), (got, Some(original))].map(|(report, original)| {
        let mut pairs = serde_json::to_value(&report.pairs).unwrap_or_default();
        reduce(&mut pairs, original);
        serde_json::json!({
            "verdict": report.verdict, "messages": report.messages, "holes": report.holes, "pairs": pairs,
        })
    });
    match difference("", &expected, &got) {
        None => Ok(()),
        Some((what, expected, got)) => Err(AnonymizeError::Differs { name: name.to_owned(), what, expected, got }),
    }
}

fn reduce(value: &mut Value, original: Option<&dyn Fn(u64) -> u64>) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| reduce(value, original)),
        Value::Object(fields) => {
            fields.retain(|name, _| !REPLACED.contains(&name.as_str()));
            for (name, value) in fields {
                match (FRAMES.contains(&name.as_str()), value.as_u64(), original) {
                    (true, Some(frame), Some(original)) => *value = original(frame).into(),
                    _ => reduce(value, original),
                }
            }
        }
        Value::String(text) => {
            if let Some(original) = original {
                *text = with_frames(text, original);
            }
        }
        _ => {}
    }
}

/// A text in which frames are called as in the original.
fn with_frames(text: &str, original: &dyn Fn(u64) -> u64) -> String {
    const FRAME: &str = "frame ";
    let mut parts = text.split(FRAME);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let number = number.parse().map_or_else(|_| number.to_owned(), |frame| original(frame).to_string());
        told.extend([FRAME, &number, rest]);
    }
    told
}

/// The first place where two values differ, and what is there.
fn difference(place: &str, expected: &Value, got: &Value) -> Option<(String, String, String)> {
    if expected == got {
        return None;
    }
    let inner = match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => expected.iter().find_map(|(name, value)| {
            difference(&format!("{place}/{name}"), value, got.get(name).unwrap_or(&Value::Null))
        }),
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            let both = expected.iter().zip(got).enumerate();
            both.into_iter().find_map(|(index, (expected, got))| difference(&format!("{place}/{index}"), expected, got))
        }
        _ => None,
    };
    inner.or_else(|| Some((place.trim_start_matches('/').to_owned(), expected.to_string(), got.to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_in_a_text_are_those_of_the_original() {
        let told = with_frames("since frame 9, then frame 10; no frame at all", &|frame| frame + 100);
        assert_eq!(told, "since frame 109, then frame 110; no frame at all");
    }

    #[test]
    fn the_first_difference_is_told_with_its_place() {
        let one = json!({"pairs": [{"verdict": "accepted"}], "holes": 0});
        let other = json!({"pairs": [{"verdict": "rejected"}], "holes": 0});
        let expected = ("pairs/0/verdict".to_owned(), "\"accepted\"".to_owned(), "\"rejected\"".to_owned());
        assert_eq!(difference("", &one, &other), Some(expected));
        assert_eq!(difference("", &one, &one), None);
    }
}
