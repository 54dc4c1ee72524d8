//! The model checker's questions: which worlds, which properties, and what must come out.
//!
//! - [`subject`]: whose rules the nodes follow; [`Key`] names a world.
//! - [`plan`]: the default matrix, and what filters leave of it.
//! - [`run`]: one exploration of one world, by an engine; [`rival`]: by stateright's.
//! - [`models`]: `models.toml`, what must come out; [`compare`] holds an outcome against it, [`accept`] rewrites it.
//! - [`cases`]: defects, hazards and measures.
//! - [`variant`]: a user's own rules.
//! - [`report`]: text, JSON, JUnit and Markdown.

pub mod accept;
pub mod cases;
pub mod compare;
pub mod models;
pub mod names;
pub mod plan;
pub mod report;
pub mod rival;
pub mod run;
pub mod subject;
pub mod variant;

pub use plan::{Selection, Standing, Task};
pub use run::{Engine, Limits, Outcome, Verdict};
pub use subject::{Key, Seed, SeedKind, Subject};
