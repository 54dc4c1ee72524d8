//! Native traces (`traces/SCHEMA.md`): what nodes themselves say that they did, as JSON lines.
//!
//! - [`mod@line`]: the lines as they are in a file.
//! - [`encode`]: a line's message to the bytes that it stands for.
//! - [`reader`]: lines to transport events, so that replay judges a trace as it judges a capture; a line is a frame.
//! - [`mod@export`]: a run of the model to lines.

pub mod encode;
pub mod export;
pub mod line;
pub mod reader;

pub use export::export;
pub use reader::{HeadError, LineError, NativeReader};
