"""Trains the head of News Sentiment and writes it, with a fixture that holds Rust to the same numbers. The same input gives the same bytes.

Vectors and features come from the Rust example `sentiment_features`, so that training sees what the service sees, bit for bit on one
processor. Only the MIT tweets and text of our own (own.ndjson and the sample's headlines on companies and coins) are trained on; the rest
of the sample only tells what the head is not for. Everything that is chosen here is chosen by cross-validation on them.
"""

import argparse
import csv
import hashlib
import json
import os
import pathlib
import re
import subprocess

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # More threads would sum in another order.

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
HEAD = ROOT / "models/news-sentiment/head.json"
FIXTURE = ROOT / "tests/data/sentiment_parity.json"
SAMPLE = ROOT / "sample/entries.ndjson"
LEXICON = ROOT / "src/engine/trading/sentiment/lexicon.toml"

CLASSES = ["down", "neutral", "up"]
TWEET_LABELS = {"0": "down", "1": "up", "2": "neutral"}
# Declared, not measured: most company news moves no price, and a little more of the rest is good than bad.
PRIOR = np.array([0.17, 0.61, 0.22])
FOLDS = 5
# Scales of the vector and of the features under one penalty, and the inverse of the penalty: what is tried.
GRID = [(v, f, c) for v, f in ((1.0, 1.0), (1.5, 3.0), (2.0, 2.0), (2.0, 3.0), (3.0, 2.0)) for c in (0.1, 0.3, 1.0)]
# The share of answers that must be right on held-out folds once the unsure ones are left out.
ANSWERED_RIGHT = 0.85
DIGITS = 5
# The head's scope: the scale of the vector and the inverse of the penalty, the topics of hand.tsv that are beyond it, and the probability of
# a company or a coin from which on a text whose words don't tell is taken for one.
SCOPE_SCALE, SCOPE_C = 3.0, 1.0
BEYOND = {"macro", "commodity"}
SCOPE_THRESHOLD = 0.3


def read_texts(tweets: pathlib.Path) -> list[dict]:
    """Every labelled text with the group that stays in one fold: a pattern with its fills, a tweet with its repetitions, a kind of event."""
    rows = []
    with tweets.open(newline="") as file:
        for row in csv.DictReader(file):
            bare = re.sub(r"https?://\S+|\W+", " ", row["text"]).lower().strip()[:60]
            rows.append({"text": row["text"], "label": TWEET_LABELS[row["label"]], "group": bare, "kind": "tweet"})
    for line in (HERE / "own.ndjson").read_text().splitlines():
        row = json.loads(line)
        kind = row["source"].split(":")[0]
        rows.append({"text": row["text"], "label": row["label"], "group": row["source"], "kind": kind, "topic": row["topic"]})
    for line in SAMPLE.read_text().splitlines():
        row = json.loads(line)
        # What is good for a rate, a currency pair or a raw material is often bad for the rest.
        kind = "sample" if {"equities", "crypto"} & set(row["tags"]) else "beyond"
        label = CLASSES[row["decision"]["signal"] + 1]
        rows.append({"text": row["text"], "label": label, "group": "event:" + row["decision"]["labels"]["event"], "kind": kind})
    return rows


def read_features(rows: list[dict], program: list[str]) -> tuple[np.ndarray, ...]:
    """Vectors, features, the lexicon's own verdicts and what the words are about, by the Rust that serves."""
    lines = "".join(json.dumps({"text": row["text"]}) + "\n" for row in rows)
    printed = subprocess.run(program, input=lines, capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    read = [json.loads(line) for line in printed]
    assert len(read) == len(rows)
    return tuple(np.array([row[name] for row in read], np.float64) for name in ("vector", "features", "lean", "about"))


def fit(inputs: np.ndarray, labels: np.ndarray, c: float) -> LogisticRegression:
    """A multinomial logistic regression under the declared prior."""
    share = np.bincount(labels, minlength=3) / len(labels)
    model = LogisticRegression(C=c, tol=1e-9, max_iter=20_000)
    return model.fit(inputs, labels, sample_weight=(PRIOR / share)[labels])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log likelihood."""
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error of the chosen class, ten bins of equal width (Guo et al., 2017)."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(sum(abs((sure[bins == b] - right[bins == b]).sum()) for b in range(10)) / len(labels))


def held_out(vectors, features, labels, folds, trained, scales) -> np.ndarray:
    """Logits of every text by a model that has not seen its fold."""
    v, f, c = scales
    inputs = np.hstack([vectors * v, features * f])
    logits = np.zeros((len(labels), 3))
    for fold in range(FOLDS):
        out = folds == fold
        logits[out] = fit(inputs[trained & ~out], labels[trained & ~out], c).decision_function(inputs[out])
    return logits


def fit_scope(vectors: np.ndarray, inside: np.ndarray) -> LogisticRegression:
    """Whether a text is on a company or a coin."""
    return LogisticRegression(C=SCOPE_C, tol=1e-9, max_iter=20_000).fit(vectors * SCOPE_SCALE, inside)


def scope_of(rows: list[dict], vectors: np.ndarray, folds: np.ndarray) -> tuple[LogisticRegression, np.ndarray]:
    """The scope, and the probabilities by models that have not seen the fold."""
    taught = np.array([row["kind"] in ("hand", "sample", "beyond") for row in rows])
    inside = np.array([row["kind"] != "beyond" and row.get("topic") not in BEYOND for row in rows])
    probabilities = np.zeros(len(rows))
    for fold in range(FOLDS):
        seen, out = taught & (folds != fold), folds == fold
        probabilities[out] = fit_scope(vectors[seen], inside[seen]).predict_proba(vectors[out] * SCOPE_SCALE)[:, 1]
    return fit_scope(vectors[taught], inside[taught]), probabilities


def choose_threshold(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The lowest certainty at which what is answered is right often enough."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for percent in range(34, 100):
        answered = sure >= percent / 100
        if answered.any() and right[answered].mean() >= ANSWERED_RIGHT:
            return percent / 100
    raise SystemExit("no threshold reaches the share of right answers that is asked")


def figures(probabilities, labels, lean, mask, answers) -> dict:
    """How the held-out folds do: where the likeliest outcome is likely enough and the text is within the scope, and whatever the scope."""
    p, y, (likely, within) = probabilities[mask], labels[mask], answers
    right, likely = p.argmax(axis=1) == y, likely[mask]
    answered = likely & within[mask]
    wrong_way = (p.argmax(axis=1) - 1) * (y - 1) < 0
    return {
        "texts": int(mask.sum()),
        "accuracy": round(float(right.mean()), 4),
        "lexicon_alone": round(float((lean[mask] + 1 == y).mean()), 4),
        "ece": round(calibration_error(p, y), 4),
        "log_loss": round(log_loss(p, y), 4),
        "coverage": round(float(answered.mean()), 4),
        "accuracy_answered": round(float(right[answered].mean()), 4),
        "wrong_way": round(float(wrong_way[answered].mean()), 4),
        "whatever_the_scope": {
            "coverage": round(float(likely.mean()), 4),
            "accuracy_answered": round(float(right[likely].mean()), 4),
            "wrong_way": round(float(wrong_way[likely].mean()), 4),
        },
    }


def sha256(path: pathlib.Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rounded(values: np.ndarray) -> list:
    """With a fixed number of decimals, so that the last bits of a sum don't show."""
    return (np.round(values, DIGITS) + 0.0).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tweets", type=pathlib.Path, required=True, help="twitter_fin_news_valid.csv (MIT)")
    parser.add_argument("--features", default="cargo run --quiet --locked --example sentiment_features", help="the command that reads texts")
    arguments = parser.parse_args()

    rows = read_texts(arguments.tweets)
    vectors, features, lean, about = read_features(rows, arguments.features.split())
    labels = np.array([CLASSES.index(row["label"]) for row in rows])
    folds = np.array([int(hashlib.sha256(row["group"].encode()).hexdigest(), 16) % FOLDS for row in rows])
    kinds = np.array([row["kind"] for row in rows])
    # The lexicon was written with the patterns in view, so what is chosen and calibrated here leaves them out.
    trained = kinds != "beyond"
    judged = trained & (kinds != "template")

    def logits_by(scales: tuple) -> np.ndarray:
        return held_out(vectors, features, labels, folds, trained, scales)

    scales = min((log_loss(softmax(logits_by(scales))[judged], labels[judged]), scales) for scales in GRID)[1]
    logits = logits_by(scales)
    warmth = minimize_scalar(lambda t: log_loss(softmax(logits[judged] / t), labels[judged]), bounds=(0.3, 3), method="bounded")
    temperature = round(float(warmth.x), 3)
    probabilities = softmax(logits / temperature)
    threshold = choose_threshold(probabilities[judged], labels[judged])
    scope, inside = scope_of(rows, vectors, folds)
    answers = (probabilities.max(axis=1) >= threshold, (about > 0) | (about == 0) & (inside >= SCOPE_THRESHOLD))

    v, f, c = scales
    model = fit(np.hstack([vectors * v, features * f])[trained], labels[trained], c)
    weights = np.hstack([model.coef_[:, : vectors.shape[1]] * v, model.coef_[:, vectors.shape[1] :] * f]) / temperature
    head = {
        "format": 2,
        "embedder": {"id": "all-minilm-l6-v2-int8", "revision": "278ea1622058"},
        "dim": vectors.shape[1],
        "features": features.shape[1],
        "threshold": threshold,
        "trained_on": {
            "tweets": sha256(arguments.tweets),
            "own": sha256(HERE / "own.ndjson"),
            "sample": sha256(SAMPLE),
            "lexicon": sha256(LEXICON),
        },
        "chosen": {"vector_scale": v, "feature_scale": f, "c": c, "temperature": temperature, "prior": PRIOR.tolist()},
        "held_out": {
            kind: figures(probabilities, labels, lean, kinds == kind, answers) for kind in ("tweet", "hand", "template", "sample", "beyond")
        },
    }
    for number, name in enumerate(CLASSES):
        head[name] = {
            "bias": round(float(model.intercept_[number] / temperature), DIGITS),
            "features": rounded(weights[number, vectors.shape[1] :]),
            "vector": rounded(weights[number, : vectors.shape[1]]),
        }
    head["scope"] = {
        "bias": round(float(scope.intercept_[0]), DIGITS),
        "vector": rounded(scope.coef_[0] * SCOPE_SCALE),
        "threshold": SCOPE_THRESHOLD,
    }
    HEAD.write_text("{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()) + "\n}\n")
    write_fixture(head, rows, vectors, features)
    print(json.dumps({key: head[key] for key in ("chosen", "threshold", "held_out")}, indent=2))


def write_fixture(head: dict, rows: list[dict], vectors: np.ndarray, features: np.ndarray) -> None:
    """What Python makes of a few texts, for a test in Rust."""
    own = [number for number, row in enumerate(rows) if row["kind"] == "hand"]
    cases = []
    for number in own[:: len(own) // 6]:
        inputs = np.concatenate([vectors[number], features[number]])
        logits = [np.dot(head[name]["vector"] + head[name]["features"], inputs) + head[name]["bias"] for name in CLASSES]
        probabilities = dict(zip(CLASSES, softmax(np.array([logits]))[0].tolist(), strict=True))
        scope = np.dot(head["scope"]["vector"], vectors[number]) + head["scope"]["bias"]
        probabilities["company_or_coin"] = float(1 / (1 + np.exp(-scope)))
        text = {"text": rows[number]["text"], "probabilities": probabilities}
        cases.append(text | {"features": features[number].tolist(), "vector": vectors[number].tolist()})
    FIXTURE.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
