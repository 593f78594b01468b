"""Sends every query of docs/oncall.md unchanged to the back ends, PromQL over the time of the demo's outage."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from examples.checkout import results
from examples.checkout.run import Run
from tests.backends import queries
from tests.backends.check_results import CheckResult
from tests.backends.demo import TIMEOUT
from tests.backends.files import run_spans
from tests.backends.servers import BackEnds

DOCUMENT = Path(__file__).parents[2] / "docs" / "oncall.md"
EPISODE = re.compile(r'(circuit_breaker\.episode ?= ?"?)[0-9a-f]+')
BLOCK = re.compile(r'<a id="(?P<id>[^"]+)">|```(?P<language>promql|traceql|logfmt)\n(?P<query>.*?)```', re.DOTALL)

GRAPH_SECONDS = 300.0
"""The time that PromQL covers; the outage is within it."""

# The demo has no breaker in shadow mode, and none with a limit, so an empty result is correct.
EMPTY_RESULTS = {("q9-shadow", "logfmt"), ("q11-concurrency-limit", "traceql"), ("q11-concurrency-limit", "logfmt")}


@dataclass(frozen=True)
class Question:
    heading: str
    language: str
    query: str

    @property
    def has_answer(self) -> bool:
        return (self.heading, self.language) not in EMPTY_RESULTS


def checks(run: Run, ends: BackEnds) -> Iterator[CheckResult]:
    refusal = results.refusal(run_spans(run))
    episode = str(refusal.span.attributes["circuit_breaker.episode"]) if refusal else ""
    for question in questions(DOCUMENT.read_text(encoding="utf-8")):
        yield _result(question, EPISODE.sub(rf"\g<1>{episode}", question.query), ends)


def questions(document: str) -> Iterator[Question]:
    heading = ""
    for block in BLOCK.finditer(document):
        heading = block["id"] or heading
        if block["language"]:
            yield Question(heading, block["language"], " ".join(block["query"].split()))


def _result(question: Question, query: str, ends: BackEnds) -> CheckResult:
    def count() -> int:
        if question.language == "promql":
            return len(queries.prometheus_graph(ends.prometheus.url, query, GRAPH_SECONDS))
        if question.language == "traceql":
            return len(queries.tempo(ends.tempo.url, query))
        tags = dict(pair.split("=", 1) for pair in query.split())
        return len(queries.jaeger(ends.jaeger.url, "shop", tags))

    program = {"promql": "prometheus", "traceql": "tempo", "logfmt": "jaeger"}[question.language]
    claim = f"oncall.md, {question.heading}"
    try:
        found = queries.eventually(count, lambda found: bool(found) == question.has_answer, TIMEOUT)
    except queries.QueryError as error:
        return CheckResult(claim, program, query, str(error), holds=False)
    answer = f"{found} found" + ("" if question.has_answer else "; none is correct")
    return CheckResult(claim, program, query, answer, bool(found) == question.has_answer)
