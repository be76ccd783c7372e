"""Trains the model of paraphrases (src/facts/paraphrase.rs) and writes src/facts/paraphrase.json. The same input gives the same bytes.

    cargo build --example paraphrase_features
    python3 scripts/train_paraphrase/train.py --features target/debug/examples/paraphrase_features

What it learns from is ours: the pairs of tests/data, and texts of different pairs that have many words in common, which say different things. The
features come from the Rust example, so that training sees what the service sees. `pairs_sealed.ndjson` is never trained on: the last lines
printed are of it. Needs Python 3.9 or later and the packages in requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # More threads would sum in another order.

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "tests/data"
MODEL = ROOT / "src/facts/paraphrase.json"
VERSION = 1
SEALED = "pairs_sealed"
# Whose pairs stay in one fold: one writer's. What no other writer's set is like is in every training part.
WRITERS = {
    "pairs_desks_a": "a",
    "pairs_alike_a": "a",
    "pairs_desks_b": "b",
    "pairs_alike_b": "b",
    "pairs_desks_c": "c",
    "pairs_alike_c": "c",
    "pairs_desks_d": "d",
    "pairs_voices": "e",
    "pairs_second_desk": "f",
    "pairs_plain": "g",
    "pairs_mixed_a": "h",
    "pairs_mixed_b": "i",
    "pairs_mixed_c": "j",
    "pairs_mixed_d": "k",
}
# Texts of different pairs: so many of the likest, where their cosine by words is at least this. Of the same words they may be the same.
LIKEST, COSINE_MIN, COSINE_MAX = 3, 0.25, 0.8
# Chosen by what is served of other writers' paraphrases with two or three wrong. Pairs that sound alike weigh more than those that were mined.
TREES, DEPTH, RATE, LEAF, SAMPLE, ALIKE = 300, 2, 0.05, 12, 0.6, 3.0
THRESHOLDS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
DIGITS = 6


def read_pairs() -> list[dict]:
    """Every labelled pair, with the file that it is of."""
    rows = []
    names = ["traps", "extra_traps", "paraphrases", "extra_paraphrases", *sorted(path.stem for path in DATA.glob("pairs_*.ndjson"))]
    for name in names:
        for line in (DATA / f"{name}.ndjson").read_text().splitlines():
            row = json.loads(line)
            same = row.get("same", "paraphrases" in name)
            rows.append({"a": row["a"], "b": row["b"], "same": same, "file": name, "class": row.get("class", "")})
    return rows


def mine(rows: list[dict]) -> list[dict]:
    """Texts of different pairs that have many words in common."""
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        first.setdefault(row["a"], index)
        first.setdefault(row["b"], index)
    texts = list(first)
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(texts)
    found = []
    for index, text in enumerate(texts):
        cosines = np.asarray((vectors[index] @ vectors.T).todense()).ravel()
        likest = [other for other in np.argsort(-cosines, kind="stable")[: 4 * LIKEST] if first[texts[other]] != first[text]]
        near = [other for other in likest if COSINE_MIN <= cosines[other] <= COSINE_MAX][:LIKEST]
        found += [{"a": text, "b": texts[other], "same": False, "file": "mined", "class": "mined"} for other in near]
    return found


def read_features(rows: list[dict], program: str) -> list[str]:
    """Puts into every row whether it is served without the model, and its features; gives their names."""
    lines = "".join(json.dumps({"a": row["a"], "b": row["b"]}) + "\n" for row in rows)
    printed = subprocess.run([program], input=lines, capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    names = json.loads(printed[0])["names"]
    assert len(printed) == len(rows) + 1
    for row, line in zip(rows, printed[1:]):
        row.update(json.loads(line))
    return names


def fit(rows: list[dict]) -> GradientBoostingClassifier:
    model = GradientBoostingClassifier(
        n_estimators=TREES, max_depth=DEPTH, learning_rate=RATE, min_samples_leaf=LEAF, subsample=SAMPLE, random_state=0
    )
    weights = np.array([ALIKE if row["class"].startswith("loose") else 1.0 for row in rows])
    return model.fit(np.array([row["features"] for row in rows]), np.array([row["same"] for row in rows]), sample_weight=weights)


def asked(rows: list[dict]) -> list[dict]:
    return [row for row in rows if not row["served"] and row["features"] is not None]


def judge(model: GradientBoostingClassifier, rows: list[dict]) -> None:
    for row, chance in zip(rows, model.predict_proba(np.array([row["features"] for row in rows]))[:, 1]):
        row["chance"] = float(chance)


def table(rows: list[dict], named: str) -> None:
    """What is served with each threshold, of whole sets: what the model isn't asked counts as well."""
    same = [row for row in rows if row["same"]]
    traps = [row for row in rows if not row["same"] and not row["class"].startswith("loose")]
    alike = [row for row in rows if row["class"].startswith("loose")]
    print(f"{named}: {len(same)} paraphrases, {len(traps)} traps of one change, {len(alike)} others that sound alike")
    for least in (*THRESHOLDS, 1.0):
        counts = [sum(row["served"] or row.get("chance", 0.0) >= least for row in part) for part in (same, traps, alike)]
        shares = [f"{count} ({100 * count / max(1, len(part)):.1f}%)" for count, part in zip(counts, (same, traps, alike))]
        print(f"  from {least:.2f}: paraphrases {shares[0]}, traps {shares[1]}, alike {shares[2]}")


def written(model: GradientBoostingClassifier, names: list[str]) -> dict:
    """The model as Rust reads it: a split is [feature, threshold, low, high], a leaf is a number."""
    trees = []
    for (tree,) in model.estimators_:
        nodes = tree.tree_
        low, high, feature = nodes.children_left, nodes.children_right, nodes.feature
        leaf = [round(float(value) * model.learning_rate, DIGITS) for value in nodes.value.ravel()]
        split = [[int(f), round(float(t), DIGITS), int(l), int(h)] for f, t, l, h in zip(feature, nodes.threshold, low, high)]
        trees.append([leaf[at] if low[at] < 0 else split[at] for at in range(nodes.node_count)])
    share = model.init_.class_prior_[1]  # Of weighted pairs.
    return {"version": VERSION, "features": names, "base": round(float(np.log(share / (1 - share))), DIGITS), "trees": trees}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--features", required=True, help="the example paraphrase_features, built")
    given = arguments.parse_args()
    rows = read_pairs()
    sealed = [row for row in rows if row["file"] == SEALED]
    known = [row for row in rows if row["file"] != SEALED]
    mined = mine(known)
    names = read_features(rows + mined, given.features)
    learnt = asked(known) + asked(mined)
    print(f"{len(known)} pairs and {len(mined)} mined; the model is asked of {len(learnt)}, of which {sum(r['same'] for r in learnt)} are paraphrases")
    for writer in sorted(set(WRITERS.values())):
        theirs = asked([row for row in known if WRITERS.get(row["file"]) == writer])
        others = [row for row in learnt if WRITERS.get(row["file"]) != writer]
        judge(fit(others), theirs)
    table([row for row in known if row["file"] in WRITERS], "each writer's pairs by what the others taught")
    wrong = [row for row in known if not row["same"] and row.get("chance", 0.0) >= 0.6]
    for row in sorted(wrong, key=lambda row: -row["chance"]):
        print(f"    {row['chance']:.2f} {row['class']}: {row['a']} | {row['b']}")
    model = fit(learnt)
    judge(model, asked(known))
    table(known, "what was learnt from")
    judge(model, asked(sealed))
    table(sealed, "the sealed pairs")
    MODEL.write_text(json.dumps(written(model, names), separators=(",", ":")) + "\n")
    print(f"{MODEL.relative_to(ROOT)}: {MODEL.stat().st_size} bytes")


if __name__ == "__main__":
    main()
