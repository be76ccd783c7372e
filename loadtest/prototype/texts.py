"""What both services remember and what both are asked.

The headlines are invented: a fact is an event of a company with its amounts and circumstances, and each has three wordings. The first is
stored, the others are asked. What is asked about a company that nothing is stored about has no right answer.
"""

from __future__ import annotations

import csv
import itertools
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

# The signal of an event, and its wordings. The same event has the same facts in each.
EVENTS = [
    (1, "{who} raises full-year revenue guidance to ${n}m after orders climb {p}%",
        "{who} lifts its revenue outlook for the year to ${n}m as orders rise {p}%",
        "Full-year revenue forecast at {who} goes up to ${n}m, helped by {p}% more orders"),
    (-1, "{who} cuts full-year profit forecast to ${n}m, citing {p}% higher input costs",
        "{who} lowers its profit outlook for the year to ${n}m because input costs are up {p}%",
        "Annual profit guidance at {who} reduced to ${n}m with input costs {p}% higher"),
    (1, "{who} wins ${n}m contract to supply grid batteries to a Nordic utility",
        "Nordic utility awards {who} a ${n}m order for grid batteries",
        "{who} lands a deal worth ${n}m to deliver grid batteries to a utility in the Nordics"),
    (-1, "Regulator fines {who} ${n}m over late disclosure of a data breach",
        "{who} is fined ${n}m by its regulator for disclosing a data breach too late",
        "{who} must pay a ${n}m penalty for telling the regulator late about a data breach"),
    (1, "{who} announces share buyback of up to ${n}m through next summer",
        "{who} to buy back as much as ${n}m of its own shares by next summer",
        "Board of {who} approves repurchase of shares for up to ${n}m until next summer"),
    (-1, "{who} to cut {n} jobs and close two plants by year end",
        "{n} jobs go at {who} as it shuts two plants before the end of the year",
        "{who} plans to close two plants and shed {n} positions by the end of the year"),
    (1, "{who} agrees to be acquired for ${n}m in cash, a premium of {p}%",
        "{who} accepts a cash takeover worth ${n}m at a {p}% premium",
        "Buyer to pay ${n}m in cash for {who}, {p}% above the last close"),
    (-1, "{who} recalls {n} vehicles over a fault in the braking software",
        "Faulty braking software makes {who} call back {n} vehicles",
        "{who} is recalling {n} vehicles because their braking software may fail"),
    (1, "{who} quarterly earnings beat estimates with net income of ${n}m, up {p}%",
        "Net income at {who} rises {p}% to ${n}m in the quarter, above what analysts expected",
        "{who} tops forecasts for the quarter: net income ${n}m, an increase of {p}%"),
    (-1, "{who} suspends dividend after quarterly loss widens to ${n}m",
        "{who} stops paying a dividend as its loss for the quarter grows to ${n}m",
        "Quarterly loss of ${n}m, wider than before, leads {who} to suspend its dividend"),
    (-1, "Short seller says {who} overstated revenue by ${n}m last year",
        "{who} inflated last year's revenue by ${n}m, a short seller alleges",
        "Report by a short seller accuses {who} of overstating revenue by ${n}m in the past year"),
    (1, "Drug regulator approves heart treatment of {who}; {p}% of patients improved in its trial",
        "{who} gets approval from the drug regulator for a heart treatment that helped {p}% of patients",
        "Heart treatment by {who}, which helped {p}% of patients in a trial, is cleared by the drug regulator"),
    (0, "{who} names new finance chief, keeps its target of ${n}m in savings",
        "New finance chief at {who}; target of ${n}m in savings stays",
        "{who} appoints a chief financial officer and confirms ${n}m of planned savings"),
    (-1, "{who} sells {p}% of its stock in a secondary offering that raises ${n}m",
        "Secondary offering by {who} brings ${n}m for {p}% of its stock",
        "{who} raises ${n}m by placing {p}% of its stock in a second offering"),
    (1, "{who} repays ${n}m of bonds early and is upgraded to investment grade",
        "Upgrade to investment grade for {who} after early repayment of ${n}m in bonds",
        "{who} reaches investment grade, having paid back ${n}m of bonds ahead of time"),
    (-1, "Storm halts output at the largest refinery of {who}, {p}% of capacity lost for {n} hours",
        "{who} loses {p}% of its capacity for {n} hours as a storm stops its largest refinery",
        "Largest refinery of {who} down for {n} hours in a storm, which takes out {p}% of capacity"),
]
# What the headline goes on with, in two wordings. They spread the texts: events alone would make a few crowds of near doubles, which no
# stream of news is, and in which every search sees nothing but almost-equals.
CLAUSES = [
    ("as demand for data centres grows in {where}", "with more data centres being built in {where}"),
    ("after talks with unions in {where} broke down", "following the collapse of union talks in {where}"),
    ("while its rivals in {where} struggle with higher freight costs", "at a time when freight costs weigh on competitors in {where}"),
    ("ahead of a vote by shareholders in {where}", "before its shareholders vote in {where}"),
    ("as a drought in {where} strains its suppliers", "with suppliers in {where} suffering from drought"),
    ("days after its chief executive left for a competitor in {where}", "shortly after its chief executive moved to a rival in {where}"),
    ("as new tariffs on imports from {where} take effect", "while import tariffs on goods from {where} come into force"),
    ("following an audit of its subsidiary in {where}", "after auditors examined its unit in {where}"),
    ("as the central bank of {where} leaves interest rates unchanged", "while rates stay where they are at the central bank of {where}"),
    ("despite weaker tourism in {where}", "although fewer tourists visit {where}"),
    ("as a court in {where} hears a patent dispute", "while judges in {where} consider a dispute over patents"),
    ("after a joint venture with a lithium producer from {where}", "having formed a joint venture with a lithium miner from {where}"),
    ("as football clubs in {where} sign up for its payment cards", "with its payment cards adopted by football clubs in {where}"),
    ("in the wake of a cyberattack on ports in {where}", "after hackers attacked ports in {where}"),
    ("as farmers in {where} report a record harvest", "with farmers in {where} bringing in their largest harvest yet"),
    ("following delays to a railway tunnel in {where}", "after a rail tunnel in {where} fell behind schedule"),
    ("as its satellite launch from {where} is postponed", "while a satellite of its waits for launch in {where}"),
    ("after the government of {where} promised subsidies for chip plants", "with chip factories in {where} promised state subsidies"),
    ("as streaming audiences in {where} shrink", "while fewer people in {where} watch streams"),
    ("following a cold winter in {where}", "after a winter of low temperatures in {where}"),
]
WHERE = (
    "Brazil Canada Denmark Egypt Finland Ghana Hungary India Japan Kenya Latvia Mexico Norway Oman Poland Qatar Romania Spain Thailand "
    "Uruguay Vietnam Zambia"
).split()
FIRST = (
    "Alder Birch Cobalt Delmar Everly Fenwick Garnet Halden Iverson Juniper Kestrel Larkfield Marlow Norrland Oakhurst Pendle Quarry Ridgeway "
    "Selkirk Thornbury Upland Vantor Westmark Yarrow Zephyr Ashford Brandt Caldera Dunmore Ellery Farrow Glenmoor Harrow Inverness Jarrow Kelso "
    "Lomond Merrion Nairn Orwell"
).split()
SECOND = "Energy Motors Pharma Capital Logistics Semiconductors Foods Airlines Steel Networks Retail Robotics".split()
# Nothing is stored about companies of these lines of business.
UNSEEN_SECOND = "Shipping Biotech Insurance Mining".split()
# What agencies add, without a fact in it: with these there are more different questions about a fact than wordings.
LEADS = ("", "Update: ", "News: ", "Newswire: ", "Briefing: ")
TAILS = ("", ", statement says", ", filing shows", " (update)", " - newswire")
# Bytes of a text of a user's file; both services read no more than 256 tokens.
TEXT_BYTES_MAX = 4_096
HEADS = {"text", "headline", "title", "sentence", "news", "content"}


@dataclass(frozen=True)
class Question:
    text: str
    # "near", "reworded", "unseen" or "repeat".
    kind: str
    # The stored text that says the same, by its number.
    fact: Optional[int]


class Corpus:
    """The stored texts, and questions that were not asked before."""

    def __init__(self, count: int, path: Optional[Path], seed: int = 5):
        self._random = random.Random(seed)
        if path:
            found = list(dict.fromkeys(read(path)))
            self.stored, others = found[:count], found[count:]
            # A file has one wording of everything.
            self._reworded = self._surrounded(self.stored)
            self._unseen = itertools.chain(others, self._invented(UNSEEN_SECOND))
        else:
            facts = list(itertools.islice(self._facts(SECOND), count))
            self.stored = [wordings[0] for _, wordings in facts]
            self._signals = [signal for signal, _ in facts]
            self._reworded = self._rewordings(facts)
            self._unseen = self._invented(UNSEEN_SECOND)
        self._near = self._surrounded(self.stored)
        self._asked = set(self.stored)

    def entries(self) -> Iterator[dict]:
        """Each stored text with a decision that tells from which text it came."""
        for fact, text in enumerate(self.stored):
            signal = self._signals[fact] if hasattr(self, "_signals") else fact % 3 - 1
            decision = {
                "kind": "trade", "signal": signal, "conviction": 0.5, "reasoning": "Stored for a measurement, not a judgement of the news.",
                "agents": [], "versions": {"fill": "1"}, "labels": {"fact": str(fact)},
            }
            yield {"text": text, "decision": decision, "provenance": "import"}

    def fresh(self, count: int) -> list[Question]:
        """Stored texts with what agencies add, stored facts in other words, and texts about nothing stored, in turns. None equals one
        that was stored or asked."""
        unseen = ((text, None) for text in self._unseen)
        sources = itertools.cycle([("near", self._near), ("reworded", self._reworded), ("unseen", unseen)])
        return [self._next(kind, source) for kind, source in itertools.islice(sources, count)]

    def repeats(self, count: int) -> list[Question]:
        """Stored texts as they stand."""
        chosen = self._random.sample(range(len(self.stored)), min(count, len(self.stored)))
        return [Question(self.stored[fact], "repeat", fact) for fact in chosen]

    def _next(self, kind: str, source: Iterator[tuple[str, Optional[int]]]) -> Question:
        for text, fact in source:
            if text not in self._asked:
                self._asked.add(text)
                return Question(text, kind, fact)
        raise ValueError("there are too few texts for so many different questions; store more or ask fewer")

    def _facts(self, lines: list[str]) -> Iterator[tuple[int, list[str]]]:
        """Different facts, without end as far as a measurement goes."""
        seen = set()
        while True:
            signal, *wordings = self._random.choice(EVENTS)
            who = f"{self._random.choice(FIRST)} {self._random.choice(lines)}"
            n, p = self._random.randrange(20, 980), self._random.randrange(3, 48)
            clauses = self._random.choice(CLAUSES)
            # The stored wording takes the clause's first, the others take its second.
            told = [f"{wording}, {clauses[min(at, 1)]}" for at, wording in enumerate(wordings)]
            where = self._random.choice(WHERE)
            told = [wording.format(who=who, n=n, p=p, where=where) for wording in told]
            if told[0] not in seen:
                seen.add(told[0])
                yield signal, told

    def _invented(self, lines: list[str]) -> Iterator[str]:
        for _, wordings in self._facts(lines):
            yield self._random.choice(wordings)

    def _rewordings(self, facts: list[tuple[int, list[str]]]) -> Iterator[tuple[str, int]]:
        """Every fact in its second and third wording, in an order of chance, then again with what agencies add."""
        surrounds = list(itertools.product(LEADS, TAILS))
        for lead, tail in surrounds:
            order = [(fact, wording) for fact in range(len(facts)) for wording in (1, 2)]
            self._random.shuffle(order)
            for fact, wording in order:
                yield lead + facts[fact][1][wording] + tail, fact

    def _surrounded(self, texts: list[str]) -> Iterator[tuple[str, int]]:
        """Each text with what agencies add, in an order of chance."""
        surrounds = [pair for pair in itertools.product(LEADS, TAILS) if any(pair)]
        for _ in surrounds:
            for fact in self._random.sample(range(len(texts)), len(texts)):
                lead, tail = self._random.choice(surrounds)
                yield lead + texts[fact] + tail, fact


def read(path: Path) -> Iterator[str]:
    """The texts of NDJSON with a `text`, or of the first column of CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        if path.suffix in (".ndjson", ".jsonl"):
            found = (json.loads(line).get("text", "") for line in file if line.strip())
        elif path.suffix == ".csv":
            found = (row[0] for number, row in enumerate(csv.reader(file)) if row and not (number == 0 and row[0].lower() in HEADS))
        else:
            raise ValueError(f"{path} is neither .ndjson, .jsonl nor .csv")
        for text in found:
            text = " ".join(text.split())
            if text and len(text.encode()) <= TEXT_BYTES_MAX:
                yield text
