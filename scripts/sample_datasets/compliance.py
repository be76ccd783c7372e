"""Simulates the sample data of compliance and limits: trades.csv, account_links.csv, compliance_alerts.csv, alert_controls.csv, positions.csv,
funding_caps.csv.

True parameters:

- trades: one trade in eight of ALT-PERP, and one in fifty of BTC-PERP, is part of a wash round trip among the linked accounts of one owner; nine such
  round trips in ten close within the hour, the others are the ones that a rule with that window misses;
- alerts: the chance to be right is 0.55 for `structuring`, 0.40 for `wash_trading`, 0.12 for `velocity`; 15 % were not looked into yet;
- controls: of cases without an alert 0.4 %, 0.2 % and 0.1 % should have raised one by these rules, 0.7 % by any;
- positions: log-normal with σ = 1.2 for BTC-PERP and 2.0 for ALT-PERP;
- funding: each eight hours SOL-PERP comes to its cap with chance 0.02 and stays there with chance 0.6; BTC-PERP with 0.003 and 0.3.

    python3 scripts/sample_datasets/compliance.py
"""

import random
from datetime import datetime, timedelta, timezone

from users import moment, write

END = datetime(2026, 10, 31, 16, tzinfo=timezone.utc)


def trades() -> None:
    chance = random.Random(20266)
    owners = {f"o{owner:02}": [f"x{owner:02}{letter}" for letter in "abc"] for owner in range(40)}
    links = [[account, owner] for owner, accounts in owners.items() for account in accounts]
    others = [f"u{user:03}" for user in range(300)]
    rows = []

    def trade(symbol: str, at: datetime, buyer: str, seller: str, quantity: float) -> None:
        price = {"ALT-PERP": 2.0, "BTC-PERP": 60_000.0}[symbol] * chance.uniform(0.97, 1.03)
        rows.append([symbol, moment(at), buyer, seller, f"{quantity:.4f}", f"{price:.2f}"])

    for symbol, count, share, size in [("ALT-PERP", 800, 0.125, 500.0), ("BTC-PERP", 500, 0.02, 0.05)]:
        wash = 0
        while wash < round(count * share):
            a, b, c = chance.sample(owners[chance.choice(list(owners))], 3)
            at = END - timedelta(minutes=chance.uniform(60, 60 * 24 * 30))
            step = timedelta(minutes=chance.uniform(0.2, 12) if chance.random() < 0.9 else chance.uniform(70, 200))
            quantity = size * chance.lognormvariate(0, 0.8)
            trip = [(a, b), (b, a)] if chance.random() < 0.7 or wash + 3 > round(count * share) else [(a, b), (b, c), (c, a)]
            for at_step, (buyer, seller) in enumerate(trip):
                trade(symbol, at + at_step * step, buyer, seller, quantity)
            wash += len(trip)
        for _ in range(count - wash):
            buyer, seller = chance.sample(others + [account for accounts in owners.values() for account in accounts], 2)
            trade(symbol, END - timedelta(minutes=chance.uniform(0, 60 * 24 * 30)), buyer, seller, size * chance.lognormvariate(0, 0.8))
    rows.sort(key=lambda row: row[1])
    write("trades.csv", ["trade", "symbol", "time", "buyer", "seller", "quantity", "price"], [[f"t{at:05}", *row] for at, row in enumerate(rows)])
    write("account_links.csv", ["account", "owner"], links)


def alerts() -> None:
    chance = random.Random(20267)
    rules = {"structuring": (0.55, 240, 0.004), "wash_trading": (0.40, 300, 0.002), "velocity": (0.12, 700, 0.001)}
    rows = []
    for rule, (right, count, _) in rules.items():
        for _ in range(count):
            at = END - timedelta(minutes=chance.uniform(0, 60 * 24 * 90))
            confirmed = "" if chance.random() < 0.15 else str(chance.random() < right).lower()
            rows.append([rule, moment(at), confirmed])
    rows.sort(key=lambda row: row[1])
    write("compliance_alerts.csv", ["alert", "rule", "time", "confirmed"], [[f"al{at:05}", *row] for at, row in enumerate(rows)])
    controls = []
    for rule, missing in [*((rule, missing) for rule, (_, _, missing) in rules.items()), ("all", 0.007)]:
        controls.append([rule, 48_000, 2_000, sum(chance.random() < missing for _ in range(2_000))])
    write("alert_controls.csv", ["rule", "cases_without_alert", "reviewed", "missed"], controls)


def positions() -> None:
    chance = random.Random(20268)
    rows = []
    for symbol, count, spread in [("BTC-PERP", 600, 1.2), ("ALT-PERP", 80, 2.0)]:
        for account in range(count):
            side = 1 if chance.random() < 0.5 else -1
            rows.append([symbol, f"p{account:03}", moment(END), f"{side * chance.lognormvariate(9.0, spread):.2f}"])
    write("positions.csv", ["symbol", "account", "time", "notional_usdt"], rows)


def funding() -> None:
    chance = random.Random(20269)
    rows = []
    for symbol, enter, stay in [("BTC-PERP", 0.003, 0.3), ("SOL-PERP", 0.02, 0.6)]:
        cap, at_cap = 0.0075, False
        for step in range(800):
            at_cap = chance.random() < (stay if at_cap else enter)
            rate = (1 if chance.random() < 0.7 else -1) * cap if at_cap else max(-0.9 * cap, min(0.9 * cap, chance.gauss(0.0002, 0.0012)))
            rows.append([symbol, moment(END - timedelta(hours=8 * (799 - step))), f"{rate:.6f}", cap])
    write("funding_caps.csv", ["symbol", "time", "funding_rate", "cap"], rows)


if __name__ == "__main__":
    trades()
    alerts()
    positions()
    funding()
