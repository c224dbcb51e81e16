//! The house rules that neither the compiler nor clippy can see: what a file opens with, how long a function may be,
//! which module may use which, and what a committed file must not name.
//!
//! Every rule is a function from a text to its findings, and every rule is tried on a bad sample too: a rule that
//! cannot fail guards nothing. Where a rule is in the way of better code, change the rule here and say why.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

mod arrows;
mod files;
mod functions;
mod source;
mod tree;

/// Fails with every finding on a line of its own.
fn report(findings: impl IntoIterator<Item = String>) {
    let findings: Vec<_> = findings.into_iter().collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
