#!/usr/bin/env python3
"""Instinct beside the prototype's stack, on one machine and in one run.

    cargo build --release
    python3 loadtest/prototype/run.py

README.md in this folder says what is compared and how. It runs with Python 3.11 or later and its standard library; pip brings the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
import stack
from fetch import Failure, say
from services import Instinct, Prototype, Redis, Service, Torch, stop_all
from stack import REPOSITORY, Stack
from texts import Corpus, Question


class Run:
    def __init__(self, given: argparse.Namespace, parts: Stack, folder: Path):
        self.given, self.stack, self.folder = given, parts, folder
        self.corpus = Corpus(given.count, given.texts)
        self.started: list = []
        self.services: list[Service] = []

    def start(self) -> None:
        """Every service filled and ready. Those that are not asked at the moment take no time, only memory."""
        cores = os.cpu_count() or 1
        entries = self.folder / "entries.ndjson"
        entries.write_text("".join(json.dumps(entry) + "\n" for entry in self.corpus.entries()))
        self._add(Instinct(self.given.binary, "Instinct", "instinct", self.stack, self.folder / "instinct"), entries)
        if self.given.store:
            redis = self._redis("redis-instinct")
            over = Instinct(self.given.binary, "Instinct over Redis", "instinct_redis", self.stack, self.folder / "over", redis)
            self._add(over, entries)
        plain = self._redis("redis-prototype")
        for workers in dict.fromkeys([1, cores]):
            name = f"prototype, {workers} worker{'s' if workers > 1 else ''}"
            service = Prototype(workers, False, name, f"prototype_{workers}", self.stack, self.folder / f"prototype-{workers}", plain)
            # The workers share what Redis holds.
            self._add(service, entries if workers == 1 else None)
        if self.given.tuned:
            name = f"prototype tuned, {cores} workers"
            tuned = Prototype(cores, True, name, "prototype_tuned", self.stack, self.folder / "tuned", self._redis("redis-tuned"))
            self._add(tuned, entries)

        if self.given.torch:
            python, model = self.given.torch
            torch = Torch(python, Path(model).resolve())
            redis, name = self._redis("redis-torch"), f"prototype with sentence-transformers, {cores} workers"
            self._add(Prototype(cores, False, name, "prototype_torch", self.stack, self.folder / "torch", redis, torch=torch), entries)

    def _redis(self, name: str) -> Redis:
        redis = Redis(self.stack, self.folder / name)
        self.started.append(redis.process)
        redis.wait()
        return redis

    def _add(self, service: Service, entries: Path | None) -> None:
        begin = time.monotonic()
        self.started.append(service)
        if entries:
            say(f"{service.name}: storing {len(self.corpus.stored)} texts")
            service.fill(entries)
        if service.process is None:
            service.start()
        say(f"{service.name}: ready after {time.monotonic() - begin:.0f} s")
        self.services.append(service)

    def ask(self, service: Service, questions: list[Question], clients: int, seconds: float = 0, answers: Path | None = None) -> dict:
        """One run of the client. With seconds the questions are repeated, otherwise each is asked once."""
        bodies, latencies = self.folder / "bodies", self.folder / "latencies"
        bodies.write_text("".join(json.dumps(service.body(question.text)) + "\n" for question in questions))
        before = service.embedded()
        command = [self.stack.client, f"127.0.0.1:{service.port}", service.path, clients, seconds, bodies, latencies, service.served]
        done = subprocess.run([*map(str, command), *map(str, [answers] if answers else [])], capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"{service.name}: the client failed: {done.stderr.strip()}")
        seen = json.loads(done.stdout)
        if seen["errors"]:
            raise Failure(f"{service.name} answered {seen['errors']} of {seen['requests']} requests with another status than 200")
        after = service.embedded()
        # The figures of fresh texts mean nothing where a vector was known already.
        if not seconds and before is not None and after - before != len(questions):
            raise Failure(f"{service.name} embedded {after - before} of {len(questions)} fresh texts")
        return {**seen, "latencies_ns": [int(line) for line in latencies.read_text().split()]}

    def judge(self) -> dict:
        """Warms every service up with texts that the measurement doesn't use, and looks at what it served."""
        questions, found = self.corpus.fresh(self.given.warm_up), {}
        for service in self.services:
            path = self.folder / "answers"
            self.ask(service, questions, self.given.clients, answers=path)
            facts = [service.fact_in(json.loads(line)) for line in path.read_text().splitlines()]
            said = {kind: {"asked": 0, "right": 0, "wrong": 0} for kind in ("near", "reworded", "unseen")}
            for question, fact in zip(questions, facts):
                count = said[question.kind]
                count["asked"] += 1
                if fact is not None:
                    count["right" if fact == str(question.fact) else "wrong"] += 1
            found[service.key] = said
            self.ask(service, self.corpus.repeats(self.given.warm_up), self.given.clients, seconds=0.5)
        return found

    def measure(self) -> dict:
        """Every pass in rounds, in which each service has its turn; the order is turned round each time."""
        passes: dict = {}
        plan = [("fresh", 1, self.given.fresh), ("fresh", self.given.clients, self.given.fresh * 4), ("repeat", 1, None)]
        plan.append(("repeat", self.given.clients, None))
        for number in range(self.given.rounds):
            for kind, clients, count in plan:
                say(f"round {number + 1} of {self.given.rounds}: {kind}, {clients} client{'s' if clients > 1 else ''}")
                questions = self.corpus.fresh(count) if count else self.corpus.repeats(2_000)
                seconds = 0 if count else self.given.seconds
                for service in self.services[:: -1 if number % 2 else 1]:
                    seen = self.ask(service, questions, clients, seconds)
                    passes.setdefault((kind, clients), {}).setdefault(service.key, []).append(seen)
        return passes


def machine() -> dict:
    cpu = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {"cores": os.cpu_count(), "cpu": cpu[1] if cpu else platform.machine(), "load": os.getloadavg()[0], "kernel": platform.release()}


def run(given: argparse.Namespace) -> dict:
    if not given.binary.exists():
        raise Failure(f"{given.binary} is missing. Build it first: cargo build --release")
    parts = stack.bring()
    with tempfile.TemporaryDirectory(prefix="instinct-prototype-") as place:
        comparison = Run(given, parts, Path(place))
        try:
            comparison.start()
            found = {"machine": machine(), "stored": len(comparison.corpus.stored), "rounds": given.rounds}
            found["services"] = {service.key: {"name": service.name} for service in comparison.services}
            judged = comparison.judge()
            passes = comparison.measure()
            for service in comparison.services:
                found["services"][service.key] |= {"judged": judged[service.key], "memory_bytes": service.memory()}
            return {**found, "passes": report.summary(passes)}
        finally:
            stop_all(reversed(comparison.started))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Instinct beside the prototype's stack: latency, throughput and memory.")
    parser.add_argument("--binary", type=Path, default=REPOSITORY / "target" / "release" / "instinct", help="the release binary")
    parser.add_argument("--count", type=int, default=10_000, help="texts that both store (default 10000)")
    parser.add_argument("--texts", type=Path, help="NDJSON with a `text`, or CSV whose first column is the text; invented headlines otherwise")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each service has (default 5)")
    parser.add_argument("--fresh", type=int, default=300, help="fresh texts of one client in a round; several get four times as many (default 300)")
    parser.add_argument("--seconds", type=float, default=2, help="seconds of a round of repeats (default 2)")
    parser.add_argument("--clients", type=int, default=8, help="connections beside the one (default 8)")
    parser.add_argument("--warm-up", type=int, default=400, help="fresh texts asked before the measurement, whose answers are judged (default 400)")
    parser.add_argument("--store", action="store_true", help="also Instinct over a Redis of its own (`serve --store redis://…`)")
    parser.add_argument("--tuned", action="store_true", help="also the prototype with an HNSW index and RedisVL's EmbeddingsCache")
    parser.add_argument(
        "--torch",
        nargs=2,
        metavar=("PYTHON", "MODEL"),
        help="also the prototype as RedisVL embeds by itself: a Python with sentence-transformers and torch, and the folder of all-MiniLM-L6-v2",
    )
    parser.add_argument("--json", type=Path, help="also write every figure as JSON")
    given = parser.parse_args()
    given.binary = given.binary.resolve()
    for name in ("count", "rounds", "fresh", "clients", "warm_up"):
        if getattr(given, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is at least 1")
    return given


def main() -> int:
    given = arguments()
    try:
        found = run(given)
    except (Failure, ValueError, OSError) as failure:
        say(f"run.py: {failure}")
        return 1
    except KeyboardInterrupt:
        say("run.py: interrupted")
        return 130
    report.table(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    # Ends like an interruption does, so that the services are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
