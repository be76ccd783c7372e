#!/usr/bin/env python3
"""Writes dashboards/*.json from service.py, decisions.py and awaited.py, so that a panel is one line of review and all look alike.

python3 deploy/grafana/build.py            writes them
python3 deploy/grafana/build.py --check    fails where one differs from what is here
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from awaited import redis, tenants
from decisions import decisions, engines
from service import overview, saturation

FOLDER = Path(__file__).resolve().parent / "dashboards"

ALL = {
    "overview": overview,
    "decisions": decisions,
    "engines": engines,
    "saturation": saturation,
    "redis": redis,
    "tenants": tenants,
}


def texts() -> dict[Path, str]:
    return {FOLDER / f"{name}.json": json.dumps(make(), indent=1, ensure_ascii=False) + "\n" for name, make in ALL.items()}


def stale() -> list[str]:
    """Files that differ from what is said here, and files that nothing here makes."""
    wanted = texts()
    different = [path.name for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    return different + [path.name for path in FOLDER.glob("*.json") if path not in wanted]


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        for name in stale():
            print(f"{name} differs from build.py: run python3 deploy/grafana/build.py", file=sys.stderr)
        return 1 if stale() else 0
    FOLDER.mkdir(exist_ok=True)
    for path, text in texts().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
