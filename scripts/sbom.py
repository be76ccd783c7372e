#!/usr/bin/env python3
"""Writes the bill of materials of the service, CycloneDX 1.5, and checks it against its schema.

    python3 scripts/sbom.py [--out target/sbom.cdx.json]

In it are the crates of the service's binary, by cargo-cyclonedx from `cargo metadata`; the JavaScript that is compiled into it; and what
`make setup` fetches: ONNX Runtime and the models. The first run builds cargo-cyclonedx and installs the checker by pip, pinned by hash,
under the folder of what is built. It needs Python 3.11 or later.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import fetch_chdb

REPOSITORY = Path(__file__).resolve().parent.parent
PARTS = Path(__file__).resolve().parent / "sbom_check"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").resolve()
TOOL = "cargo-cyclonedx@0.5.9"

# The chart library of the evaluation's page, a file of its own; a test holds its checksum against the page's README.
ECHARTS = REPOSITORY / "src/eval/report/page/echarts-6.1.0.common.min.js"


class Missing(Exception):
    """What is not there and can't be brought, and what to do about it."""


def run(command: list[str], advice: str, **more) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise Missing(f"{advice}\n{' '.join(command)}\n{done.stdout[-2000:]}")


def tool() -> Path:
    """cargo-cyclonedx; a debug build writes the same and is there in a third of the time."""
    place = TARGET / "tools"
    program = place / "bin" / "cargo-cyclonedx"
    if not program.exists():
        print(f"sbom: building {TOOL} into {place} (some minutes, once)", file=sys.stderr)
        build = ["cargo", "install", "--quiet", "--debug", "--locked", "--root", str(place), TOOL]
        run(build, f"{TOOL} could not be built", env={**os.environ, "CARGO_TARGET_DIR": str(place / "build")})
    return program


def checker() -> Path:
    """The interpreter of a virtual environment that has requirements.txt."""
    place, requirements = TARGET / "sbom" / "venv", PARTS / "requirements.txt"
    python, mark = place / "bin" / "python", place / ".requirements"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not (python.exists() and mark.exists() and mark.read_text() == wanted):
        run([sys.executable, "-m", "venv", "--clear", str(place)], "python3 -m venv failed; on Debian: apt-get install python3-venv")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
        run([*pip, "-r", str(requirements)], "pip could not install the packages; check the network, or set PIP_INDEX_URL to a mirror")
        mark.write_text(wanted)
    return python


def crates(program: Path) -> dict:
    """What cargo-cyclonedx says of the service; it can write beside Cargo.toml alone."""
    name = "sbom.cdx"
    written = REPOSITORY / f"{name}.json"
    command = [str(program), "cyclonedx", "--format", "json", "--spec-version", "1.5", "--all", "--quiet", "--override-filename", name]
    try:
        run(command, "cargo-cyclonedx failed", cwd=REPOSITORY)
        return json.loads(written.read_text())
    finally:
        written.unlink(missing_ok=True)


def component(kind: str, name: str, version: str, licence: str, more: dict) -> dict:
    purl = more.pop("purl", f"pkg:generic/{name}@{version}")
    known = {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return {**known, "licenses": [{"license": {"id": licence}}], "scope": "required", **more}


def sha256(digest: str) -> dict:
    return {"hashes": [{"alg": "SHA-256", "content": digest}]}


def scripts() -> list[dict]:
    """The JavaScript in the console's page and in that of an evaluation."""
    locked = json.loads((REPOSITORY / "console/package-lock.json").read_text())["packages"]
    found = []
    for path, package in locked.items():
        if not path or package.get("dev"):
            continue
        name = path.split("node_modules/")[-1]
        algorithm, digest = package["integrity"].split("-", 1)
        content = {"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}
        more = {"purl": f"pkg:npm/{name.replace('@', '%40')}@{package['version']}", "hashes": [content]}
        found.append(component("library", name, package["version"], package["license"], more))
    version = ECHARTS.name.split("-")[1].removesuffix(".common.min.js")
    more = {"purl": f"pkg:npm/echarts@{version}", **sha256(hashlib.sha256(ECHARTS.read_bytes()).hexdigest())}
    return [*found, component("library", "echarts", version, "Apache-2.0", more)]


def fetched() -> list[dict]:
    """What the manifest of models names, and the engine of the warehouse in process."""
    manifest = tomllib.loads((REPOSITORY / "models/manifest.toml").read_text())
    runtime = manifest["runtime"]
    found = [component("library", "onnxruntime", runtime["version"], runtime["licence"], sha256(runtime["file"]["sha256"]))]
    for model in manifest["model"]:
        kind = "machine-learning-model"
        found.append(component(kind, model["id"], model["revision"], model["licence"], sha256(model["model"]["sha256"])))
    for package in fetch_chdb.PACKAGES.values():
        more = {"purl": f"pkg:npm/{package.name.replace('@', '%40')}@{fetch_chdb.VERSION}", **sha256(package.content.sha256)}
        found.append(component("library", package.name, fetch_chdb.VERSION, "Apache-2.0", more))
    return found


def whole(bill: dict, parts: list[dict]) -> dict:
    """The bill of the crates with the other parts, which the service depends on as it does on them."""
    service = bill["metadata"]["component"]["bom-ref"]
    names = [part["bom-ref"] for part in parts]
    dependencies = []
    for entry in bill["dependencies"]:
        more = names if entry["ref"] == service else []
        dependencies.append({**entry, "dependsOn": [*entry.get("dependsOn", []), *more]} if more else entry)
    dependencies += [{"ref": name} for name in names]
    return {**bill, "components": [*bill["components"], *parts], "dependencies": dependencies}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=TARGET / "sbom.cdx.json")
    out = arguments.parse_args().out
    try:
        bill = whole(crates(tool()), [*scripts(), *fetched()])
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(bill, indent=1) + "\n")
        run([str(checker()), str(PARTS / "valid.py"), str(out)], "the bill of materials is not good")
    except Missing as missing:
        print(f"sbom: {missing}", file=sys.stderr)
        return 1
    without = [part["name"] for part in bill["components"] if not part.get("licenses")]
    print(f"{out}: {len(bill['components'])} components, {len(without)} without a licence{': ' + ', '.join(without) if without else ''}")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
