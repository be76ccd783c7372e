"""Copies the sample data sets to a folder, the simulated ones moved forward so that they end where the clock stands.

    python3 scripts/sample_datasets/until_now.py OUT [--now 2026-12-24]

Simulated data have no true day, and a fitted model tells less confidence the older its data are: left where they are, every case of the
sample would be LOW some weeks later. Their days move by as many whole days as have passed since 2026-11-01, when the longest of them end; those that
have one row for each month move by whole months, the last being the month before this one. What is real is not moved: the prices, the balance of
the insurance fund that goes with them, and the options whose prices are those of that day. Their cases say how old the data are.
"""

import argparse
import datetime as dt
import re
import shutil
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "sample/datasets"
END = dt.date(2026, 11, 1)
LAST_MONTH = 2026 * 12 + 10 - 1
AS_THEY_ARE = {"ohlcv.csv.gz", "insurance_fund.csv", "option_positions.csv"}
MONTHLY = {"maker_rebates.csv", "vip_transitions.csv"}
DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})(?=T)")


def by_days(text: str, now: dt.date) -> str:
    days = dt.timedelta(days=max(0, (now - END).days))
    return DAY.sub(lambda found: (dt.date.fromisoformat(found[0]) + days).isoformat(), text)


def by_months(text: str, now: dt.date) -> str:
    months = max(0, now.year * 12 + now.month - 2 - LAST_MONTH)

    def moved(found: re.Match) -> str:
        count = int(found[1]) * 12 + int(found[2]) - 1 + months
        return f"{count // 12:04}-{count % 12 + 1:02}-{found[3]}"

    return DAY.sub(moved, text)


def copy(out: Path, now: dt.date) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(FOLDER.glob("*.csv*")):
        if path.name in AS_THEY_ARE:
            shutil.copyfile(path, out / path.name)
        else:
            move = by_months if path.name in MONTHLY else by_days
            (out / path.name).write_text(move(path.read_text(encoding="utf-8"), now), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--now", type=dt.date.fromisoformat, default=dt.datetime.now(dt.timezone.utc).date())
    arguments = parser.parse_args()
    copy(arguments.out, arguments.now)


if __name__ == "__main__":
    main()
