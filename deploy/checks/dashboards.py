"""Dashboards: written by build.py, read by the schema that Grafana publishes, and every query run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Iterator

from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard

from . import promql
from .live import Stack
from .report import DEPLOY

GRAFANA = DEPLOY / "grafana"
# Fields of the Prometheus data source and not of dashboards, which the schema therefore lacks.
BESIDE_SCHEMA = re.compile(r"/annotations/list/\d+/(titleFormat|textFormat)$")
VARIABLES = {"$__rate_interval": "15s", "$__range": "1m", "$__interval": "5s"}
VALUES = re.compile(r"=~\"\$\w+\"")


def written() -> Iterator[str]:
    done = subprocess.run([sys.executable, str(GRAFANA / "build.py"), "--check"], capture_output=True, text=True)
    if done.returncode:
        yield done.stderr.strip() or "build.py --check failed"


def all_dashboards() -> list[tuple[str, dict]]:
    return [(path.name, json.loads(path.read_text())) for path in sorted((GRAFANA / "dashboards").glob("*.json"))]


def lost(given, kept, at: str = "") -> Iterator[str]:
    """Where what was given did not come through the schema."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            yield from lost(value, kept[key], f"{at}/{key}") if key in kept else [f"{at}/{key}"]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (one, other) in enumerate(zip(given, kept)):
            yield from lost(one, other, f"{at}/{number}")
    elif given != kept:
        yield at


def schema() -> Iterator[str]:
    plugins.register_default_plugins()
    uids, titles = set(), set()
    for name, given in all_dashboards():
        kept = json.loads(encoder.JSONEncoder(sort_keys=True).encode(dashboard.Dashboard.from_json(given)))
        for at in lost(given, kept):
            if not BESIDE_SCHEMA.match(at):
                yield f"{name}: {at} is not in Grafana's schema"
        if given["uid"] in uids or given["title"] in titles:
            yield f"{name}: its uid or title is another dashboard's"
        uids.add(given["uid"])
        titles.add(given["title"])
        yield from layout(name, given["panels"])


def layout(name: str, panels: list[dict]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        grid = panel["gridPos"]
        if grid["x"] + grid["w"] > 24:
            yield f"{name}: {panel['title']} is wider than the page"
        for cell in ((x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])):
            if cell in taken:
                yield f"{name}: {panel['title']} lies over {taken[cell]}"
                break
            taken[cell] = panel["title"]


def filled_in(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return VALUES.sub('=~".*"', expression)


def queries(stack: Stack) -> Iterator[str]:
    """Every query runs, reads what is there, and gives something, unless what it reads is not exported here."""
    there = stack.exported()
    for name, given in all_dashboards():
        for panel in given["panels"]:
            for target in panel.get("targets", []):
                expression, place = filled_in(target["expr"]), f"{name}: {panel['title']} ({target['refId']})"
                for metric in sorted(promql.unknown(expression, there)):
                    yield f"{place}: nobody exports {metric}"
                flaw, series = stack.query(expression)
                if flaw:
                    yield f"{place}: {flaw}\n{expression}"
                elif not series and not promql.may_be_empty(expression, there):
                    yield f"{place}: no data\n{expression}"
        yield from variables(stack, name, given)


def variables(stack: Stack, name: str, given: dict) -> Iterator[str]:
    for variable in given["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            _, series = stack.query(metric)
            if not any(label in each["metric"] for each in series):
                yield f"{name}: the variable {variable['name']} has no values"
