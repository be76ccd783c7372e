#!/usr/bin/env python3
"""Compares statements behind the tenant's row filter with the same statements on a database that holds only that tenant.

    python3 scripts/tenant_filter_check.py [--runs 10000] [--seed 1] [--engine sqlite|duckdb] [--binary PATH]

Two tenants' rows lie in one database, under the same keys, so that a row of the other tenant that gets through changes a result. Each
random statement goes through the gate for one tenant and runs there with its bindings; as it was written it runs on that tenant's own
database, whose tables have no tenant column. The rows must be equal. How often the statement without a filter would have given other rows
is told too: that share is what the check can see. A statement that fails on one side alone is told and is no difference: DuckDB converts a
value in a row before or after it drops the row, as its plan has it.

It needs Python 3.9 or later, its standard library and cargo; the engine `duckdb` needs the package of that name.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TENANTS = ("acme", "rival")
TABLES = {
    "orders": {"order_id": "BIGINT", "customer_id": "BIGINT", "product_id": "BIGINT", "status": "VARCHAR", "amount": "BIGINT"},
    "customers": {"customer_id": "BIGINT", "name": "VARCHAR", "country": "VARCHAR"},
    "products": {"product_id": "BIGINT", "category": "VARCHAR", "price": "BIGINT"},
}
SHARED = {"products"}
# The rows to which the gate limits a statement.
ROWS_MAX = 10_000
TEXTS = {
    "status": ["paid", "new", "sent"],
    "name": ["ann", "bob", "cy", "dee"],
    "country": ["at", "fr", "vn"],
    "category": ["toys", "books"],
}


def catalogue() -> dict:
    tables = []
    for name, columns in TABLES.items():
        shared = name in SHARED
        listed = dict(columns) if shared else {**columns, "tenant_id": "VARCHAR"}
        tables.append({
            "schema": "main",
            "name": name,
            "columns": [{"name": column, "type": kind} for column, kind in listed.items()],
            "rows": "all" if shared else {"tenant": "tenant_id"},
            "roles": {"analyst": list(columns)},
        })
    return {"tables": tables}


def rows(dice: random.Random) -> dict[str, dict[str | None, list[tuple]]]:
    """Rows of each table and tenant; the keys of the tenants overlap."""
    held: dict[str, dict[str | None, list[tuple]]] = {}
    for name, columns in TABLES.items():
        held[name] = {}
        for tenant in [None] if name in SHARED else TENANTS:
            held[name][tenant] = [
                tuple(
                    dice.choice([*TEXTS[column], None]) if column in TEXTS else (key if column == f"{name[:-1]}_id" else dice.randint(1, 8))
                    for column in columns
                )
                for key in range(1, dice.randint(5, 9))
            ]
    return held


class Engine:
    """One database: of one tenant, or with a tenant column of all."""

    def __init__(self, engine: str, held: dict, tenant: str | None) -> None:
        self.engine = engine
        self.steps = 0
        if engine == "duckdb":
            import duckdb

            self.connection = duckdb.connect()
        else:
            self.connection = sqlite3.connect(":memory:")
            # A product of many tables is stopped: it would say no more than a small one.
            self.connection.set_progress_handler(self.slow, 100_000)
        for name, columns in TABLES.items():
            of_all = tenant is None and name not in SHARED
            listed = [f"{column} {kind}" for column, kind in columns.items()] + (["tenant_id VARCHAR"] if of_all else [])
            self.connection.execute(f"CREATE TABLE {name} ({', '.join(listed)})")
            for owner, lines in held[name].items():
                if tenant is None or owner in (None, tenant):
                    for line in lines:
                        values = [*line, owner] if of_all else list(line)
                        self.connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", values)

    def slow(self) -> bool:
        self.steps += 1
        return self.steps > 20

    def run(self, sql: str, bindings: list | None = None) -> collections.Counter | str:
        values = [binding["value"] for binding in bindings or []]
        named = {str(at + 1): value for at, value in enumerate(values)}
        self.steps = 0
        try:
            cursor = self.connection.execute(sql, values if self.engine == "duckdb" else named) if values else self.connection.execute(sql)
            return collections.Counter(cursor.fetchall())
        except Exception as error:  # Each engine has its own; both sides must fail, or neither.
            return "stopped" if str(error) == "interrupted" else f"failed: {type(error).__name__}"


class Writer:
    """Random statements over the tables, with sub-queries, joins, set operations and names that hide tables."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.names = 0
        self.common: dict[str, list[str]] = {}

    def name(self) -> str:
        self.names += 1
        return f"t{self.names}"

    def source(self, depth: int) -> tuple[str, str, list[str]]:
        """A table or a sub-query, its alias and its columns."""
        alias = self.name()
        if self.common and self.dice.random() < 0.4:
            name = self.dice.choice(list(self.common))
            return f"{name} AS {alias}", alias, self.common[name]
        if depth > 0 and self.dice.random() < 0.3:
            sql, columns = self.select(depth - 1)
            return f"({sql}) AS {alias}", alias, columns
        name = self.dice.choice([table for table in TABLES if table not in self.common])
        qualified = self.dice.choice([name, name, f"main.{name}", f'"{name}"'])
        return f"{qualified} {self.dice.choice(['AS ', ''])}{alias}", alias, list(TABLES[name])

    def value(self, columns: list[str]) -> str:
        column = self.dice.choice(columns)
        return self.dice.choice([column, column, f"coalesce({column}, {column})", f"CASE WHEN {column} IS NULL THEN 0 ELSE 1 END"])

    def literal(self, column: str) -> str:
        bare = column.split(".")[-1]
        return f"'{self.dice.choice(TEXTS[bare])}'" if bare in TEXTS else str(self.dice.randint(1, 8))

    def condition(self, columns: list[str], depth: int) -> str:
        column = self.dice.choice(columns)
        kind = self.dice.randrange(9 if depth > 0 else 5)
        # Of a column of a sub-query only the name is known here, not whether it holds texts.
        if kind in (0, 2) and not any(column.split(".")[-1] in held for held in TABLES.values()):
            return f"{column} IS {self.dice.choice(['', 'NOT '])}NULL"
        if kind == 0:
            return f"{column} = {self.literal(column)}"
        if kind == 1:
            return f"{column} IS NOT NULL"
        if kind == 2:
            return f"{column} IN ({self.literal(column)}, {self.literal(column)})"
        if kind == 3:
            return f"({self.condition(columns, 0)} OR {self.condition(columns, 0)})"
        if kind == 4:
            return f"NOT ({self.condition(columns, 0)})"
        table = self.dice.choice([table for table in TABLES if table not in self.common])
        inner, alias = self.dice.choice(list(TABLES[table])), self.name()
        same = [held for held in columns if held.split(".")[-1] == inner]
        if kind in (5, 6) and same:
            return f"{same[0]} {self.dice.choice(['IN', 'NOT IN'])} (SELECT {alias}.{inner} FROM {table} {alias} WHERE {alias}.{inner} IS NOT NULL)"
        if kind == 7 and same:
            return f"{self.dice.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {table} AS {alias} WHERE {alias}.{inner} = {same[0]})"
        return f"(SELECT count(*) FROM {table}) > {self.dice.randint(0, 25)}"

    def select(self, depth: int, width: int | None = None) -> tuple[str, list[str]]:
        text, alias, own = self.source(depth)
        columns = [f"{alias}.{column}" for column in own]
        for _ in range(self.dice.choice([0, 0, 1, 1, 2])):
            more, other, theirs = self.source(depth - 1)
            keys = [column for column in own if column in theirs]
            join = self.dice.choice(["JOIN", "LEFT JOIN", "INNER JOIN", "JOIN", "LEFT JOIN", "CROSS JOIN", ","])
            if join in ("CROSS JOIN", ",") or not keys:
                text += f" CROSS JOIN {more}" if join != "," else f", {more}"
            else:
                key = self.dice.choice(keys)
                text += f" {join} {more} ON {alias}.{key} = {other}.{key}"
            columns += [f"{other}.{column}" for column in theirs]
        where = f" WHERE {self.condition(columns, depth)}" if self.dice.random() < 0.7 else ""
        if self.dice.random() < 0.4:
            keys = self.dice.sample(columns, min(len(columns), (width or self.dice.randint(1, 2)) - 1 or 0))
            aggregate = self.dice.choice(["count(*)", f"count(DISTINCT {self.dice.choice(columns)})", f"min({self.dice.choice(columns)})", f"max({self.dice.choice(columns)})"])
            names = [self.name() for _ in keys]
            items = [f"{key} AS {name}" for key, name in zip(keys, names)] + [f"{aggregate} AS total"]
            group = f" GROUP BY {', '.join(keys)}" if keys else ""
            having = " HAVING count(*) > 1" if self.dice.random() < 0.3 else ""
            return f"SELECT {', '.join(items)} FROM {text}{where}{group}{having}", [*names, "total"]
        chosen = [self.dice.choice(columns) for _ in range(width or self.dice.randint(1, 3))]
        names = [self.name() for _ in chosen]
        items = [f"{self.value([column])} AS {name}" for column, name in zip(chosen, names)]
        if self.dice.random() < 0.15:
            over = f"PARTITION BY {self.dice.choice(columns)}" if self.dice.random() < 0.5 else ""
            items[-1] = f"count(*) OVER ({over}) AS {names[-1]}"
        return f"SELECT {self.dice.choice(['', '', 'DISTINCT '])}{', '.join(items)} FROM {text}{where}", names

    def statement(self) -> str:
        kind = self.dice.random()
        if kind < 0.1:
            return f"SELECT * FROM {self.dice.choice(list(TABLES))}"
        if kind < 0.2:
            (left, names), (right, _) = self.select(1, 2), self.select(1, 2)
            return f"{left} {self.dice.choice(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT'])} {right}" if len(names) == 2 else left
        if kind < 0.5:
            hides = self.dice.random() < 0.4
            name = self.dice.choice(list(TABLES)) if hides else "held"
            first, columns = self.select(1)
            self.common = {name: columns}
            rest, _ = self.select(2)
            # SQLite lets an expression see itself where PostgreSQL and DuckDB do not: the name that hides is not read inside itself.
            if hides and re.search(rf"(?<!main\.)\b{name}\b", first):
                return first
            return f"WITH {name} AS ({first}) {rest}"
        return self.select(2)[0]


def passed(binary: list[str], asked: list[dict]) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.json"
        path.write_text(json.dumps(catalogue()))
        lines = "\n".join(json.dumps(line) for line in asked)
        done = subprocess.run([*binary, str(path), "duckdb"], input=lines, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--engine", choices=["sqlite", "duckdb"], default="sqlite")
    arguments.add_argument("--binary", help="the example pass_statements, already built")
    given = arguments.parse_args()
    binary = [given.binary] if given.binary else ["cargo", "run", "--quiet", "--example", "pass_statements", "--"]
    dice = random.Random(given.seed)
    asked = []
    for _ in range(given.runs):
        who = {"tenant": dice.choice(TENANTS), "role": "analyst"}
        asked.append({"sql": Writer(dice).statement(), "who": who})
    answers = passed(binary, asked)
    count: collections.Counter = collections.Counter()
    for at, (line, answer) in enumerate(zip(asked, answers)):
        if at % 500 == 0:
            held = rows(dice)
            everything, own = Engine(given.engine, held, None), {tenant: Engine(given.engine, held, tenant) for tenant in TENANTS}
        if "refused" in answer:
            count["refused"] += 1
            print(f"refused: {answer['refused']['says']}: {line['sql']}", file=sys.stderr)
            continue
        expected, found = own[line["who"]["tenant"]].run(line["sql"]), everything.run(answer["sql"], answer["bindings"])
        if "stopped" in (expected, found):
            count["left out, too slow"] += 1
        elif isinstance(expected, str):
            count["failed on both" if isinstance(found, str) else "failed on one side"] += 1
        elif isinstance(found, str):
            count["failed on one side"] += 1
        elif sum(expected.values()) > ROWS_MAX:
            count["left out, longer than the limit"] += 1
        elif expected == found:
            count["equal"] += 1
            count["equal with rows"] += bool(expected)
            count["seen without a filter"] += everything.run(line["sql"]) != expected
        else:
            count["different"] += 1
            print(f"different for {line['who']['tenant']}:\n  {line['sql']}\n  {answer['sql']}\n  {expected}\n  {found}", file=sys.stderr)
    print(f"tenant filter on {given.engine}: " + ", ".join(f"{number:,} {what}" for what, number in sorted(count.items())))
    return 1 if count["different"] or count["refused"] or count["equal"] < given.runs * 9 // 10 else 0


if __name__ == "__main__":
    sys.exit(main())
