#!/usr/bin/env bash
# Prints server CPU per operation, bytes per key and client CPU per operation beside redis-server, valkey-server and
# redis-benchmark, all measured in one run. Arguments: [--rounds N] [--keys N] [cpu] [memory] [client]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/peers.sh
exec cargo bench --quiet --locked --bench peers -- "$@"
