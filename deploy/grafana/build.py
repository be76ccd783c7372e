#!/usr/bin/env python3
"""Writes dashboards/*.json from what is said here, so that a panel is one line of review and all look alike.

python3 deploy/grafana/build.py            writes them
python3 deploy/grafana/build.py --check    fails where one differs from what is here
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from panels import dashboard, heatmap, lines, number, row, states, variable

FOLDER = Path(__file__).resolve().parent / "dashboards"
I = 'job="instinct",instance=~"$instance"'
RATE = "[$__rate_interval]"
OK_BAD = [("green", None), ("red", 1)]
BREAKER = {0: ("closed", "green"), 1: ("half-open", "yellow"), 2: ("open", "red")}


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


def overview() -> dict:
    decide = 'endpoint="/v1/decide"'
    burn = [(f"slo:instinct_{{}}:error_ratio_rate{w}", w) for w in ("5m", "1h", "6h", "3d")]
    of = lambda slo: [(expr.format(slo), window) for expr, window in burn]  # noqa: E731
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
            lines("Availability: share of failed requests", "The objective is 0.001.", of("availability"), "percentunit"),
            lines("Latency: share of late decisions", "The objective is 0.01.", of("latency"), "percentunit"),
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


def decisions() -> dict:
    return dashboard(
        "instinct-decisions",
        "Instinct: trust",
        "What is near, what the gates refuse, and how often a reuse was wrong.",
        [
            row("Error budget"),
            states(
                "Serving by meaning",
                "Open, or exact hits only while the error budget is spent.",
                [(f"max by (strategy) (error_budget_exact_only{{{I}}})", "{{strategy}}")],
                {0: ("open", "green"), 1: ("exact only", "red")},
            ),
            lines(
                "Judgements by source",
                "shadow: decided again; feedback: callers; engine: held back, then decided.",
                [(rate("judgements_total", "source, verdict"), "{{source}} {{verdict}}")],
                "ops",
                stacked=True,
            ),
            number(
                "Wrong, of reuses judged in a day",
                "Callers and shadow decisions.",
                [("instinct:wrong_ratio:increase1d", "wrong")],
                "percentunit",
                [("green", None), ("orange", 0.01), ("red", 0.02)],
                8,
            ),
            number(
                "Judged in a day",
                "Callers and shadow decisions.",
                [(f'sum(increase(judgements_total{{{I},source!="engine"}}[1d]))', "judged")],
                width=8,
            ),
            number(
                "Shadow decisions left out in a day",
                "No room, or the engine gave none.",
                [(f"sum(increase(shadow_decisions_left_out_total{{{I}}}[1d]))", "left out")],
                width=8,
            ),
            row("Refusals"),
            lines(
                "Refused candidates by gate",
                "Candidates are refused in the order floors, facts, validity, trust, action, budget.",
                [(rate("gate_refusals_total", "gate"), "{{gate}}")],
                "ops",
                stacked=True,
            ),
            lines(
                "Refused candidates for each decision",
                "Over 30 minutes; the alert InstinctHitsRefused compares it with yesterday.",
                [("instinct:gate_refusals_per_decision:rate30m", "{{gate}}")],
            ),
            row("Similarity of the nearest candidate"),
            heatmap("Composed vectors", "The floor is tau of the strategy.", buckets("candidate_similarity")),
            heatmap("Fresh vectors", "The floor is tau_fresh of the strategy.", buckets("candidate_fresh_similarity")),
            lines(
                "Composed vectors, quantiles",
                "",
                [(quantile(q, "candidate_similarity"), n) for q, n in ((0.1, "p10"), (0.5, "p50"), (0.9, "p90"))],
            ),
            lines(
                "Fresh vectors, quantiles",
                "",
                [(quantile(q, "candidate_fresh_similarity"), n) for q, n in ((0.1, "p10"), (0.5, "p50"), (0.9, "p90"))],
            ),
            row("What memory holds"),
            lines(
                "Entries, partitions, components",
                "",
                [
                    (f"sum(semantic_cache_entries{{{I}}})", "entries"),
                    (f"sum(semantic_cache_partitions{{{I}}})", "partitions"),
                    (f"sum(embedding_cache_components{{{I}}})", "components"),
                ],
            ),
            lines("Entries written", "", [(rate("redis_insert_operations_total"), "entries")], "ops"),
        ],
    )


def engines() -> dict:
    endpoint = variable("endpoint", "Language model", "llm_calls_total")
    chosen = 'endpoint=~"$endpoint"'
    return dashboard(
        "instinct-engines",
        "Instinct: engines",
        "Engines, agents and language models.",
        [
            row("Engines"),
            lines(
                "Runs by outcome",
                "",
                [(rate("engine_runs_total", "engine, outcome"), "{{engine}} {{outcome}}")],
                "ops",
                stacked=True,
            ),
            lines("Time of a run", "Waiting included.", quantiles("engine_duration_seconds"), "s"),
            lines(
                "Requests that shared a run",
                "They waited for the run of another.",
                [(rate("engine_runs_shared_total"), "shared")],
                "ops",
            ),
            lines(
                "Pending decisions",
                "Callers were told to come back for them.",
                [(f"sum by (instance) (decisions_pending{{{I}}})", "{{instance}}")],
            ),
            lines(
                "Decided but not stored",
                "Memory has them, the store did not take them.",
                [(rate("backfills_not_stored_total"), "not stored")],
                "ops",
            ),
            row("Agents"),
            lines(
                "Agents by source and outcome",
                "",
                [(rate("agent_runs_total", "agent, source, outcome"), "{{agent}} {{source}} {{outcome}}")],
                "ops",
                stacked=True,
            ),
            states(
                "Breakers of agents",
                "Whether an agent asks its language model.",
                [(f"max by (agent) (agent_breaker_state{{{I}}})", "{{agent}}")],
                BREAKER,
            ),
            row("Language models"),
            lines(
                "Calls by outcome",
                "",
                [(rate("llm_calls_total", "endpoint, outcome", chosen), "{{endpoint}} {{outcome}}")],
                "ops",
                stacked=True,
            ),
            states(
                "Breakers of endpoints",
                "Open: it is left alone.",
                [(f"max by (endpoint) (llm_breaker_state{{{I},{chosen}}})", "{{endpoint}}")],
                BREAKER,
            ),
            lines(
                "Time of a call (p50, p99)",
                "However it ended.",
                [
                    (quantile(q, "llm_call_duration_seconds", "endpoint", chosen), "{{endpoint}} " + n)
                    for q, n in ((0.5, "p50"), (0.99, "p99"))
                ],
                "s",
            ),
            lines(
                "Time to the first token (p50, p99)",
                "",
                [
                    (quantile(q, "llm_first_token_seconds", "endpoint", chosen), "{{endpoint}} " + n)
                    for q, n in ((0.5, "p50"), (0.99, "p99"))
                ],
                "s",
            ),
            lines("Tokens", "", [(rate("llm_tokens_total", "endpoint, kind", chosen), "{{endpoint}} {{kind}}")], "ops"),
            lines(
                "Cost",
                "By the prices of the settings.",
                [(f"sum by (endpoint) (rate(llm_cost_usd_total{{{I},{chosen}}}{RATE})) * 3600", "{{endpoint}}")],
                "currencyUSD",
            ),
            lines(
                "Retries by reason",
                "",
                [(rate("llm_retries_total", "endpoint, reason", chosen), "{{endpoint}} {{reason}}")],
                "ops",
            ),
            lines(
                "Answers read as JSON", "", [(rate("llm_structured_answers_total", "result"), "{{result}}")], "ops", stacked=True
            ),
        ],
        (endpoint,),
    )


def saturation() -> dict:
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
                        f'(sum by (instance) (rate(http_requests_total{{{I},status="503"}}{RATE})) or 0 * sum by (instance) (rate(http_requests_total{{{I}}}{RATE}))) / sum by (instance) (rate(http_requests_total{{{I}}}{RATE}))',
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


def redis() -> dict:
    """Of metrics that the Redis store exports."""
    return dashboard(
        "instinct-redis",
        "Instinct: Redis and replicas",
        "The Redis store and how far replicas are behind one another. Empty where the store is the embedded one.",
        [
            states(
                "Connection to Redis",
                "",
                [(f"max by (instance) (store_connected{{{I}}})", "{{instance}}")],
                {0: ("away", "red"), 1: ("connected", "green")},
            ),
            lines(
                "Replica lag",
                "Age of the last change that a replica has seen.",
                [(f"max by (instance) (replica_lag_seconds{{{I}}})", "{{instance}}")],
                "s",
            ),
            lines(
                "Records in the journal",
                "Acknowledged while Redis was away, and not there yet.",
                [(f"max by (instance) (journal_records{{{I}}})", "{{instance}}")],
            ),
            lines("Bytes of the journal", "", [(f"max by (instance) (journal_bytes{{{I}}})", "{{instance}}")], "bytes"),
            lines("Replayed from the journal", "", [(rate("journal_replayed_total", "instance"), "{{instance}}")], "ops"),
            lines(
                "Times the whole store was read anew",
                "A replica was further behind than the change stream is long.",
                [(f"sum by (instance) (increase(follow_resyncs_total{{{I}}}[1h]))", "{{instance}}")],
            ),
            lines(
                "Leases by outcome",
                "Which replica thinks for all.",
                [(rate("leases_total", "outcome"), "{{outcome}}")],
                "ops",
                stacked=True,
            ),
        ],
    )


def tenants() -> dict:
    """Of metrics of credentials, rates and admission."""
    return dashboard(
        "instinct-tenants",
        "Instinct: callers and overload",
        "Who is refused, and why.",
        [
            lines(
                "Concurrency and its limit",
                "",
                [
                    (f"max by (instance) (admission_in_flight{{{I}}})", "{{instance}} in flight"),
                    (f"max by (instance) (admission_limit{{{I}}})", "{{instance}} limit"),
                ],
            ),
            lines(
                "Refused for overload, by reason",
                "",
                [(rate("admission_refused_total", "reason"), "{{reason}}")],
                "reqps",
                stacked=True,
            ),
            lines(
                "Refused credentials, by reason",
                "",
                [(rate("auth_refused_total", "reason"), "{{reason}}")],
                "reqps",
                stacked=True,
            ),
            lines(
                "Over the rate, by role",
                "Answered 429.",
                [(rate("rate_limited_total", "role"), "{{role}}")],
                "reqps",
                stacked=True,
            ),
        ],
    )


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
