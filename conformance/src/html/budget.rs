//! How large a page may grow, and what was left out for that.

use serde::Serialize;
use serde_json::Value;

use crate::replay::picture::Picture;

/// Plainly accepted files that are listed.
const PLAIN_FILES: usize = 2000;
/// Plainly accepted files that are drawn.
const PLAIN_PICTURES: usize = 40;
/// Files of any other kind that are listed.
const OTHER_FILES: usize = 10_000;
/// Bytes of pictures, and of counterexamples.
const DRAWN_BYTES: usize = 16 << 20;

/// What was let in, and, as it is told in the page, what was not.
#[derive(Debug, Default, Serialize)]
pub(super) struct Budget {
    /// Accepted files that are only counted, and their messages.
    accepted: u64,
    accepted_messages: u64,
    /// Other files that are only counted.
    files: u64,
    /// Pairs without a picture.
    pictures: u64,
    /// Counterexamples without their story.
    counterexamples: u64,
    #[serde(skip)]
    seen: [usize; 2],
    #[serde(skip)]
    plain_pictures: usize,
    #[serde(skip)]
    drawn_bytes: usize,
}

impl Budget {
    /// Whether a file is listed.
    pub(super) fn admits_file(&mut self, is_plain: bool, messages: u64) -> bool {
        let [plain, other] = &mut self.seen;
        let (seen, most) = if is_plain { (plain, PLAIN_FILES) } else { (other, OTHER_FILES) };
        *seen += 1;
        if *seen <= most {
            return true;
        }
        match is_plain {
            true => {
                self.accepted += 1;
                self.accepted_messages += messages;
            }
            false => self.files += 1,
        }
        false
    }

    /// The picture, if there is room for it.
    pub(super) fn picture(&mut self, is_plain: bool, picture: &Picture) -> Option<Value> {
        self.plain_pictures += usize::from(is_plain);
        let is_wanted = !is_plain || self.plain_pictures <= PLAIN_PICTURES;
        let drawn = is_wanted.then(|| super::value(picture)).filter(|picture| self.has_room(picture));
        self.pictures += u64::from(drawn.is_none());
        drawn
    }

    /// The counterexample, if there is room for it.
    pub(super) fn counterexample(&mut self, told: Value) -> Option<Value> {
        let told = Some(told).filter(|told| self.has_room(told));
        self.counterexamples += u64::from(told.is_none());
        told
    }

    fn has_room(&mut self, drawn: &Value) -> bool {
        let bytes = drawn.to_string().len();
        let has_room = self.drawn_bytes + bytes <= DRAWN_BYTES;
        self.drawn_bytes += if has_room { bytes } else { 0 };
        has_room
    }
}
