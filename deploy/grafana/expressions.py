"""The PromQL that panels are made of."""

from __future__ import annotations

I = 'job="instinct",instance=~"$instance"'
RATE = "[$__rate_interval]"


def rate(metric: str, by: str = "", where: str = "") -> str:
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped}(rate({metric}{{{I}{',' + where if where else ''}}}{RATE}))"


def quantile(q: float, metric: str, by: str = "", where: str = "") -> str:
    return f"histogram_quantile({q}, {rate(metric + '_bucket', 'le' + (', ' + by if by else ''), where)})"


def quantiles(metric: str, where: str = "") -> list:
    return [
        (quantile(q, metric, where=where), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"), (0.999, "p99.9"))
    ]


def buckets(metric: str, where: str = "") -> str:
    return rate(metric + "_bucket", "le", where)
