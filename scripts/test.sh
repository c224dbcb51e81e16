#!/usr/bin/env bash
# The one test command. Installs the peers that are missing, checks formatting and lints, builds and runs every test once,
# and says at the end what could not be run on this machine and why.
set -euo pipefail
cd "$(dirname "$0")/.."

log=target/test.log
skipped=target/skipped.log
mkdir -p target
: >"$skipped"

step() { printf '\n== %s\n' "$*"; }
skip() { echo "SKIPPED: $*" | tee -a "$skipped"; }

command -v cargo >/dev/null || { echo "cargo is missing: install Rust 1.90 or later (https://rustup.rs)" >&2; exit 1; }

step "peers"
scripts/peers.sh | tee target/peers.log
grep '^SKIPPED: ' target/peers.log >>"$skipped" || true
export PATH="$PWD/target/peers/bin:$PATH"
if [ -x target/peers/bin/valkey-server ]; then export CACHEBENCH_VALKEY=$PWD/target/peers/bin/valkey-server; fi

step "format"
if cargo fmt --version >/dev/null 2>&1; then
    cargo fmt --all --check
else
    skip "cargo fmt: the component is missing; rustup component add rustfmt"
fi

step "lints"
if cargo clippy --version >/dev/null 2>&1; then
    cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
else
    skip "cargo clippy: the component is missing; rustup component add clippy"
fi
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check licenses bans sources
else
    skip "cargo deny (licences and banned crates of the dependencies): cargo install cargo-deny"
fi

step "build"
cargo test --quiet --locked --workspace --no-run

step "tests (whole output in $log)"
status=0
cargo test --locked --workspace --no-fail-fast -- --show-output >"$log" 2>&1 </dev/null || status=$?
grep -E '^ +(Running|Doc-tests) |^test result: |^test .* \.\.\. FAILED$|^error' "$log" || true
if [ "$status" != 0 ]; then
    step "failures"
    awk '/^failures:$/ { shown = 1 } /^test result: / { shown = 0 } shown' "$log"
fi
# A test prints its line wherever it stands in its output; the same reason from many tests is told once.
grep -oE 'SKIPPED: .*' "$log" | sort -u >>"$skipped" || true

step "not run"
if [ -s "$skipped" ]; then cat "$skipped"; else echo "nothing: every check was run"; fi

# The sum of the runner's own closing lines, and the checks above that were left out.
awk -v skipped="$(wc -l <"$skipped")" '
    /^test result: / { for (i = 2; i <= NF; i++) { if ($i == "passed;") passed += $(i - 1); if ($i == "failed;") failed += $(i - 1); if ($i == "ignored;") skipped += $(i - 1) } }
    END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit "$status"
