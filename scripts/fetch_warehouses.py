#!/usr/bin/env python3
"""Brings a PostgreSQL and a MariaDB server into runtime/warehouses, for the tests alone.

Debian's packages are downloaded and unpacked there with the libraries that this machine lacks. Nothing is installed: the packages
would make a database and start a service. apt checks each package against the signed lists of the distribution, so no checksum is
pinned here, which the next security update would break; those of the programs are noted when they are unpacked and checked on every
later run. Where there is no apt-get, servers that this machine has are linked instead.

Like fetch.py it runs with Python 3.9 or later and its standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import fetch
from fetch import Failure, megabytes, say

# What was unpacked and what its programs are, beside them.
NOTES = "unpacked.json"
# Both packages with what is in them, side by side.
BYTES_NEEDED = 250_000_000
# A package that a server needs no more than this way: the compiler of queries, which the tests turn off, and the C library, which is there.
NOT_NEEDED = re.compile(r"^(libllvm|libc6|libperl|libpython|libgcc)")
# Parts of the packages that no server reads when it runs.
LEFT_OUT = ("usr/share/locale", "usr/share/doc", "usr/share/man", "usr/lib/postgresql/*/lib/bitcode", "usr/share/lintian")


@dataclass(frozen=True)
class Server:
    """A server: where its programs are in a package or on a machine, and the packages, the first that there is."""

    packages: tuple[tuple[str, ...], ...]
    programs: tuple[str, ...]
    folders: tuple[str, ...]


SERVERS = {
    "postgres": Server(
        tuple((f"postgresql-{version}", "libpq5") for version in (15, 16, 17, 18, 14)),
        ("postgres", "initdb"),
        ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/bin"),
    ),
    "mariadb": Server(
        (("mariadb-server-core",), ("mariadb-server-core-10.6",)),
        ("mariadbd",),
        ("usr/sbin", "usr/libexec", "usr/bin"),
    ),
}


def programs_in(root: Path, server: Server) -> dict[str, Path] | None:
    """Where the programs of a server are under a root; the newest where there are several."""
    for pattern in server.folders:
        for folder in sorted(root.glob(pattern), reverse=True):
            found = {name: folder / name for name in server.programs}
            if all(os.access(path, os.X_OK) for path in found.values()):
                return found
    return None


def flaw(folder: Path) -> str | None:
    """What is wrong with an unpacked server, or None."""
    try:
        notes = json.loads((folder / NOTES).read_text())
    except FileNotFoundError:
        return "missing"
    except ValueError:
        return "its notes do not read"
    for name, noted in notes["programs"].items():
        program = folder / "bin" / name
        if not os.access(program, os.X_OK):
            return f"{name} is missing"
        if fetch.sha256_of(program) != noted:
            return f"{name} is not what was unpacked"
    return None


def apt(arguments: list[str], folder: Path) -> fetch.Done:
    # As root apt fetches under a user of its own, who may not write into our folder; it warns of that, and goes on as root.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    return fetch.run(["env", "-C", str(folder), *arguments], environment)


def known(package: str, scratch: Path) -> bool:
    return bool(re.search(r"^\s+Candidate: (?!\(none\))", apt(["apt-cache", "policy", package], scratch).output, re.MULTILINE))


def packages_here(server: Server, scratch: Path) -> tuple[str, ...] | None:
    return next((packages for packages in server.packages if all(known(package, scratch) for package in packages)), None)


def download(packages: list[str], scratch: Path) -> list[Path]:
    place = Path(tempfile.mkdtemp(dir=scratch))
    say(f"downloading {', '.join(packages)}")
    done = apt(["apt-get", "download", "-qq", *packages], place)
    found = sorted(place.glob("*.deb"))
    if done.status or len(found) < len(packages):
        raise Failure(
            f"apt-get did not bring {', '.join(packages)}: {fetch.reason_in(done.output)} Check the network, run apt-get update, and run "
            "this again."
        )
    return found


def unpack(archives: list[Path], root: Path) -> None:
    for archive in archives:
        done = fetch.run(["dpkg-deb", "--extract", str(archive), str(root)], dict(os.environ))
        if done.status:
            raise Failure(f"{archive.name} does not unpack: {fetch.reason_in(done.output)}" + fetch.space_advice(done.output))


def library_folders(root: Path) -> list[Path]:
    return sorted({path.parent for top in ("usr/lib", "lib") for path in root.glob(f"{top}/*-linux-gnu*/*.so*")})


def missing_libraries(programs: dict[str, Path], root: Path) -> list[str]:
    environment = {**os.environ, "LC_ALL": "C", "LD_LIBRARY_PATH": ":".join(map(str, library_folders(root)))}
    said = subprocess.run(["ldd", *map(str, programs.values())], check=False, capture_output=True, text=True, env=environment).stdout
    return sorted(set(re.findall(r"^\s+(\S+) => not found", said, re.MULTILINE)))


def libraries_of(packages: tuple[str, ...], scratch: Path) -> list[str]:
    """The libraries that packages need, and those that these need, as far as they are not installed."""
    plain = ["--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"]
    seen, waiting = set(packages), list(packages)
    while waiting:
        said = apt(["apt-cache", "depends", *plain, *waiting], scratch).output
        named = set(re.findall(r"Depends: (z?lib[a-z0-9.+-]+)", said)) - seen
        waiting = [name for name in sorted(named) if not NOT_NEEDED.match(name)]
        seen |= named
    wanted = sorted(name for name in seen - set(packages) if not NOT_NEEDED.match(name))
    asked = apt(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted], scratch).output
    installed = {line.split()[0] for line in asked.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in installed and known(name, scratch)]


def bring_from_packages(name: str, scratch: Path) -> Path:
    """Unpacks a server; gives the folder."""
    server = SERVERS[name]
    packages = packages_here(server, scratch)
    if packages is None and os.geteuid() == 0:
        # A fresh image has no lists of packages.
        apt(["apt-get", "update", "-qq"], scratch)
        packages = packages_here(server, scratch)
    if packages is None:
        raise Failure(f"apt-get knows no {server.packages[0][0]}, nor another that would do. Run apt-get update as root, and this again.")
    root = Path(tempfile.mkdtemp(dir=scratch))
    unpack(download(list(packages), scratch), root)
    programs = programs_in(root, server)
    if programs is None:
        raise Failure(f"{packages[0]} has no {' and '.join(server.programs)} where they are looked for.")
    if missing_libraries(programs, root):
        libraries = libraries_of(packages, scratch)
        if libraries:
            unpack(download(libraries, scratch), root)
        still = missing_libraries(programs, root)
        if still:
            raise Failure(
                f"{packages[0]} needs {', '.join(still)}, which its packages do not bring. Install {packages[0]} with apt-get, and run "
                "this again."
            )
    for pattern in LEFT_OUT:
        for path in root.glob(pattern):
            shutil.rmtree(path)
    note(root, programs, {"packages": list(packages), "libraries": [str(path.relative_to(root)) for path in library_folders(root)]})
    return root


def link_from_machine(name: str, scratch: Path) -> Path:
    programs = programs_in(Path("/"), SERVERS[name])
    if programs is None:
        wanted = " and ".join(SERVERS[name].programs)
        raise Failure(
            f"A server of {name} is needed ({wanted}), and this machine has neither it nor apt-get. Install it, and run this again."
        )
    root = Path(tempfile.mkdtemp(dir=scratch))
    note(root, programs, {"packages": [], "libraries": []})
    return root


def note(root: Path, programs: dict[str, Path], more: dict) -> None:
    """Links the programs under one name for every version, and writes down what they are."""
    (root / "bin").mkdir()
    for name, path in programs.items():
        inside = root in path.parents
        (root / "bin" / name).symlink_to(Path("..") / path.relative_to(root) if inside else path)
    checksums = {name: fetch.sha256_of(path) for name, path in programs.items()}
    (root / NOTES).write_text(json.dumps({"programs": checksums, **more}, indent=1) + "\n")
    # PostgreSQL does not run as root, so another user must be able to read it.
    root.chmod(0o755)


def bring(folder: Path, check_only: bool) -> None:
    begin = time.monotonic()
    if sys.platform != "linux":
        raise Failure(f"The servers are brought for Linux, and this is {sys.platform}. Use a container.")
    found = {name: flaw(folder / name) for name in SERVERS}
    if not any(found.values()):
        say(f"{folder}: already here, {', '.join(SERVERS)}, checked in {time.monotonic() - begin:.1f} s")
        return
    for name, why in found.items():
        if why:
            say(f"  {folder / name}: {why}")
    if check_only:
        raise Failure(f"{folder} is not complete. Run this without --check to bring what is missing.")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < BYTES_NEEDED:
        raise Failure(f"{folder} has {megabytes(free)} free and {megabytes(BYTES_NEEDED)} are needed for a while. Make room and run this again.")
    with fetch.sole_run(folder), fetch.scratch_folder(folder) as scratch:
        for name in SERVERS:
            # Another run may have ended meanwhile.
            if flaw(folder / name):
                has_apt = shutil.which("apt-get") and shutil.which("dpkg-deb")
                made = bring_from_packages(name, scratch) if has_apt else link_from_machine(name, scratch)
                shutil.rmtree(folder / name, ignore_errors=True)
                os.replace(made, folder / name)
    say(f"{folder}: complete in {time.monotonic() - begin:.0f} s")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Brings PostgreSQL and MariaDB into runtime/warehouses, for the tests.")
    parser.add_argument(
        "--runtime-dir",
        type=Path,
        default=fetch.runtime_dir(),
        help="its folder warehouses is filled (default: $INSTINCT_RUNTIME_DIR, otherwise runtime/ in the repository)",
    )
    parser.add_argument("--check", action="store_true", help="only check what is there; download and change nothing")
    given = parser.parse_args(arguments)
    try:
        bring(given.runtime_dir.resolve() / "warehouses", given.check)
    except Failure as failure:
        say(f"fetch_warehouses.py: {failure}")
        return 1
    except OSError as error:
        say(f"fetch_warehouses.py: {error}. Check that the folder may be written to, or set INSTINCT_RUNTIME_DIR to one that may.")
        return 1
    except KeyboardInterrupt:
        say("fetch_warehouses.py: interrupted; nothing half-done is left behind")
        return 130
    return 0


if __name__ == "__main__":
    # Ends like an interruption does, so that the scratch folder is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
