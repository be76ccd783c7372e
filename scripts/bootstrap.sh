#!/bin/sh
# Checks what a bare machine needs before anything else can be built or fetched: Rust, a C compiler and Python with pip.
# As root on Debian or Ubuntu it installs what is missing, except Rust, which these have only in too old a version; elsewhere
# it says exactly what to install. Takes a moment where everything is there, and changes nothing then.
set -eu

RUST_MIN=1.92
PYTHON_MIN=3.9
PACKAGES="gcc libc6-dev make pkg-config python3 python3-venv python3-pip"

say() { printf '%s\n' "$*" >&2; }

# Versions compare by their first two numbers.
at_least() {
    [ "${1%%.*}" -gt "${2%%.*}" ] && return 0
    [ "${1%%.*}" -eq "${2%%.*}" ] && [ "${1#*.}" -ge "${2#*.}" ]
}

# Each check prints what is wrong, and nothing where all is well.
rust_flaw() {
    for tool in cargo rustc; do
        # "rustc 1.92.0-nightly (…)" gives 1.92; rustup's stand-in without a toolchain gives nothing.
        version=$("$tool" --version 2>/dev/null | sed -nE 's/^[a-z]+ ([0-9]+\.[0-9]+).*/\1/p') || true
        if [ -z "$version" ]; then
            echo "$tool is not there"
        elif ! at_least "$version" "$RUST_MIN"; then
            echo "$tool is $version, and $RUST_MIN or later is needed"
        fi
    done
}

# The Rust linker is called through cc, and some crates bring C along, so headers must be there too.
c_flaw() {
    if ! command -v cc >/dev/null; then
        echo "there is no C compiler (cc)"
    elif ! printf '#include <stdio.h>\nint main(void) { return 0; }\n' | cc -x c - -o /dev/null 2>/dev/null; then
        echo "the C compiler (cc) does not link a program: the C library's headers are missing"
    fi
}

make_flaw() {
    command -v make >/dev/null || echo "make is not there"
}

python_flaw() {
    probe='import importlib.util as u, sys; print("%d.%d" % sys.version_info[:2], "pip" if u.find_spec("pip") else "")'
    found=$(python3 -c "$probe" 2>/dev/null) || true
    version=${found%% *}
    if [ -z "$version" ]; then
        echo "python3 is not there"
    elif ! at_least "$version" "$PYTHON_MIN"; then
        echo "python3 is $version, and $PYTHON_MIN or later is needed"
    elif [ "${found#* }" != pip ]; then
        echo "python3 has no pip"
    fi
}

# All at once, for a version manager's stand-in for python3 alone takes longer than the rest.
packages_flaws() {
    python_flaw &
    c_flaw &
    make_flaw &
    wait
}

flaws=$(packages_flaws)
if [ -n "$flaws" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "bootstrap: $(echo "$flaws" | paste -sd ';' | sed 's/;/; /g')"
    say "bootstrap: installing $PACKAGES"
    export DEBIAN_FRONTEND=noninteractive
    # A fresh image has no package lists, and an older machine has outdated ones.
    # shellcheck disable=SC2086
    if { apt-get update -qq && apt-get install -qq -y --no-install-recommends $PACKAGES; } >&2; then
        flaws=$(packages_flaws)
    else
        say "bootstrap: apt-get failed; its message is above. Check the network and the sources in /etc/apt, and run this again."
    fi
fi

rust=$(rust_flaw)
if [ -z "$flaws$rust" ]; then
    say "bootstrap: Rust, C compiler, make and Python are there"
    exit 0
fi

say "bootstrap: something is missing on this machine:"
printf '%s\n%s\n' "$flaws" "$rust" | sed -n 's/./  - &/p' >&2
if [ -n "$flaws" ]; then
    say "On Debian or Ubuntu:  sudo apt-get update && sudo apt-get install $PACKAGES"
    say "On Fedora:            sudo dnf install gcc glibc-devel make pkgconf python3 python3-pip"
fi
if [ -n "$rust" ] && ! command -v cargo >/dev/null && [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
    say "For Rust:             it is in ~/.cargo/bin, which is not on PATH: . \"\$HOME/.cargo/env\""
elif [ -n "$rust" ] && command -v rustup >/dev/null; then
    say "For Rust:             rustup toolchain install stable && rustup default stable"
elif [ -n "$rust" ]; then
    say "For Rust:             curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"
    say "                      then open a new shell, or: . \"\$HOME/.cargo/env\""
fi
say "Then run this again."
exit 1
