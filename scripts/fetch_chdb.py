#!/usr/bin/env python3
"""Brings libchdb.so, the ClickHouse engine as a library, into runtime/chdb: the warehouse in process runs on it.

It is a member of a package of the npm registry (Apache-2.0), which is downloaded by plain HTTPS; npm itself is not needed. The package
is pinned by its size and SHA-512, the library by its size and SHA-256. What is there and right is left alone. The file appears
under its name only whole and checked. Where there is no package for this kind of machine, that is said, and the service runs
without the warehouse in process.

Like fetch.py it runs with Python 3.9 or later and its standard library. NPM_CONFIG_REGISTRY names a mirror, HTTPS_PROXY a proxy and
SSL_CERT_FILE a company's own certificates.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import os
import platform
import shutil
import signal
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

import fetch
from fetch import Content, Failure, megabytes, say

VERSION = "26.5.3"
MEMBER = "package/libchdb.so"
LIBRARY = "libchdb.so"


@dataclass(frozen=True)
class Package:
    """A package of the registry and the library in it."""

    name: str
    bytes: int
    integrity: str
    content: Content


PACKAGES = {
    "x86_64": Package(
        "@chdb/lib-linux-x64-gnu",
        166_572_008,
        "sha512-fPrLmRt5Moor9yGz4mazbrNje4t7X9KB2mTGkXFWRxRBs2iKy8yh6jx11xsa0Qr3iDFMU/yHqd+bVdYJXu3QaQ==",
        Content(559_044_752, "4330da79405733f7572f27c1442f46c03a08301f00859dce0368645731b1e1dc"),
    ),
}

REGISTRY = "https://registry.npmjs.org"
ATTEMPTS = 4
PAUSE_SEC = 2.0
TIMEOUT_SEC = 30
CHUNK = 1 << 20


def registry() -> str:
    """npm reads these variables too, in either case."""
    given = os.environ.get("NPM_CONFIG_REGISTRY") or os.environ.get("npm_config_registry") or REGISTRY
    return given.rstrip("/")


def url_of(package: Package) -> str:
    return f"{registry()}/{package.name}/-/{package.name.split('/')[-1]}-{VERSION}.tgz"


class Progress:
    """Says every few seconds how far a download is."""

    def __init__(self, total: int):
        self.total = total
        self.on_terminal = sys.stderr.isatty()
        self.begin = self.last = time.monotonic()

    def at(self, count: int) -> None:
        now = time.monotonic()
        if now - self.last < (0.5 if self.on_terminal else 5):
            return
        self.last = now
        line = f"  {megabytes(count)} of {megabytes(self.total)} after {now - self.begin:.0f} s"
        print(line, end="\r" if self.on_terminal else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.on_terminal:
            print("\x1b[K", end="", file=sys.stderr, flush=True)


def append_from(url: str, archive: Path, total: int, progress: Progress) -> None:
    """Downloads what the file has not yet, behind what it has."""
    have = archive.stat().st_size if archive.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SEC) as response:
        # A server that knows no ranges sends all of it again.
        with archive.open("ab" if response.status == 206 else "wb") as out:
            while chunk := response.read(CHUNK):
                out.write(chunk)
                # More than this is not the package, and would only fill the disk.
                if out.tell() > total:
                    return
                progress.at(out.tell())


def download(package: Package, archive: Path) -> None:
    """Brings the package; a connection that breaks is taken up again where it broke."""
    url = url_of(package)
    say(f"{package.name}@{VERSION}: downloading {megabytes(package.bytes)} from {registry()}")
    progress = Progress(package.bytes)
    reason: object = "the connection ended early"
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SEC)
        try:
            append_from(url, archive, package.bytes, progress)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise Failure(f"{url} answers {error.code} {error.reason}. A mirror may lack the package: unset NPM_CONFIG_REGISTRY.")
            reason = error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", None) or error
        finally:
            progress.end()
        if archive.exists() and archive.stat().st_size >= package.bytes:
            return check_archive(package, archive, progress)
    raise Failure(
        f"The package registry cannot be reached or breaks off: {reason}. Check the network; behind a proxy set HTTPS_PROXY, for a mirror set "
        "NPM_CONFIG_REGISTRY, for a company's own certificates set SSL_CERT_FILE, and run this again."
    )


def check_archive(package: Package, archive: Path, progress: Progress) -> None:
    digest = hashlib.sha512()
    with archive.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    found = "sha512-" + base64.b64encode(digest.digest()).decode()
    if found != package.integrity:
        raise Failure(
            f"checksum mismatch in {package.name}@{VERSION}: it is {found} instead of {package.integrity}. A mirror may hold another upload: "
            "unset NPM_CONFIG_REGISTRY. Nothing was replaced."
        )
    say(f"  downloaded in {time.monotonic() - progress.begin:.1f} s, checksum right")


def take_out(package: Package, archive: Path, scratch: Path) -> Path:
    begin = time.monotonic()
    target = scratch / LIBRARY
    try:
        with tarfile.open(archive, mode="r|gz") as packed:
            for entry in packed:
                if entry.name == MEMBER and entry.isfile():
                    with target.open("wb") as out:
                        shutil.copyfileobj(packed.extractfile(entry), out, CHUNK)
                    break
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise Failure(f"the archive of {package.name} is damaged: {error}.")
    flaw = package.content.flaw(target)
    if flaw:
        raise Failure(f"{package.name}@{VERSION} does not give {LIBRARY}: {flaw}. Nothing was replaced.")
    target.chmod(0o755)
    say(f"  unpacked {LIBRARY}: {megabytes(package.content.bytes)} in {time.monotonic() - begin:.1f} s, checksum right")
    return target


def bring(folder: Path, check_only: bool) -> None:
    begin = time.monotonic()
    fetch.check_machine()
    package = PACKAGES.get(platform.machine())
    if package is None:
        say(f"There is no {LIBRARY} {VERSION} for {platform.machine()}: the service runs without the warehouse in process.")
        return
    library = folder / LIBRARY
    flaw = package.content.flaw(library)
    if not flaw:
        say(f"{folder}: already here, {LIBRARY} {VERSION}, checked in {time.monotonic() - begin:.1f} s")
        return
    say(f"  {library}: {flaw}")
    if check_only:
        raise Failure(f"{folder} is not complete. Run this without --check to bring what is missing.")
    folder.mkdir(parents=True, exist_ok=True)
    free, need = shutil.disk_usage(folder).free, package.bytes + package.content.bytes
    if free < need:
        raise Failure(f"{folder} has {megabytes(free)} free and {megabytes(need)} are needed for a while. Make room and run this again.")
    with fetch.sole_run(folder):
        # Another run may have ended meanwhile.
        if package.content.flaw(library):
            with fetch.scratch_folder(folder) as scratch:
                archive = scratch / "package.tgz"
                download(package, archive)
                taken = take_out(package, archive, scratch)
                # Whoever has the old file mapped keeps it; the name changes over to the new one at once.
                os.replace(taken, library)
    say(f"{folder}: complete in {time.monotonic() - begin:.0f} s")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Brings libchdb.so, the ClickHouse engine as a library, into runtime/chdb.")
    parser.add_argument(
        "--runtime-dir",
        type=Path,
        default=fetch.runtime_dir(),
        help="its folder chdb is filled (default: $INSTINCT_RUNTIME_DIR, otherwise runtime/ in the repository)",
    )
    parser.add_argument("--check", action="store_true", help="only check what is there; download and change nothing")
    given = parser.parse_args(arguments)
    try:
        bring(given.runtime_dir.resolve() / "chdb", given.check)
    except Failure as failure:
        say(f"fetch_chdb.py: {failure}")
        return 1
    except OSError as error:
        say(f"fetch_chdb.py: {error}. Check that the folder may be written to, or set INSTINCT_RUNTIME_DIR to one that may.")
        return 1
    except KeyboardInterrupt:
        say("fetch_chdb.py: interrupted; nothing half-done is left behind")
        return 130
    return 0


if __name__ == "__main__":
    # Ends like an interruption does, so that the scratch folder is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
