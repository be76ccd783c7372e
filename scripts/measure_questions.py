#!/usr/bin/env python3
"""Runs the SQL that questions became in SQLite and holds the rows against known ones.

    cargo run --example measure_questions -- layers/olist.yaml questions.jsonl > read.ndjson
    scripts/measure_questions.py read.ndjson TABLES_DIR GOLD.json [--all] [--rows answered.jsonl]

TABLES_DIR has a CSV file for each table. GOLD.json maps an id to {"columns", "rows"}; an id is that of a question, with a letter
behind it where a question has several right answers. --rows writes the questions with the rows that came back, for the example
to derive their labels from.  A row of read.ndjson says by `gold` which question it stands for (its `id`
where it does not) and may ask for other thresholds by `thresholds` ("100": 10), for a sample that is too small for the question's.
"""

import csv
import json
import pathlib
import re
import sqlite3
import sys

def load(folder):
    """Every CSV of a folder as a table; empty cells are null, numbers are numbers."""
    database = sqlite3.connect(":memory:")
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            head = next(rows)
            types = ["REAL" if re.search(r"price|value|_g$|_cm$|_lat$|_lng$", name) else
                     "INTEGER" if re.search(r"item_id|sequential|installments|score$|_qty$|_lenght$", name) else "TEXT" for name in head]
            columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(head, types))
            database.execute(f'CREATE TABLE "{path.stem}" ({columns})')
            marks = ", ".join("?" * len(head))
            cells = ([cell or None for cell in row] for row in rows)
            database.executemany(f'INSERT INTO "{path.stem}" VALUES ({marks})', cells)
        for name in head:
            if name.endswith("_id"):
                database.execute(f'CREATE INDEX "{path.stem}_{name}" ON "{path.stem}" ("{name}")')
    return database


def execute(database, query, thresholds):
    """The rows of a query, run with its bindings."""
    values = []
    for binding in query["bindings"]:
        value = binding["value"]
        if binding["type"] == "moment":
            value = f"{value} 00:00:00"
        values.append(thresholds.get(str(value), value))
    return database.execute(query["sql"], values).fetchall()


def same(found, wanted, scale):
    """Whether two cells agree to what the known one was rounded to."""
    if isinstance(wanted, str) or isinstance(found, str):
        return str(found) == str(wanted)
    if found is None or wanted is None:
        return found is wanted
    return abs(found * scale - wanted) <= max(0.006 if abs(wanted) > 1000 else 0.00006, 1e-9 * abs(wanted))


def agrees(query, rows, gold):
    """Whether the rows are those of the gold, in any order; columns are matched by what stands in them."""
    keys = [at for at, column in enumerate(query["columns"]) if column["role"] == "key"]
    values = [at for at, column in enumerate(query["columns"]) if column["role"] == "value"]
    names = gold["columns"]
    percent = next((name for name in names if name.endswith("_pct")), None)
    wanted_keys = list(range(len(keys)))
    candidates = [at for at in range(len(names)) if at not in wanted_keys]
    if len(rows) != len(gold["rows"]) or not values:
        return False
    for candidate in candidates:
        scale = 100.0 if names[candidate] == percent else 1.0
        wanted = {tuple(str(row[at]) for at in wanted_keys): row[candidate] for row in gold["rows"]}
        found = {tuple(str(row[at]) for at in keys): row[values[0]] for row in rows}
        if wanted.keys() == found.keys() and all(same(found[key], wanted[key], scale) for key in wanted):
            return True
    return False


def answered(database, row):
    """A question with the rows of all its queries."""
    compiled, thresholds = row["compiled"], row.get("thresholds", {})
    rows = {
        "primary": execute(database, compiled["primary"], thresholds),
        "siblings": [execute(database, query, thresholds) for query in compiled["siblings"]],
        "relaxed": execute(database, compiled["relaxed"], thresholds) if compiled["relaxed"] else [],
    }
    kept = {key: value for key, value in row.items() if key not in ("reading", "compiled", "digest")}
    return {**kept, "rows": rows}


def judge(database, row, gold):
    """right, wrong, asked back, or right to refuse; with what was seen."""
    reading, question = row["reading"], str(row.get("gold", row.get("id")))
    answers = {key: value for key, value in gold.items() if re.fullmatch(rf"{question}(?:[a-z](?:_\w+)?)?", key)}
    if reading["class"] == "unanswerable":
        return ("wrong" if answers else "right"), reading["reason"]
    if reading["class"] != "data":
        return "asked back", reading.get("reason", reading["class"])
    compiled = row["compiled"]
    if "error" in compiled:
        return "asked back", compiled["error"]
    if not answers:
        return "wrong", "answered what can't be answered"
    thresholds = row.get("thresholds", {})
    queries = [compiled["primary"], *compiled["siblings"]]
    results = [execute(database, query, thresholds) for query in queries]
    met = [next((key for key, known in answers.items() if agrees(query, rows, known)), None) for query, rows in zip(queries, results)]
    first = sorted(answers)[0]
    told = ", ".join(f"{query['definition']} = {key or 'nothing known'}" for query, key in zip(queries, met))
    return ("right" if met[0] == first and set(met) >= set(answers) else "wrong"), told


def main():
    read, folder, gold = (pathlib.Path(argument) for argument in sys.argv[1:4])
    database, gold = load(folder), json.loads(gold.read_text())
    counts, lines = {}, []
    for line in read.read_text().splitlines():
        row = json.loads(line)
        verdict, told = judge(database, row, gold)
        lines.append(answered(database, row) if "primary" in row.get("compiled", {}) else {"id": row.get("id"), "question": row["question"]})
        counts[verdict] = counts.get(verdict, 0) + 1
        if verdict != "right" or "--all" in sys.argv:
            print(f"{verdict:10} {row.get('gold', row.get('id')):>3} {row['question']}\n           {told}")
    print(counts)
    if "--rows" in sys.argv:
        target = pathlib.Path(sys.argv[sys.argv.index("--rows") + 1])
        target.write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
