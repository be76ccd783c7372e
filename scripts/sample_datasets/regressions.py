"""Simulates the sample data of the cases that are regressions and tests: funding, book_depth, maker_rebates, withdrawals, executions, settlements.

The true parameters stand at the head of each function. All of it is invented; the numbers are the same each time.

    python3 scripts/sample_datasets/regressions.py
"""

import csv
import datetime
import math
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "sample/datasets"
END = datetime.datetime(2026, 11, 1)


def moment(at: datetime.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def write(name: str, head: list[str], rows: list[list]) -> None:
    path = FOLDER / f"{name}.csv"
    with path.open("w", newline="") as out:
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(head)
        lines.writerows(rows)
    print(path.name, len(rows), "rows", path.stat().st_size, "bytes")


def funding() -> None:
    """A basis point more of funding moves open interest by -0.45 % (BTC-PERP), -0.80 % (SOL-PERP) over the next 8 hours.

    A return of 1 % before moves it by 0.30 %, and 0.15 of a change comes back the next time.
    """
    chance = random.Random(2)
    rows = []
    intervals = 750
    for symbol, slope, price, interest, spread in (("BTC-PERP", -0.45, 64000.0, 9.2e9, 1.2), ("SOL-PERP", -0.80, 148.0, 1.4e9, 2.1)):
        rate, change, past = 1.0, 0.0, 0.0
        for at in range(intervals):
            time = END - datetime.timedelta(hours=8 * (intervals - at))
            rows.append([moment(time), symbol, f"{rate * 1e-4:.7f}", f"{interest:.0f}", f"{price:.2f}"])
            move = chance.gauss(0.0, spread)
            change = slope * (rate - 1.0) + 0.30 * past + 0.15 * change + chance.gauss(0.0, 0.9)
            past = move
            interest *= math.exp(change / 100.0)
            price *= math.exp(move / 100.0)
            rate = 1.0 + 0.85 * (rate - 1.0) + chance.gauss(0.0, 0.45)
    write("funding", ["time", "symbol", "funding_rate", "open_interest", "price"], rows)


def book_depth() -> None:
    """Cumulative depth is a * distance^gamma: gamma 0.88 (bid) and 0.82 (ask), a 2.0 million (BTC-PERP) and 0.9 million (ETH-PERP) dollars at 1 bp.

    From snapshot to snapshot ln a varies by 0.15, half of it lasting, gamma by 0.03; every level is off by 5 %.
    """
    chance = random.Random(3)
    rows = []
    for symbol, level in (("BTC-PERP", 2.0e6), ("ETH-PERP", 0.9e6)):
        lasting = 0.0
        for at in range(48):
            time = END - datetime.timedelta(hours=48 - at)
            lasting = 0.7 * lasting + chance.gauss(0.0, 0.08)
            for side, gamma in (("bid", 0.88), ("ask", 0.82)):
                scale = level * math.exp(lasting + chance.gauss(0.0, 0.08))
                power = gamma + chance.gauss(0.0, 0.03)
                for distance in (1, 2, 5, 10, 20, 50, 100):
                    depth = scale * distance**power * math.exp(chance.gauss(0.0, 0.05))
                    # One empty level, as a halted feed leaves it.
                    empty = at == 20 and side == "ask" and distance == 1
                    rows.append([moment(time), symbol, side, distance, 0 if empty else f"{depth:.0f}"])
    write("book_depth", ["time", "symbol", "side", "distance_bps", "depth"], rows)


def maker_rebates() -> None:
    """The volume of a maker has an elasticity of 0.35 to its rebate and of 0.9 to the market's volume, beside an effect of each maker.

    Larger makers have larger rebates, so that makers held against one another would tell 1.0 or more.
    """
    chance = random.Random(7)
    rows = []
    markets = [4.0e10 * math.exp(chance.gauss(0.0, 0.25)) for _ in range(18)]
    for maker in range(1, 41):
        size = chance.gauss(0.0, 1.0)
        lasting = 0.0
        for month, market in enumerate(markets):
            year, number = 2025 + (month + 4) // 12, (month + 4) % 12 + 1
            lasting = 0.5 * lasting + chance.gauss(0.0, 0.25)
            rebate = math.exp(-0.4 + 0.35 * size + chance.gauss(0.0, 0.35))
            volume = 3.0e8 * math.exp(size) * (rebate**0.35) * (market / 4.0e10) ** 0.9 * math.exp(lasting)
            # A maker that had no rebate in its first month.
            rebate_text = "0" if month == 0 and maker % 20 == 0 else f"{rebate:.4f}"
            rows.append([f"{year}-{number:02}-01T00:00:00Z", f"M-{maker:02}", f"{volume:.0f}", rebate_text, f"{market:.0f}"])
    write("maker_rebates", ["time", "maker", "volume", "rebate_bps", "market_volume"], rows)


def withdrawals() -> None:
    """Accounts take out a lognormal amount on three days of ten, its logarithm with a deviation of 0.5; on the last day A-017, A-042 and A-091 take
    out 40, 30 and 60 times their usual amount.
    """
    chance = random.Random(10)
    rows = []
    number = 0
    wild = {17: 40.0, 42: 30.0, 91: 60.0}
    usual = {account: math.exp(chance.gauss(7.0, 1.2)) for account in range(1, 101)}
    for day in range(60, -1, -1):
        for account, amount in usual.items():
            today = day == 0 and account in wild
            if not today and chance.random() > 0.3:
                continue
            number += 1
            time = END - datetime.timedelta(days=day, minutes=chance.randrange(1, 1439))
            size = amount * (wild[account] if today else math.exp(chance.gauss(0.0, 0.5)))
            rows.append([f"w{number:04}", moment(time), f"A-{account:03}", f"{size:.2f}"])
    rows.append(rows[-1][:])
    write("withdrawals", ["id", "time", "account", "amount"], rows)


def executions() -> None:
    """The impact in basis points is alpha * (size / depth)^beta: 1.24 and 0.51 (BTC-PERP), 1.55 and 0.49 (ETH-PERP), 2.18 and 0.62 (SOL-PERP).

    The noise has a part that grows with the impact and one that does not; two executions of each market are wildly off.
    """
    chance = random.Random(19)
    rows = []
    laws = (("BTC-PERP", 1.24, 0.51, 0.24, 9.0e6), ("ETH-PERP", 1.55, 0.49, 0.27, 5.0e6), ("SOL-PERP", 2.18, 0.62, 0.36, 1.2e6))
    for symbol, alpha, beta, noise, depth in laws:
        for at in range(450):
            book = depth * math.exp(chance.gauss(0.0, 0.2))
            size = book * math.exp(chance.uniform(math.log(0.01), math.log(3.0)))
            size, book = round(size), round(book)
            law = alpha * (size / book) ** beta
            impact = law * (1.0 + chance.gauss(0.0, noise)) + chance.gauss(0.0, 0.12)
            if at in (100, 200):
                impact += 60.0
            time = END - datetime.timedelta(minutes=60 * (450 - at) - chance.randrange(0, 50))
            rows.append([moment(time), symbol, size, 0 if at == 300 else book, f"{impact:.3f}"])
    rows.sort()
    write("executions", ["time", "symbol", "size", "depth", "impact_bps"], rows)


def settlements() -> None:
    """Settlements lie a Laplace distance of scale 3 bps from their reference; those of PT-ETH in the last 30 days 3 bps higher and 1.4 times as wide."""
    chance = random.Random(21)
    rows = []
    for symbol, price in (("PT-BTC", 64000.0), ("PT-ETH", 3300.0)):
        for half_day in range(420, 0, -1):
            time = END - datetime.timedelta(hours=12 * half_day)
            price *= math.exp(chance.gauss(0.0, 0.015))
            deviation = 3.0 * (chance.expovariate(1.0) - chance.expovariate(1.0))
            if symbol == "PT-ETH" and half_day <= 60:
                deviation = 3.0 + 1.4 * deviation
            settled = 0.0 if half_day == 200 else price * math.exp(deviation / 1e4)
            rows.append([f"{symbol}-{half_day}", moment(time), symbol, f"{settled:.4f}", f"{price:.4f}"])
    write("settlements", ["id", "time", "symbol", "settlement", "reference"], rows)


if __name__ == "__main__":
    funding()
    book_depth()
    maker_rebates()
    withdrawals()
    executions()
    settlements()
