"""Names of metrics in PromQL, and which of them somebody exports."""

from __future__ import annotations

import re
from pathlib import Path

AWAITED = Path(__file__).resolve().parent / "awaited.txt"
# Exported by others than the service; nothing of them is there while the checks run.
PLATFORM = re.compile(r"(node|container|kube|kubelet)_\w+$")
# Recorded by rules/recording.yml, or by Prometheus itself.
RECORDED = re.compile(r"(slo|instinct):|(up|ALERTS)$")

WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "inf", "nan"}
GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|\{[^{}]*\}|\[[^\]]*\]')


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression reads, histograms by their own name."""
    # Strings first: a matcher may hold braces in its regular expression.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    bare = GROUPING.sub(" ", PARTS.sub(" ", bare))
    names = re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])", bare)
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names if name.lower() not in WORDS}


def awaited() -> set[str]:
    """Metrics of features that are being built; see the file."""
    lines = (line.split("#")[0].strip() for line in AWAITED.read_text().splitlines())
    return {line for line in lines if line}


def exported(exposition: str) -> set[str]:
    """The metrics of a page in Prometheus' text format."""
    return {line.split()[2] for line in exposition.splitlines() if line.startswith("# TYPE ")}


def unknown(expression: str, there: set[str]) -> set[str]:
    """What an expression reads that nobody exports."""
    known = there | awaited()
    return {m for m in metrics_in(expression) if m not in known and not PLATFORM.match(m) and not RECORDED.match(m)}


def may_be_empty(expression: str, there: set[str]) -> bool:
    """Whether it reads something that is not exported where the checks run."""
    return any(PLATFORM.match(m) or (m in awaited() and m not in there) for m in metrics_in(expression))
