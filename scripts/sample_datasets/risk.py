"""Writes the invented books of the sample: open positions, the insurance fund's balance and options.

    python3 scripts/sample_datasets/risk.py [--out sample/datasets]

True parameters. open_positions: 900 positions, 50% of them in BTC-PERP, 29% in ETH-PERP, 21% in SOL-PERP; sizes are log-normal
with medians of 1.15, 0.6 and 0.5 million USDT and a log-deviation of 1.2; 62% are long; leverage is log-normal with a median of 6 and a
log-deviation of 0.45, between 1.5 and 25. insurance_fund: daily balances that end at 50,000,000 USDT. option_positions: 60 European
options on BTC (72,000), ETH (2,250) and SOL (88), half of them on futures; volatility is 0.52, 0.70 and 0.85 at the money, with a smile of
0.25 for each unit of squared log-moneyness over the root of the time.
"""

import argparse
import csv
import datetime as dt
import math
import pathlib
import random


def write(path, names, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(names)
        out.writerows(rows)


def positions(chance):
    markets = [("BTC-PERP", 0.5, 1.15e6), ("ETH-PERP", 0.29, 0.6e6), ("SOL-PERP", 0.21, 0.5e6)]
    for number in range(900):
        market, _, median = chance.choices(markets, [share for _, share, _ in markets])[0]
        size = median * math.exp(1.2 * chance.gauss(0, 1))
        leverage = min(max(6 * math.exp(0.45 * chance.gauss(0, 1)), 1.5), 25)
        sign = 1 if chance.random() < 0.62 else -1
        yield [f"P{number + 1:04}", market, round(sign * size), round(size / leverage)]


def balances(chance, days=60):
    last = dt.datetime(2026, 4, 15)
    balance, rows = 50_000_000, []
    for back in range(days):
        rows.append([(last - dt.timedelta(days=back)).strftime("%Y-%m-%dT%H:%M:%SZ"), round(balance)])
        balance -= chance.gauss(60_000, 90_000)
    return reversed(rows)


def options(chance):
    markets = [("BTC", 72_000, 0.52, 1_000, 20), ("ETH", 2_250, 0.70, 50, 400), ("SOL", 88, 0.85, 2, 8_000)]
    expiries = [dt.datetime(2028, 12, 29, 8), dt.datetime(2029, 6, 29, 8), dt.datetime(2030, 12, 27, 8)]
    for number in range(60):
        name, price, level, step, size = markets[number % 3]
        expiry = chance.choice(expiries)
        years = (expiry - dt.datetime(2026, 4, 16)).days / 365
        strike = max(step, round(price * math.exp(chance.gauss(0, 0.2)) / step) * step)
        on = "future" if number % 2 else "spot"
        volatility = level + 0.25 * math.log(strike / price) ** 2 / math.sqrt(years)
        yield [
            name,
            chance.choice(["call", "put"]),
            on,
            strike,
            expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
            round(chance.choice([-1, 1]) * size * chance.uniform(0.1, 1.0), 1),
            round(price * (math.exp(0.05 * years) if on == "future" else 1), 2),
            round(volatility, 4),
            0.04,
        ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="sample/datasets", type=pathlib.Path)
    out = parser.parse_args().out
    chance = random.Random(20260416)
    write(out / "open_positions.csv", ["position", "market", "notional_usdt", "margin_usdt"], positions(chance))
    write(out / "insurance_fund.csv", ["time", "balance_usdt"], balances(chance))
    names = ["underlying", "kind", "style", "strike", "expiry", "quantity", "price", "volatility", "rate"]
    write(out / "option_positions.csv", names, options(chance))


if __name__ == "__main__":
    main()
