"""How the service does: objectives and latency, and what it has left."""

from __future__ import annotations

from expressions import I, RATE, buckets, quantile, quantiles, rate
from panels import dashboard, heatmap, lines, number, row

OK_BAD = [("green", None), ("red", 1)]


def overview() -> dict:
    decide = 'endpoint="/v1/decide"'

    def windows(slo: str) -> list:
        return [(f"slo:instinct_{slo}:error_ratio_rate{window}", window) for window in ("5m", "1h", "6h", "3d")]

    return dashboard(
        "instinct-overview",
        "Instinct: overview",
        "Objectives, traffic, latency by path, and what memory answers.",
        [
            row("Objectives"),
            number(
                "Up", "Instances that answer /metrics.", [('sum(up{job="instinct"})', "up")], steps=[("red", None), ("green", 1)]
            ),
            number(
                "Availability budget left",
                "Of 0.1% of a month's decide requests that may fail with a 5xx.",
                [("slo:instinct_availability:budget_left", "left")],
                "percentunit",
                [("red", None), ("orange", 0.1), ("green", 0.5)],
            ),
            number(
                "Latency budget left",
                "Of 1% of a month's decisions that may take longer than 0.75 s.",
                [("slo:instinct_latency:budget_left", "left")],
                "percentunit",
                [("red", None), ("orange", 0.1), ("green", 0.5)],
            ),
            number(
                "Answered from memory", "Share of the last 30 minutes.", [("instinct:hit_ratio:rate30m", "hits")], "percentunit"
            ),
            number("Decisions each second", "All paths and outcomes.", [(rate("decisions_total"), "decisions")], "reqps"),
            number(
                "Strategies on exact hits only",
                "Their error budget is spent.",
                [(f"sum(max by (strategy) (error_budget_exact_only{{{I}}})) or vector(0)", "strategies")],
                steps=OK_BAD,
            ),
            lines("Availability: share of failed requests", "The objective is 0.001.", windows("availability"), "percentunit"),
            lines("Latency: share of late decisions", "The objective is 0.01.", windows("latency"), "percentunit"),
            row("Latency by path"),
            lines(
                "A decision as its caller sees it",
                "POST /v1/decide, from the request's head to its answer.",
                quantiles("http_request_duration_seconds", decide),
                "s",
            ),
            lines(
                "A decision within the pipeline",
                "Stage total: every path together.",
                quantiles("decide_stage_duration_seconds", 'stage="total"'),
                "s",
            ),
            lines(
                "Memory, by stage (p99)",
                "The exact look-up; then, for a text that is new, embedding with its wait, context, composition, search and gates.",
                [(quantile(0.99, "decide_stage_duration_seconds", "stage", 'stage!="total"'), "{{stage}}")],
                "s",
            ),
            lines(
                "Engines (p50 and p99)",
                "One run, waiting included.",
                [(quantile(q, "engine_duration_seconds", "engine"), "{{engine}} " + n) for q, n in ((0.5, "p50"), (0.99, "p99"))],
                "s",
            ),
            heatmap(
                "Decisions, spread of the whole time",
                "Two clouds: memory and engines.",
                buckets("decide_stage_duration_seconds", 'stage="total"'),
                "s",
            ),
            lines(
                "Look-up of vectors and gates",
                "Search and gates together, without embedding.",
                quantiles("semantic_cache_duration_seconds"),
                "s",
            ),
            row("Hits and requests"),
            lines(
                "Decisions by path and outcome",
                "exact and fast come from memory.",
                [(rate("decisions_total", "path, outcome") + " > 0", "{{path}} {{outcome}}")],
                "reqps",
                stacked=True,
            ),
            lines(
                "Hits and misses",
                "A hit is a decision from memory, exact or by meaning.",
                [(rate("semantic_cache_hits_total"), "hits"), (rate("semantic_cache_misses_total"), "misses")],
                "reqps",
                stacked=True,
            ),
            lines(
                "Requests by route", "", [(rate("http_requests_total", "method, endpoint"), "{{method}} {{endpoint}}")], "reqps"
            ),
            lines(
                "Errors by route and status",
                "4xx are the caller's, 5xx are ours.",
                [(rate("application_errors_total", "endpoint, status"), "{{status}} {{endpoint}}")],
                "reqps",
            ),
        ],
    )


def saturation() -> dict:
    refused, asked = (rate("http_requests_total", "instance", where) for where in ('status="503"', ""))
    return dashboard(
        "instinct-saturation",
        "Instinct: saturation",
        "Queues, the embedder, the index, the store and the machine.",
        [
            row("Queues and embedding"),
            lines(
                "Jobs that wait",
                "The embedder's queue holds 1,024 and the store's 16,384 by default.",
                [(f"max by (instance, queue) (queue_depth{{{I}}})", "{{instance}} {{queue}}")],
            ),
            lines("Time to embed one text", "Waiting included.", quantiles("embedding_duration_seconds"), "s"),
            lines(
                "Texts embedded and known",
                "A known text needs no embedding.",
                [
                    (f"sum(rate(embedding_duration_seconds_count{{{I}}}{RATE}))", "embedded"),
                    (rate("embedding_cache_hits_total"), "known"),
                ],
                "ops",
                stacked=True,
            ),
            lines(
                "Refused with 503",
                "Share of an instance's requests.",
                [
                    (
                        f"({refused} or 0 * {asked}) / {asked}",
                        "{{instance}}",
                    )
                ],
                "percentunit",
            ),
            row("Index and store"),
            lines("Bytes of the indexes", "", [(f"sum by (instance) (index_bytes{{{I}}})", "{{instance}}")], "bytes"),
            lines(
                "Dead nodes",
                "Deleted and not dropped by a rebuild yet.",
                [(f"sum by (instance) (index_dead_nodes{{{I}}})", "{{instance}}")],
            ),
            lines("Time of a durable write", "", quantiles("redis_insert_duration_seconds"), "s"),
            lines(
                "Audit records given up",
                "Their queue was full.",
                [(rate("audit_records_dropped_total", "instance"), "{{instance}}")],
                "ops",
            ),
            row("Machine"),
            lines(
                "Memory of the container",
                "Kubernetes only.",
                [('max by (pod) (container_memory_working_set_bytes{container="instinct"})', "{{pod}}")],
                "bytes",
            ),
            lines(
                "Processor of the container",
                "Kubernetes only.",
                [('sum by (pod) (rate(container_cpu_usage_seconds_total{container="instinct"}[$__rate_interval]))', "{{pod}}")],
                "short",
            ),
            lines(
                "Space left",
                "",
                [
                    (
                        'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs",mountpoint=~"/|/data"}',
                        "{{instance}} {{mountpoint}}",
                    ),
                    ('kubelet_volume_stats_available_bytes{persistentvolumeclaim=~".*instinct.*"}', "{{persistentvolumeclaim}}"),
                ],
                "bytes",
            ),
            lines(
                "Processor of the machine",
                "",
                [('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))', "{{instance}}")],
                "percentunit",
            ),
        ],
    )
