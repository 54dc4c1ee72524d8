//! Native traces (`traces/SCHEMA.md`): what nodes themselves say that they did, as JSON lines or in the compact form.
//!
//! - [`mod@line`]: the lines as they are in a file; [`borrowed`]: the same as they lie in a buffer.
//! - [`encode`]: a line's message to the bytes that it stands for.
//! - [`compact`]: the other form.
//! - [`event`]: what either form says.
//! - [`feed`]: the events of either to transport events, so that replay judges a trace as it judges a capture.
//! - [`reader`]: a trace of either form; a line is a frame.
//! - [`mod@export`]: a run of the model to lines.

pub mod borrowed;
pub mod compact;
pub mod encode;
pub mod event;
pub mod export;
pub mod feed;
pub mod line;
pub mod reader;
mod text;

pub use export::export;
pub use reader::{HeadError, LineError, NativeReader, Place, Tally};
pub use text::as_lines;
