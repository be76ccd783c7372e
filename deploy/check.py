#!/usr/bin/env python3
"""Checks what is in deploy/: rules and their tests, dashboards and their queries, images, the compose file, the chart and the runbooks.

What it needs and does not find it brings through pip and apt, into a folder of its own, and says so; where that fails it says what to do
and fails. No image is built and no cluster is asked: deploy/README.md says what is therefore not known.

    python3 deploy/check.py [--binary target/release/instinct] [--without-service]
"""

from __future__ import annotations

import argparse
import os
import sys
import unittest
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
sys.path.insert(0, str(DEPLOY))

from checks import tools  # noqa: E402
from checks.report import REPOSITORY, Missing, Report, say  # noqa: E402


def into_environment() -> None:
    """Goes on in the interpreter that has the packages."""
    python = tools.environment()
    if Path(sys.prefix) != python.parent.parent:
        os.execv(str(python), [str(python), str(Path(__file__).resolve()), *sys.argv[1:]])


def own_tests():
    suite = unittest.defaultTestLoader.discover(str(DEPLOY / "checks"), top_level_dir=str(DEPLOY))
    outcome = unittest.TextTestRunner(stream=open(os.devnull, "w")).run(suite)
    if not outcome.testsRun:
        yield "no test was found"
    for test, text in outcome.failures + outcome.errors:
        yield f"{test}\n{text}"


def at_rest(report: Report, programs: tools.Tools) -> None:
    """What needs no service."""
    from checks import chart, dashboards, images, rules, runbooks

    report.run("the checks' own tests", own_tests)
    report.run("Prometheus: configuration and rules", rules.syntax, programs.promtool)
    report.run("Prometheus: tests of the rules", rules.tests, programs.promtool)
    report.run("Prometheus: every alert is tested both ways and has a runbook", rules.covered)
    report.run("Grafana: dashboards are those of build.py", dashboards.written)
    report.run("Grafana: dashboards by Grafana's schema", dashboards.schema)
    report.run("images: hadolint", images.dockerfiles, programs.hadolint)
    report.run("images: what is copied is there", images.copied)
    report.run("compose: the schema of the Compose Specification", images.compose)
    report.run("compose: hardening, and files that are mounted", images.hardened)
    report.run("chart: helm lint", chart.lint)
    report.run("chart: rendered, and valid for Kubernetes", chart.rendered)
    report.run("chart: values that must be refused are", chart.refused)
    report.run("chart: credentials are asked for", chart.guarded)
    report.run("runbooks: one for each alert, each complete", runbooks.complete)


def in_service(report: Report, programs: tools.Tools, binary: str) -> None:
    """What needs a service and a Prometheus."""
    from checks import chart, dashboards, live, rules, runbooks

    try:
        with live.running(binary, programs.prometheus) as stack:
            report.run("chart: the service reads its settings", chart.settings, binary)
            report.run("rules: each evaluates on a live service", stack.rule_flaws)
            report.run("rules: each reads what is exported", rules.exported, stack.exported())
            report.run("dashboards: every query on a live service", dashboards.queries, stack)
            report.run("runbooks: commands and calls exist", runbooks.commands, stack)
            report.run("runbooks: what can be run is run", runbooks.executed, stack)
    except (Missing, RuntimeError) as error:
        report.run("a live service", lambda text: [text], str(error))


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks what is in deploy/.")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
    parser.add_argument(
        "--binary", default=str(target / "release" / "instinct"), help="the service that dashboards and runbooks are tried on"
    )
    parser.add_argument("--without-service", action="store_true", help="leave out what needs a running service")
    given = parser.parse_args()
    try:
        into_environment()
        programs = tools.bring()
    except Missing as missing:
        say(f"deploy-check: {missing}")
        return 1
    report = Report()
    at_rest(report, programs)
    if not given.without_service:
        in_service(report, programs, given.binary)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
