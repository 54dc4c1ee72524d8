//! The reliable-connection protocol of the Linux DLM as an executable specification.
