"""Simulates the sample data of users: user_lifetimes.csv, user_activity.csv, user_revenue.csv, affiliates.csv, affiliate_revenue.csv.

True parameters:

- lifetimes: Weibull with shape 0.8 and a scale of 14 months, the hazard times exp(−0.08 · trades_first_week − 0.45 · used_bot + 0 · referred), and times 0.5
  for the segment `pro` and 0.25 for `vip`; revenue comes at a mean of 12, 60 and 400 USDT a month for retail, pro and vip;
- activity: logit of being active k months after joining = 0.2 − 0.7 · log k + a user's own faithfulness, whose effect on the mean share is taken out;
- revenue: log-normal with σ = 1.6, whose Gini index is 0.742;
- affiliates: revenue a day is cost ⁄ days, with a median of 60 days for `referral`, 110 for `seo` and 200 for `influencer`, log-normal with σ = 0.7; one in
  ten brings nothing.

    python3 scripts/sample_datasets/users.py
"""

import csv
import math
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "sample/datasets"
END = datetime(2026, 10, 31, 21, tzinfo=timezone.utc)
DAYS_PER_MONTH = 30.436875


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def write(name: str, header: list[str], rows: list[list]) -> None:
    with (FOLDER / name).open("w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
    print(name, len(rows), (FOLDER / name).stat().st_size)


def lifetimes() -> None:
    chance = random.Random(33)
    segments = {"retail": (0.75, 1.0, 12.0), "pro": (0.2, 0.5, 60.0), "vip": (0.05, 0.25, 400.0)}
    rows = []
    for user in range(1200):
        segment = chance.choices(list(segments), weights=[share for share, _, _ in segments.values()])[0]
        _, hazard, monthly = segments[segment]
        joined = END - timedelta(days=chance.uniform(1, 1000))
        trades, bot, referred = min(40, int(chance.expovariate(1 / 6))), int(chance.random() < 0.3), int(chance.random() < 0.4)
        hazard *= math.exp(-0.08 * trades - 0.45 * bot)
        months = 14.0 * (-math.log(1.0 - chance.random()) / hazard) ** (1 / 0.8)
        left = joined + timedelta(days=months * DAYS_PER_MONTH) if months < 600 else END + timedelta(days=1)
        stayed = (min(left, END) - joined).total_seconds() / 86_400 / DAYS_PER_MONTH
        revenue = monthly * stayed * chance.gammavariate(1.5, 1 / 1.5)
        gone = moment(left) if left <= END else ""
        rows.append([f"u{user:04}", segment, moment(joined), gone, f"{revenue:.2f}", trades, bot, referred])
    write("user_lifetimes.csv", ["user", "segment", "joined", "left", "revenue_usdt", "trades_first_week", "used_bot", "referred"], rows)


def later(year: int, month: int, by: int) -> tuple[int, int]:
    at = year * 12 + month - 1 + by
    return at // 12, at % 12 + 1


def activity() -> None:
    chance = random.Random(20263)
    rows = []
    for user in range(540):
        cohort = user % 12
        year, month = later(2025, 11, cohort)
        joined = f"{year}-{month:02}-{chance.randint(1, 28):02}T{chance.randint(0, 23):02}:00:00Z"
        rows.append([f"u{user:03}", joined, joined])
        # Half are 12 points more faithful than the mean and half less, so that the mean is as said.
        own = 0.12 if chance.random() < 0.5 else -0.12
        for age in range(1, 12 - cohort):
            share = 1 / (1 + math.exp(-(0.2 - 0.7 * math.log(age))))
            if chance.random() < min(1.0, max(0.0, share + own)):
                y, m = later(year, month, age)
                rows.append([f"u{user:03}", joined, f"{y}-{m:02}-{chance.randint(1, 28):02}T12:00:00Z"])
    write("user_activity.csv", ["user", "joined", "active"], rows)


def revenue() -> None:
    chance = random.Random(20264)
    rows = [[f"u{user:04}", f"{chance.lognormvariate(3.0, 1.6):.2f}"] for user in range(1500)]
    write("user_revenue.csv", ["user", "revenue_usdt"], rows)


def affiliates() -> None:
    chance = random.Random(20265)
    medians = {"referral": 60.0, "seo": 110.0, "influencer": 200.0}
    costs, earned = [], []
    for affiliate in range(240):
        channel = list(medians)[affiliate % 3]
        started = END - timedelta(days=chance.uniform(20, 500))
        cost = chance.uniform(300, 3000)
        days = medians[channel] * math.exp(0.7 * chance.gauss(0, 1))
        nothing = chance.random() < 0.1
        costs.append([f"a{affiliate:03}", channel, moment(started), f"{cost:.2f}"])
        at = started
        # Revenue is booked each fortnight, and until cost has come back twice.
        total = 0.0
        while not nothing and at + timedelta(days=14) <= END and total < 2 * cost:
            at += timedelta(days=14)
            booked = cost * 14 / days
            total += booked
            earned.append([f"a{affiliate:03}", moment(at), f"{booked:.2f}"])
    write("affiliates.csv", ["affiliate", "channel", "started", "cost_usdt"], costs)
    write("affiliate_revenue.csv", ["affiliate", "time", "revenue_usdt"], earned)


if __name__ == "__main__":
    lifetimes()
    activity()
    revenue()
    affiliates()
