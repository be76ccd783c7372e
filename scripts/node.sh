#!/bin/sh
# Checks that Node.js and npm are there, recent enough to build the console. The service itself needs neither: what they build is
# committed.
set -eu

NODE_MIN=20.19

say() { printf '%s\n' "$*" >&2; }

version=$(node --version 2>/dev/null | sed -nE 's/^v([0-9]+\.[0-9]+).*/\1/p') || true
if [ -z "$version" ]; then
    say "node is not there: the console is built with Node.js $NODE_MIN or later, see https://nodejs.org"
    exit 1
fi
if [ "${version%%.*}" -lt "${NODE_MIN%%.*}" ] || { [ "${version%%.*}" -eq "${NODE_MIN%%.*}" ] && [ "${version#*.}" -lt "${NODE_MIN#*.}" ]; }; then
    say "node is $version, and $NODE_MIN or later is needed to build the console, see https://nodejs.org"
    exit 1
fi
if ! command -v npm >/dev/null; then
    say "npm is not there: it comes with Node.js"
    exit 1
fi
