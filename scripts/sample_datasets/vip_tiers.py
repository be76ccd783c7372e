"""Simulates sample/datasets/vip_transitions.csv: how many users moved between VIP tiers in each of twelve months.

True parameters: MATRIX is the chain of every month; users begin as START says. In the last month VIP-3 loses 9.0 % to VIP-2 instead of the 5.2 % of the
months before, and newcomers come with a matched status, so that VIP-3 has 480 users and is expected to have 403 a month later.

    python3 scripts/sample_datasets/vip_tiers.py
"""

import csv
import random
from pathlib import Path

TIERS = 7
MONTHS = ["2025-11", "2025-12"] + [f"2026-{month:02}" for month in range(1, 11)]
START = [5200, 2100, 980, 400, 190, 80, 30]
MATRIX = [
    [0.955, 0.042, 0.003, 0.000, 0.000, 0.000, 0.000],
    [0.070, 0.880, 0.045, 0.005, 0.000, 0.000, 0.000],
    [0.010, 0.085, 0.867, 0.033, 0.005, 0.000, 0.000],
    [0.050, 0.050, 0.052, 0.660, 0.165, 0.023, 0.000],
    [0.000, 0.005, 0.030, 0.120, 0.790, 0.050, 0.005],
    [0.000, 0.000, 0.005, 0.020, 0.110, 0.815, 0.050],
    [0.000, 0.000, 0.000, 0.005, 0.015, 0.130, 0.850],
]
FORECAST_MONTHS = 3


def draws(chance: random.Random, users: int, shares: list[float]) -> list[int]:
    moved = [0] * len(shares)
    for to in chance.choices(range(len(shares)), weights=shares, k=users):
        moved[to] += 1
    return moved


def simulate() -> list[list[list[int]]]:
    chance = random.Random(20261)
    now, months = list(START), []
    for at in range(len(MONTHS)):
        moves = [draws(chance, users, MATRIX[tier]) for tier, users in enumerate(now)]
        # The rate of the fall from VIP-3 to VIP-2 is met exactly, as far as whole users can.
        users = sum(moves[3])
        fall = round((0.090 if at == len(MONTHS) - 1 else 0.052) * users)
        moves[3][3] += moves[3][2] - fall
        moves[3][2] = fall
        months.append(moves)
        now = [sum(row[to] for row in moves) for to in range(TIERS)]
    return months


def expected(months: list[list[list[int]]], now: list[int]) -> float:
    total = 0.0
    for tier in range(TIERS):
        moved = sum(month[tier][3] for month in months[-FORECAST_MONTHS:])
        total += now[tier] * moved / sum(sum(month[tier]) for month in months[-FORECAST_MONTHS:])
    return total


def main() -> None:
    months = simulate()
    now = [sum(row[to] for row in months[-1]) for to in range(TIERS)]
    newcomers = [0] * TIERS
    newcomers[3] = 480 - now[3]
    # As many newcomers in VIP-2 as bring the forecast of VIP-3 to 403, or as many that left it.
    counts = lambda more: [n + new + (more if tier == 2 else 0) for tier, (n, new) in enumerate(zip(now, newcomers))]
    newcomers[2] = min(range(-now[2], 2000), key=lambda more: abs(expected(months, counts(more)) - 403.0))
    assert newcomers[2] >= 0 and newcomers[3] >= 0, (now, newcomers)
    path = Path(__file__).resolve().parents[2] / "sample/datasets/vip_transitions.csv"
    with path.open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["month", "from", "to", "users"])
        for month, moves in zip(MONTHS, months):
            for start, row in enumerate(moves):
                rows.writerows([f"{month}-01T00:00:00Z", start, end, users] for end, users in enumerate(row) if users)
        rows.writerows([f"{MONTHS[-1]}-01T00:00:00Z", "", tier, users] for tier, users in enumerate(newcomers) if users)
    print(path, now, newcomers)


if __name__ == "__main__":
    main()
