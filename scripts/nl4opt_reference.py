#!/usr/bin/env python3
"""Solves the structured declarations of NL4OPT with HiGHS, independently of this project's language of models.

    pip install highspy==1.15.1
    scripts/nl4opt_reference.py nl4opt_dev.jsonl > reference.ndjson

One line comes out for each problem: {"problem": 0, "status": "optimal", "objective": 240.0}. `cargo run --example measure_nl4opt` reads it.
"""

import json
import re
import sys

import highspy

WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "twice": 2, "double": 2, "triple": 3, "half": 0.5, "third": 1 / 3, "quarter": 0.25,
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "percent": 0.01, "times": 1, "minutes": 1}


def number(text):
    """The value of a number as the data writes it: `4,000`, `70%`, `one hundred thousand`, `3 times`."""
    value = 1.0
    for word in text.lower().split():
        plain = word.replace(",", "")
        if re.fullmatch(r"[\d.]+%?", plain):
            value *= float(plain.rstrip("%")) * (0.01 if plain.endswith("%") else 1)
        elif word in WORDS:
            value *= WORDS[word]
        elif word in SCALES:
            value *= SCALES[word]
        else:
            raise ValueError(f"{text!r} is no number")
    return value


def rows(problem):
    """Each constraint as coefficients, at least or at most, and the right-hand side."""
    order = problem["order_mapping"]
    count = max(order.values()) + 1
    for constraint in problem["const_declarations"]:
        coefficients = [0.0] * count
        right = number(constraint["limit"]) if "limit" in constraint else 0.0
        kind = constraint["type"]
        if kind == "linear":
            for name, factor in constraint["terms"].items():
                coefficients[order[name]] += number(factor)
        elif kind == "sum":
            coefficients = [1.0] * count
        elif kind in ("lowerbound", "upperbound"):
            coefficients[order[constraint["var"]]] = 1.0
        elif kind == "ratio":
            coefficients, right = [-right] * count, 0.0
            coefficients[order[constraint["var"]]] += 1.0
        elif kind in ("xy", "xby"):
            coefficients[order[constraint["x_var"]]] += 1.0
            coefficients[order[constraint["y_var"]]] -= number(constraint["param"]) if kind == "xby" else 1.0
        else:
            raise ValueError(kind)
        yield coefficients, constraint["operator"], right


def solve(problem):
    order = problem["order_mapping"]
    count = max(order.values()) + 1
    goal = problem["obj_declaration"]
    costs = [0.0] * count
    for name, factor in goal.get("terms", {}).items():
        costs[order[name]] += number(factor)
    for name in goal.get("vars", []):
        costs[order[name]] = 1.0
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    columns = [highs.addVariable(lb=0) for _ in range(count)]
    for coefficients, operator, right in rows(problem):
        total = sum(factor * column for factor, column in zip(coefficients, columns))
        highs.addConstr(total >= right if operator == "GREATER_OR_EQUAL" else total <= right)
    objective = sum(cost * column for cost, column in zip(costs, columns))
    largest = goal["direction"] in ("maximize", "maximizing", "highest", "maximum", "increase")
    highs.maximize(objective) if largest else highs.minimize(objective)
    status = highs.modelStatusToString(highs.getModelStatus()).lower()
    return status, highs.getInfo().objective_function_value if status == "optimal" else None


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        for at, line in enumerate(lines):
            (problem,) = json.loads(line).values()
            status, objective = solve(problem)
            print(json.dumps({"problem": at, "status": status, "objective": objective}))


if __name__ == "__main__":
    main()
