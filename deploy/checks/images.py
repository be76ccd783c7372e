"""Dockerfiles and the compose file. No image is built: the registries of images are not within reach where the checks run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import yaml

from .report import DEPLOY, REPOSITORY

FILES = [DEPLOY / "Dockerfile", DEPLOY / "Dockerfile.cuda"]
INCLUDED = re.compile(r'include_(?:str|bytes)!\(\s*"([^"]+)"')
# Secrets are the operator's.
NOT_IN_GIT = {DEPLOY / "secrets" / "grafana_admin_password"}


def dockerfiles(hadolint: str) -> Iterator[str]:
    done = subprocess.run([hadolint, "--failure-threshold", "info", *map(str, FILES)], capture_output=True, text=True)
    if done.returncode:
        yield done.stdout + done.stderr


def copies(dockerfile: Path) -> list[str]:
    """What it copies from the checkout."""
    text = dockerfile.read_text().replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line.startswith("COPY ")]
    return [path for words in lines if not any(word.startswith("--from") for word in words) for path in words[1:-1]]


def copied() -> Iterator[str]:
    """What is copied is there and not ignored, and it is all that the compiler reads."""
    for dockerfile in FILES:
        paths = copies(dockerfile)
        ignored = dockerfile.with_name(dockerfile.name + ".dockerignore").read_text().splitlines()
        kept = [line[1:] for line in ignored if line.startswith("!")]
        for path in paths:
            if not (REPOSITORY / path).exists():
                yield f"{dockerfile.name} copies {path}, which is not there"
            if not any(path == root or path.startswith(root + "/") for root in kept):
                yield f"{dockerfile.name} copies {path}, which its .dockerignore leaves out"
        for source, path in compiled_in():
            if not any(path == root or path.startswith(root + "/") for root in paths):
                yield f"{dockerfile.name} does not copy {path}, which {source} compiles in"


def compiled_in() -> Iterator[tuple[str, str]]:
    """Files that the sources compile in, those of tests aside."""
    for source in (REPOSITORY / "src").rglob("*.rs"):
        if "tests" in source.name or "tests" in source.parts:
            continue
        for path in INCLUDED.findall(source.read_text().split("#[cfg(test)]")[0]):
            found = (source.parent / path).resolve()
            yield str(source.relative_to(REPOSITORY)), str(found.relative_to(REPOSITORY))


def compose() -> Iterator[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        yield done.stdout + done.stderr


def hardened() -> Iterator[str]:
    stack = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    for name, service in stack["services"].items():
        if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
            yield f"{name}: its root must be read-only and it must drop all capabilities"
        if not re.search(r":\S+$", service["image"]) or service["image"].endswith(":latest"):
            yield f"{name}: its image needs a version"
        if "limits" not in service.get("deploy", {}).get("resources", {}):
            yield f"{name}: it has no limits"
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name}: {port} is published beyond loopback"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and not (DEPLOY / source).exists():
                yield f"{name}: it mounts {source}, which is not there"
            if not source.startswith((".", "/")) and source not in stack["volumes"]:
                yield f"{name}: the volume {source} is not declared"
    for name, secret in stack["secrets"].items():
        if (DEPLOY / secret["file"]) not in NOT_IN_GIT:
            yield f"the secret {name} is a file that git may hold"
    yield from scraped(stack)


def scraped(stack: dict) -> Iterator[str]:
    """Prometheus and Grafana look for names that the stack has."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    targets = [t for job in config["scrape_configs"] for static in job["static_configs"] for t in static["targets"]]
    source = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text())
    targets += [re.sub(r"^http://", "", each["url"]) for each in source["datasources"]]
    for target in targets:
        host = target.split(":")[0]
        if host != "localhost" and host not in stack["services"]:
            yield f"{target} is none of the stack's services"
    dashboards = [json.loads(path.read_text()) for path in (DEPLOY / "grafana" / "dashboards").glob("*.json")]
    if not any(each["uid"] == "instinct-overview" for each in dashboards):
        yield "Grafana's home dashboard is missing"
