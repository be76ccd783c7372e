#!/usr/bin/env python3
"""Gives bytes of strangers to every parser of bytes from outside, for so long each, and fails where one of them breaks.

    python3 scripts/fuzz.py [--minutes 10] [--jobs N] [TARGET …]

The targets are those of fuzz/fuzz_targets, built with libFuzzer's instrumentation and with debug assertions by the ordinary compiler. They
begin with what the repository has of their kind and with fuzz/seeds/TARGET; what they find grows in fuzz/corpus, and what breaks a parser
is kept in fuzz/artifacts. A line is printed for each target, with its executions and its crashes.

It needs Python 3.9 or later and its standard library, cargo and a C++ compiler.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
FUZZ = REPOSITORY / "fuzz"
BUILT = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").resolve() / "fuzz"

# What is in the repository already and says how the bytes of a target look like; of NDJSON each line is one.
KNOWN = {
    "records": ["src/store/codec/fixtures/*.bin"],
    "journal": ["src/store/journal/fixtures/*.bin"],
    "numeric_cases": ["src/engine/numeric/cases/*.toml"],
    "strategies": ["strategies/*.toml"],
    "settings": ["config.default.toml", "strategies/*.toml", "sample/lexicon.toml", "src/facts/*.toml", "fuzz/seeds/redis/address*"],
    "doors": ["sample/*.ndjson"],
    "request_bodies": ["fuzz/seeds/doors/*"],
    "models": ["tests/data/models/*.json"],
    "mps": ["tests/data/mps/*.mps"],
    "facts": ["sample/entries.ndjson"],
    "dataset_csv": ["fuzz/seeds/datasets/*"],
    "dataset_parquet": ["fuzz/seeds/parquet/*"],
    "sql_gate": ["tests/data/sql/*.ndjson"],
}

# Those of cargo-fuzz without the address sanitizer, which is for what is not safe Rust.
FLAGS = (
    "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    " -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
    " -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Cllvm-args=-sanitizer-coverage-stack-depth -Cdebug-assertions -Ccodegen-units=1"
)

# One input may take so many seconds, and a target so much memory: what needs more is as bad as a crash.
INPUT_SECONDS_MAX = 20
MEMORY_MB_MAX = 2_048
INPUT_BYTES_MAX = 16_384


@dataclass(frozen=True)
class Outcome:
    """What came of one target."""

    target: str
    executions: int
    seconds: float
    coverage: int
    crashes: list[str]
    log: Path

    def line(self) -> str:
        rate = self.executions / self.seconds if self.seconds else 0
        return (
            f"{self.target:<16} {self.executions:>12,} executions {rate:>9,.0f}/s {self.coverage:>7,} edges"
            f" {self.seconds:>6.0f} s {len(self.crashes):>3} crashes"
        )


def targets() -> list[str]:
    return sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))


def host() -> str:
    told = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return re.search(r"^host: (\S+)$", told, re.MULTILINE).group(1)


def build(wanted: list[str], triple: str) -> Path:
    environment = {**os.environ, "RUSTFLAGS": FLAGS, "CARGO_TARGET_DIR": str(BUILT)}
    bins = [flag for target in wanted for flag in ("--bin", target)]
    # With a target named, the flags are not for the build scripts.
    command = ["cargo", "build", "--release", "--target", triple, "--config", 'profile.release.debug="line-tables-only"', *bins]
    subprocess.run(command, check=True, cwd=FUZZ, env=environment)
    return BUILT / triple / "release"


def seeds(target: str) -> Path:
    """The corpus of a target, with all that is known of its kind."""
    corpus = FUZZ / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    paths = [path for pattern in [*KNOWN.get(target, []), f"fuzz/seeds/{target}/*"] for path in sorted(REPOSITORY.glob(pattern))]
    for path in paths:
        whole = path.read_bytes()
        for seed in whole.splitlines() if path.suffix == ".ndjson" else [whole]:
            (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    return corpus


def number(pattern: str, log: str) -> int:
    found = re.findall(pattern, log)
    return int(found[-1]) if found else 0


def read(target: str, code: int, seconds: float, log: str, path: Path) -> Outcome:
    """What a run's log says. One that ended badly without keeping an input has crashed all the same."""
    crashes = re.findall(r"Test unit written to (\S+)", log)
    if code != 0 and not crashes:
        crashes = [f"it ended with {code}; see {path}"]
    executions = max(number(r"stat::number_of_executed_units: (\d+)", log), number(r"(?m)^#(\d+)\s", log))
    return Outcome(target, executions, seconds, number(r"cov: (\d+)", log), crashes, path)


def run(binaries: Path, target: str, seconds: int) -> Outcome:
    artifacts = FUZZ / "artifacts" / target
    artifacts.mkdir(parents=True, exist_ok=True)
    log = artifacts / "log.txt"
    command = [
        *("nice", "-n", "10"),
        str(binaries / target),
        str(seeds(target)),
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_SECONDS_MAX}",
        f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={artifacts}/",
        "-print_final_stats=1",
    ]
    with log.open("wb") as out:
        # libFuzzer stops by itself; this is for one that does not.
        try:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=seconds + 120, cwd=FUZZ)
            code = done.returncode
        except subprocess.TimeoutExpired:
            code = -1
    text = log.read_text(errors="replace")
    took = re.findall(r"Done \d+ runs in (\d+) second", text)
    return read(target, code, float(took[-1]) if took else float(seconds), text, log)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=10.0, help="for each target")
    arguments.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1)), help="targets at once")
    arguments.add_argument("targets", nargs="*", metavar="TARGET")
    given = arguments.parse_args()
    unknown = sorted(set(given.targets) - set(targets()))
    if unknown:
        print(f"fuzz: there is no target {', '.join(unknown)}; there are {', '.join(targets())}", file=sys.stderr)
        return 2
    wanted = given.targets or targets()
    binaries = build(wanted, host())
    seconds = max(1, round(given.minutes * 60))
    with concurrent.futures.ThreadPoolExecutor(max_workers=given.jobs) as pool:
        running = [pool.submit(run, binaries, target, seconds) for target in wanted]
        outcomes = []
        for done in concurrent.futures.as_completed(running):
            outcomes.append(done.result())
            print(outcomes[-1].line(), flush=True)
    broken = [outcome for outcome in outcomes if outcome.crashes]
    for outcome in broken:
        print(f"fuzz: {outcome.target} broke: {', '.join(outcome.crashes)}; its log is {outcome.log}", file=sys.stderr)
    print(f"fuzz: {len(outcomes)} targets, {sum(o.executions for o in outcomes):,} executions, {len(broken)} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
