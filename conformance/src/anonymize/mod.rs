//! Anonymize.
