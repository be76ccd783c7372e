"""The figures of a comparison, as a summary and as tables."""

from __future__ import annotations

import math
import statistics

# What the rest is compared with.
BASE = "instinct"
# What is expected of one client's p50 and of the requests a second of several.
EXPECTED = {"p50": 10, "rate": 20}


def percentile(ordered: list[int], share: float) -> int:
    """The nearest-rank percentile (Hyndman and Fan's first definition)."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def figures(rounds: list[dict]) -> dict:
    """One service in one pass: percentiles over the requests of all rounds, requests a second over their time."""
    ordered = sorted(latency for seen in rounds for latency in seen["latencies_ns"])
    count, seconds = len(ordered), sum(seen["seconds"] for seen in rounds)
    told = {f"p{round(share * 100)}_ms": percentile(ordered, share) / 1e6 for share in (0.5, 0.95, 0.99)}
    each = [{"p50_ms": statistics.median(seen["latencies_ns"]) / 1e6, "per_second": seen["requests"] / seen["seconds"]} for seen in rounds]
    hits = sum(seen["hits"] for seen in rounds)
    return {**told, "per_second": count / seconds, "requests": count, "served": hits / count, "rounds": each}


def spread(values: list[float]) -> dict:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(passes: dict) -> list[dict]:
    """Every pass with each service's figures, and by how many times each is slower than Instinct in the same round."""
    told = []
    for (kind, clients), seen in passes.items():
        services = {key: figures(rounds) for key, rounds in seen.items()}
        base = services[BASE]["rounds"]
        for key, service in services.items():
            if key != BASE:
                pairs = list(zip(base, service["rounds"]))
                service["times_p50"] = spread([other["p50_ms"] / own["p50_ms"] for own, other in pairs])
                service["times_rate"] = spread([own["per_second"] / other["per_second"] for own, other in pairs])
        told.append({"kind": kind, "clients": clients, "services": services})
    return told


def table(found: dict) -> None:
    machine = found["machine"]
    print(f"{machine['cores']} cores, {machine['cpu']}, load {machine['load']:.1f} at the start; {found['stored']} texts stored; {found['rounds']} rounds")
    for part in found["passes"]:
        kind = {"fresh": "Fresh texts, each embedded", "repeat": "Exact repeats"}[part["kind"]]
        print(f"\n{kind}, {part['clients']} client{'s' if part['clients'] > 1 else ''}")
        rows = [["", "p50 ms", "p95 ms", "p99 ms", "req/s", "served", "p50 times", "(rounds)", "req/s times", "(rounds)"]]
        for key, service in part["services"].items():
            row = [found["services"][key]["name"], *(f"{service[name]:.3f}" for name in ("p50_ms", "p95_ms", "p99_ms"))]
            row += [f"{service['per_second']:.0f}", f"{service['served']:.0%}"]
            for name in ("times_p50", "times_rate"):
                times = service.get(name)
                row += [f"{times['median']:.1f}", f"{times['min']:.1f}–{times['max']:.1f}"] if times else ["", ""]
            rows.append(row)
        columns(rows)
    memory(found)
    judged(found)
    print(f"\nExpected: {EXPECTED['p50']} times at p50 and {EXPECTED['rate']} times in requests a second. Times are the medians over the rounds.")


def memory(found: dict) -> None:
    print("\nMemory after the load, MB")
    rows = [["", "RSS", "PSS", "Redis RSS", "together"]]
    for service in found["services"].values():
        told = service["memory_bytes"]
        together = told["rss"] + told["redis_rss"]
        rows.append([service["name"], *(f"{count / 1e6:.0f}" for count in (told["rss"], told["pss"], told["redis_rss"], together))])
    columns(rows)


def judged(found: dict) -> None:
    print("\nWhat was served in the warm-up: from the entry that says the same, from another, of those asked")
    kinds = ("near", "reworded", "unseen")
    rows = [["", *kinds]]
    for service in found["services"].values():
        told = [service["judged"][kind] for kind in kinds]
        rows.append([service["name"], *(f"{count['right']} + {count['wrong']} of {count['asked']}" for count in told)])
    columns(rows)


def columns(rows: list[list[str]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip())
