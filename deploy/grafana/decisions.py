"""How decisions come about: memory, gates and error budgets; engines and language models."""

from __future__ import annotations

from expressions import I, RATE, buckets, quantile, quantiles, rate
from panels import dashboard, heatmap, lines, number, row, states, variable

BREAKER = {0: ("closed", "green"), 1: ("half-open", "yellow"), 2: ("open", "red")}


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
            row("Optimisation plans"),
            lines(
                "Plans by model and end",
                "Those that were known already are beside them.",
                [
                    (rate("plans_total", "model_type, status"), "{{model_type}} {{status}}"),
                    (rate("plan_cache_hits_total"), "known"),
                ],
                "ops",
                stacked=True,
            ),
            lines("Time of making a plan", "Waiting included.", quantiles("plan_duration_seconds"), "s"),
            lines(
                "Solver runs by end",
                "One plan takes several: what changes, what conflicts, what else there is.",
                [(rate("solver_runs_total", "solver, outcome"), "{{solver}} {{outcome}}")],
                "ops",
                stacked=True,
            ),
            lines("Time of a solver run", "", quantiles("solver_run_duration_seconds"), "s"),
            lines(
                "Plans under way and on record",
                "",
                [
                    (f"sum by (instance) (plans_under_way{{{I}}})", "{{instance}} under way"),
                    (f"max by (instance) (plans_held{{{I}}})", "{{instance}} on record"),
                ],
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
