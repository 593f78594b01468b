"""The queries of the on-call page, as the checks read them."""

from __future__ import annotations

from tests.backends.oncall import DOCUMENT, EMPTY_RESULTS, questions


def test_each_question_has_a_query() -> None:
    found = {question.heading.partition("-")[0] for question in questions(DOCUMENT.read_text(encoding="utf-8"))}
    assert found == {f"q{number}" for number in range(1, 12)}


def test_a_query_over_several_lines_is_one() -> None:
    (question,) = questions('<a id="q1-which"></a>\n\n```traceql\n{ a }\n| select(b)\n```\n')
    assert (question.heading, question.language, question.query) == ("q1-which", "traceql", "{ a } | select(b)")


def test_queries_with_an_empty_result_are_on_the_page() -> None:
    found = {(question.heading, question.language) for question in questions(DOCUMENT.read_text(encoding="utf-8"))}
    assert found >= EMPTY_RESULTS
