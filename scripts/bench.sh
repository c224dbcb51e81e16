#!/usr/bin/env bash
# Prints server CPU per operation and bytes per key beside redis-server and valkey-server, CPU, system calls and memory of the
# client beside other generators, how late requests are sent on an open loop, and how fast clusters form, fail over and move
# slots, all measured in one run.
# Arguments: [--rounds N] [--keys N] [cpu] [memory] [client] [lateness] [cluster]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/peers.sh --benchmarks
exec cargo bench --quiet --locked --bench peers -- "$@"
