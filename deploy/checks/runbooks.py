"""Runbooks: a page for each alert with the same headings, commands and calls that exist, and what can be run is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Iterator

from . import promql, rules
from .live import Stack, http
from .report import DEPLOY

RUNBOOKS = DEPLOY / "runbooks"
HEADINGS = ["What it means", "First look", "Likely causes", "What to do", "Over when"]
BLOCK = re.compile(r"^( *)```(sh|promql)( by-hand)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")


@dataclass(frozen=True)
class Block:
    page: str
    kind: str
    by_hand: bool
    lines: tuple[str, ...]


def pages() -> list[Path]:
    return sorted(RUNBOOKS.glob("*.md"))


def blocks_of(page: str, text: str) -> list[Block]:
    found = []
    for indent, kind, by_hand, body in BLOCK.findall(text):
        lines = tuple(line[len(indent) :] for line in body.splitlines() if line.strip())
        found.append(Block(page, kind, bool(by_hand), lines))
    return found


def blocks() -> list[Block]:
    return [block for path in pages() for block in blocks_of(path.name, path.read_text())]


def complete() -> Iterator[str]:
    alerts = rules.alerts()
    for name, each in alerts.items():
        path = RUNBOOKS / f"{name}.md"
        if not path.is_file():
            yield f"{name} has no page"
            continue
        text = path.read_text()
        if (found := re.findall(r"^## (.*)$", text, re.MULTILINE)) != HEADINGS:
            yield f"{path.name}: its headings are {found}"
        severities = ", ".join(dict.fromkeys(rule["labels"]["severity"] for rule in each))
        if not text.startswith(f"# {name} ({severities})\n"):
            yield f"{path.name}: its title must be {name} ({severities})"
    for path in pages():
        if path.stem.startswith("Instinct") and path.stem not in alerts:
            yield f"{path.name}: there is no such alert"
        for link in LINK.findall(path.read_text()):
            if not (RUNBOOKS / link).exists():
                yield f"{path.name}: {link} is not there"


def commands(stack: Stack) -> Iterator[str]:
    """Every call is in the OpenAPI document, every command and flag in the help, every setting in the defaults."""
    document = json.loads(http("GET", f"{stack.service}/openapi.json")[1])
    for block in blocks():
        if block.kind != "sh":
            continue
        for line in block.lines:
            words = shlex.split(line)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                if flaw := unknown_setting(words.pop(0), stack.binary):
                    yield f"{block.page}: {flaw}\n{line}"
            flaw = (
                curl_flaw(words, document)
                if words[0] == "curl"
                else instinct_flaw(words, stack.binary)
                if words[0] == "instinct"
                else None
            )
            if flaw:
                yield f"{block.page}: {flaw}\n{line}"


def curl_flaw(words: list[str], document: dict) -> str | None:
    """What is wrong with a call; its method is said by -X."""
    method = words[words.index("-X") + 1].lower() if "-X" in words else "get"
    address = next((word for word in words if word.startswith("$INSTINCT")), None)
    if address is None:
        return "it calls something else than the service"
    path = address.removeprefix("$INSTINCT").split("?")[0]
    for known, methods in document["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path) and method in methods:
            return body_flaw(words)
    return f"there is no {method.upper()} {path}"


def body_flaw(words: list[str]) -> str | None:
    if "-d" in words:
        try:
            json.loads(words[words.index("-d") + 1])
        except ValueError as error:
            return f"its body is no JSON: {error}"
    return None


@cache
def help_of(binary: str, command: str) -> str | None:
    done = subprocess.run([binary, command, "--help"], capture_output=True, text=True, timeout=20)
    return None if done.returncode else done.stdout


def instinct_flaw(words: list[str], binary: str) -> str | None:
    text = help_of(binary, words[1])
    if text is None:
        return f"there is no command {words[1]}"
    for flag in (word for word in words[2:] if word.startswith("--")):
        if not re.search(rf"{re.escape(flag)}\b", text):
            return f"{words[1]} has no {flag}"
    return None


@cache
def defaults(binary: str) -> dict:
    import tomllib

    return tomllib.loads(subprocess.run([binary, "check-config", "--print"], capture_output=True, text=True, check=True).stdout)


def unknown_setting(assignment: str, binary: str) -> str | None:
    name = assignment.split("=")[0]
    place = defaults(binary)
    for part in name.removeprefix("INSTINCT_").lower().split("__"):
        if not isinstance(place, dict) or part not in place:
            return f"{name} is no setting"
        place = place[part]
    return None


def executed(stack: Stack) -> Iterator[str]:
    there = stack.exported()
    for block in blocks():
        if block.by_hand:
            continue
        for line in block.lines:
            flaw = query_flaw(stack, line, there) if block.kind == "promql" else shell_flaw(stack, line)
            if flaw:
                yield f"{block.page}: {flaw}\n{line}"


def query_flaw(stack: Stack, line: str, there: set[str]) -> str | None:
    if unknown := promql.unknown(line, there):
        return f"nobody exports {', '.join(sorted(unknown))}"
    return stack.query(line)[0]


def shell_flaw(stack: Stack, line: str) -> str | None:
    environment = {"PATH": os.environ["PATH"], "INSTINCT": stack.service, "PROMETHEUS": stack.prometheus}
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=30)
    return None if done.returncode == 0 else f"it ended with {done.returncode}: {(done.stderr + done.stdout)[-500:]}"
