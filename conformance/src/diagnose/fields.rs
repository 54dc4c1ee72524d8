//! Numbers and words out of lines of text.

use std::str::FromStr;

/// The number behind `name`, up to the first character that is no digit.
pub(super) fn number_after<T: FromStr>(line: &str, name: &str) -> Option<T> {
    leading_number(line.split_once(name)?.1)
}

/// The number at the beginning, decimal, perhaps negative.
pub(super) fn leading_number<T: FromStr>(text: &str) -> Option<T> {
    let text = text.trim_start();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    text.get(..length + (text.len() - digits.len()))?.parse().ok()
}

/// The number at the end: 2 of `node2`.
pub(super) fn trailing_number(name: &str) -> Option<u32> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.get(stem.len()..)?.parse().ok()
}

/// Decimal, or hexadecimal behind `0x`.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_where_their_names_say() {
        let line = "ignore dlm msg because seq mismatch, seq: 7899, expected: 7860, nodeid: 2";
        assert_eq!(number_after::<u32>(line, "expected: "), Some(7860));
        assert_eq!(number_after::<u32>(line, "nodeid: "), Some(2));
        assert_eq!(number_after::<u32>(line, "no such name"), None);
        assert_eq!(leading_number::<i32>("-111"), Some(-111));
        assert_eq!(leading_number::<u32>("x"), None);
        assert_eq!(leading_number::<u32>("99999999999"), None);
        assert_eq!((trailing_number("node12"), trailing_number("node")), (Some(12), None));
        assert_eq!((number("0x00030002"), number("7"), number("0xg")), (Some(0x3_0002), Some(7), None));
    }
}
