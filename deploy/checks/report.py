"""What a check found, and how it is told."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import Callable

DEPLOY = Path(__file__).resolve().parent.parent
REPOSITORY = DEPLOY.parent


class Missing(Exception):
    """A tool that a check needs is not there and could not be brought; the text says what to do."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Report:
    """Runs checks, each a function that yields a line for each flaw, and counts them."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []

    def run(self, name: str, check: Callable, *given) -> None:
        since = time.monotonic()
        try:
            flaws = list(check(*given))
        except Missing as missing:
            flaws = [str(missing)]
        except Exception:  # A check that breaks must not hide the others.
            flaws = [traceback.format_exc()]
        took = time.monotonic() - since
        print(f"{'FAIL' if flaws else 'ok  '} {name} ({took:.1f} s)", flush=True)
        for flaw in flaws:
            print("     " + flaw.replace("\n", "\n     "), flush=True)
        if flaws:
            self.failed.append(name)
        else:
            self.passed += 1

    def end(self) -> int:
        print(f"{self.passed} passed, {len(self.failed)} failed")
        return 1 if self.failed else 0
