//! What Redis 7.0 does not have, beside the server that it comes from: SET IFEQ and DELIFEQ, of Valkey 9.

use crate::peer::Peer;

const SCENARIOS: &[&str] = &[
    "a> SET k 1\na> SET k 2 IFEQ 1\na> GET k\na> SET k 3 IFEQ 1\na> GET k\na> SET nix 1 IFEQ 1\na> EXISTS nix",
    "a> SET k 1\na> SET k 2 IFEQ 1 GET\na> SET k 3 IFEQ 1 GET\na> SET nix 3 GET IFEQ 1\na> SET k 4 IFEQ 2 EX 100\na> TTL k\na> SET k 5 IFEQ 4 KEEPTTL\na> TTL k",
    "a> SET k 1 IFEQ\na> SET k 1 IFEQ 1 NX\na> SET k 1 XX IFEQ 1\na> SET k 1 IFEQ 1 IFEQ 2\na> SET k 1 ifeq x y",
    "a> RPUSH l 1\na> SET l 2 IFEQ 1\na> SET l 2 IFEQ 1 GET\na> DELIFEQ l 1\na> LLEN l",
    "a> SET k 12\na> DELIFEQ k 13\na> DELIFEQ k 012\na> DELIFEQ k 12\na> EXISTS k\na> DELIFEQ k 12\na> DELIFEQ k\na> DELIFEQ k 1 2",
    "w> SET k 1\na> CLIENT TRACKING ON\na> GET k\nw> SET k 2 IFEQ 9\nw> SET k 2 IFEQ 1\na<\na> GET k\nw> DELIFEQ k 2\na<",
    "a> WATCH k\nw> SET k 1\nw> SET k 2 IFEQ 9\na> MULTI\na> SET k 3 IFEQ 1\na> EXEC\na> WATCH k\nw> DELIFEQ k 9\na> MULTI\na> DELIFEQ k 1\na> EXEC",
];

#[test]
fn what_is_set_or_deleted_if_equal_is_as_on_valkey() {
    if let Some(peer) = Peer::valkey() {
        crate::scenario::compare_with(&peer, SCENARIOS, &[3]);
    }
}
