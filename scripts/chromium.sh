#!/bin/sh
# Checks that a Chromium is there for the console's tests, and as root on Debian or Ubuntu installs one where it is missing.
set -eu

say() { printf '%s\n' "$*" >&2; }

for path in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
    [ -n "$path" ] && [ -x "$path" ] && exit 0
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "installing chromium for the console's tests"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
    exit 0
fi
say "chromium is not there: install it (Debian: apt-get install chromium), or name one in CHROMIUM"
exit 1
