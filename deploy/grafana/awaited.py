"""Dashboards of metrics that are awaited (../checks/awaited.txt): Redis and replicas; callers and overload."""

from __future__ import annotations

from expressions import I, rate
from panels import dashboard, lines, states


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
                [(f"max by (instance) (replica_behind_seconds{{{I}}})", "{{instance}}")],
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
