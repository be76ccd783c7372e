"""Rules of Prometheus: promtool reads and tests them; every alert has tests both ways, a severity and a runbook."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import yaml

from . import promql
from .report import DEPLOY, say

PROMETHEUS = DEPLOY / "prometheus"
RUNBOOKS = DEPLOY / "runbooks"


def files() -> list[Path]:
    return sorted((PROMETHEUS / "rules").glob("*.yml"))


def rules() -> Iterator[dict]:
    for path in files():
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> dict[str, list[dict]]:
    named: dict[str, list[dict]] = {}
    for rule in rules():
        if "alert" in rule:
            named.setdefault(rule["alert"], []).append(rule)
    return named


def promtool(program: str, *arguments: str) -> Iterator[str]:
    done = subprocess.run([program, *arguments], cwd=PROMETHEUS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        yield done.stdout[-4000:]


def syntax(program: str) -> Iterator[str]:
    yield from promtool(program, "check", "config", "prometheus.yml")
    yield from promtool(program, "check", "rules", "--lint-fatal", *(str(path) for path in files()))


def tests(program: str) -> Iterator[str]:
    yield from promtool(program, "test", "rules", *(str(path) for path in sorted((PROMETHEUS / "tests").glob("*.test.yml"))))


def tested() -> tuple[set[str], set[str]]:
    """Alerts with a test in which they fire, and with one in which they don't."""
    firing, silent = set(), set()
    for path in (PROMETHEUS / "tests").glob("*.test.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                (firing if case["exp_alerts"] else silent).add(case["alertname"])
    return firing, silent


def covered() -> Iterator[str]:
    firing, silent = tested()
    for name, each in alerts().items():
        if name not in firing:
            yield f"{name}: no test in which it fires"
        if name not in silent:
            yield f"{name}: no test in which it stays silent"
        for rule in each:
            yield from complete(name, rule)


def complete(name: str, rule: dict) -> Iterator[str]:
    if rule["labels"].get("severity") not in ("page", "ticket"):
        yield f"{name}: its severity must be page or ticket"
    if rule["annotations"].get("runbook") != f"deploy/runbooks/{name}.md":
        yield f"{name}: its annotation runbook must be deploy/runbooks/{name}.md"
    for key in ("summary", "description"):
        if not rule["annotations"].get(key):
            yield f"{name}: it has no {key}"


def exported(there: set[str]) -> Iterator[str]:
    """Every metric that a rule reads is exported, or awaited; who awaits what has come is told so."""
    for rule in rules():
        for metric in sorted(promql.unknown(rule["expr"], there)):
            yield f"{rule.get('alert') or rule['record']}: nobody exports {metric}"
    for metric in sorted(promql.awaited() & there):
        say(f"deploy-check: {metric} is exported now; take it out of {promql.AWAITED.name}, so that its panels must have data")
