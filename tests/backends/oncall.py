"""Every query of docs/oncall.md, as it stands there: of the demo's data, and PromQL over the time of its outage."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from examples.checkout import results
from examples.checkout.run import Run
from tests.backends import ask
from tests.backends.answers import Answer
from tests.backends.demo import SOON
from tests.backends.files import run_spans
from tests.backends.servers import BackEnds

DOCUMENT = Path(__file__).parents[2] / "docs" / "oncall.md"
EPISODE = re.compile(r'(circuit_breaker\.episode ?= ?"?)[0-9a-f]+')
BLOCK = re.compile(r'<a id="(?P<id>[^"]+)">|```(?P<language>promql|traceql|logfmt)\n(?P<query>.*?)```', re.DOTALL)

LOOKED_AT = 300.0  # seconds, in which the outage was

# Nothing of the demo runs in shadow mode: the right answer is that there is nothing.
NOTHING = {("q9-shadow", "logfmt")}


@dataclass(frozen=True)
class Question:
    heading: str
    language: str
    query: str

    @property
    def has_answer(self) -> bool:
        return (self.heading, self.language) not in NOTHING


def checks(run: Run, ends: BackEnds) -> Iterator[Answer]:
    refusal = results.refusal(run_spans(run))
    episode = str(refusal.span.attributes["circuit_breaker.episode"]) if refusal else ""
    for question in questions(DOCUMENT.read_text(encoding="utf-8")):
        yield _asked(question, EPISODE.sub(rf"\g<1>{episode}", question.query), ends)


def questions(document: str) -> Iterator[Question]:
    heading = ""
    for block in BLOCK.finditer(document):
        heading = block["id"] or heading
        if block["language"]:
            yield Question(heading, block["language"], " ".join(block["query"].split()))


def _asked(question: Question, query: str, ends: BackEnds) -> Answer:
    def number() -> int:
        if question.language == "promql":
            return len(ask.prometheus_graph(ends.prometheus.url, query, LOOKED_AT))
        if question.language == "traceql":
            return len(ask.tempo(ends.tempo.url, query))
        tags = dict(pair.split("=", 1) for pair in query.split())
        return len(ask.jaeger(ends.jaeger.url, "shop", tags))

    program = {"promql": "prometheus", "traceql": "tempo", "logfmt": "jaeger"}[question.language]
    claim = f"oncall.md, {question.heading}"
    try:
        found = ask.eventually(number, lambda found: bool(found) == question.has_answer, SOON)
    except ask.Refused as refused:
        return Answer(claim, program, query, str(refused), holds=False)
    said = f"{found} found" + ("" if question.has_answer else "; none is right")
    return Answer(claim, program, query, said, bool(found) == question.has_answer)
