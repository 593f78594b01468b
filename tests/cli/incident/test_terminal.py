"""The report in the terminal, within eighty columns, and in a pipe, without colours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.incident.page import page
from otel_breaker_cli.incident.symbols import ASCII, BLOCKS, symbols_for
from otel_breaker_cli.incident.terminal import answers, report, without_colours
from tests.cli.incident.telemetry import FAILED, RECOVERED, TRIP, Telemetry, outage, shadow_outage, span_of, trace_of

if TYPE_CHECKING:
    from rich.console import RenderableType


def printed(content: RenderableType, *, width: int = 80, terminal: bool = False) -> str:
    output = io.StringIO()
    Console(width=width, file=output, force_terminal=terminal, highlight=False).print(content)
    return output.getvalue()


def test_the_report_has_time_reason_tripping_call_duration_and_counts() -> None:
    text = printed(report(outage().incident()))

    for part in (
        "1 circuit, 1 episode, within 7 s, none open at the end",
        "payments of shop",
        "5 failures in a row, the threshold is 5",
        "OSError (5)",
        "128 calls refused, 4 of them in these files",
        "1 failure, 1 success; 1 failed recovery",
        "2 s planned",
    ):
        assert part in " ".join(text.split())


def test_each_state_change_is_a_line_in_order() -> None:
    lines = printed(report(outage().incident())).splitlines()

    assert [" ".join(line.split()[1:4]) for line in lines if "→" in line] == [
        "closed → open",
        "open → half-open",
        "half-open → open",
        "open → half-open",
        "half-open → closed",
    ]


def test_no_line_is_wider_than_the_terminal_and_no_id_is_broken() -> None:
    lines = printed(report(outage().incident())).splitlines()

    assert max(map(len, lines)) <= 80
    assert any(trace_of(2) in line for line in lines)
    assert any(span_of(2) in line for line in lines)


def test_the_states_are_drawn_with_symbols_that_need_no_colour() -> None:
    bar = next(line for line in printed(report(outage().incident())).splitlines() if "▕" in line)

    assert {"─", "█"} <= set(bar)


def test_a_short_opening_is_visible_in_a_long_time_range() -> None:
    telemetry = (
        Telemetry()
        .call(2, 0, "failure", state_changes=TRIP)
        .call(3, 1, "success", "half_open", state_changes=RECOVERED)
    )
    telemetry.manual_change(10_000, "closed", "forced_closed", "", "by ann")
    bar = next(line for line in printed(report(telemetry.incident())).splitlines() if "▕" in line)

    assert bar.count("█") == 1


def test_a_pipe_gets_no_colours_and_a_terminal_does() -> None:
    assert "\x1b" not in printed(report(outage().incident()))
    assert "\x1b" in printed(report(outage().incident()), terminal=True)


def test_names_out_of_telemetry_are_no_markup() -> None:
    telemetry = Telemetry(name="[bold red]x[/]").call(2, 0, "failure", state_changes=TRIP)

    assert "[bold red]x[/]" in printed(report(telemetry.incident()))


def test_of_very_many_state_changes_the_first_and_the_last_are_shown() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number in range(3, 53):
        telemetry.call(number, number, "failure", "half_open", state_changes=FAILED)
    lines = printed(report(telemetry.incident())).splitlines()

    assert any("87 more" in line for line in lines)
    assert sum("→" in line for line in lines) == 14


def test_state_changes_outside_of_episodes_are_shown() -> None:
    text = printed(report(Telemetry().manual_change(1, "closed", "forced_closed", "", "by ann").incident()))

    assert "closed → forced closed" in text
    assert "by hand, by ann" in text


def test_an_episode_in_shadow_mode_shows_the_calls_it_would_have_refused() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP).call(3, 3, "success", "open", shadowed=True)

    assert "would have refused calls that ended as 1 success" in " ".join(printed(report(telemetry.incident())).split())


@pytest.mark.parametrize(
    ("telemetry", "expected"),
    [
        (Telemetry(), "No circuit breaker is in these files."),
        (
            Telemetry().call(1, 0, "success"),
            "No circuit changed state in these files. 1 other circuit never changed state.",
        ),
    ],
)
def test_files_without_state_changes_are_reported_as_such(telemetry: Telemetry, expected: str) -> None:
    assert printed(report(telemetry.incident())).strip() == expected


def test_as_many_questions_are_answered_as_requested() -> None:
    text = printed(answers(outage().incident(), 4))

    assert [question.text in text for question in QUESTIONS] == [True] * 4 + [False] * 7


def test_a_circuit_in_shadow_mode_is_marked_everywhere() -> None:
    text = without_colours(report(shadow_outage().incident()))

    assert "1 circuit, 1 episode, within 7 s, none open at the end. This is shadow mode: no call was refused." in text
    assert "payments in shadow mode of shop, in the end closed" in text
    assert "Episode e1, in shadow mode" in text
    assert "░ any of these in shadow mode" in text
    bar = next(line for line in text.splitlines() if "▕" in line)
    assert "░" in bar
    assert "█" not in bar
    assert "calls refused" not in text


def test_circuits_in_shadow_mode_are_counted_separately() -> None:
    telemetry = shadow_outage()
    telemetry.spans += Telemetry(name="stock", episode="e2").call(12, 1, "failure", state_changes=TRIP).spans

    text = without_colours(report(telemetry.incident()))

    assert "2 circuits, 2 episodes" in text
    assert "1 still open at the end. 1 of them in shadow mode: no call was refused there." in text
    assert "█" in text.partition("stock of shop")[2]


def test_a_circuit_in_shadow_mode_that_is_open_in_the_end_is_not_counted_as_open() -> None:
    telemetry = (
        Telemetry(mode="shadow").call(2, 0, "failure", state_changes=TRIP).call(3, 3, "success", "open", shadowed=True)
    )

    assert "none open at the end" in without_colours(report(telemetry.incident()))


@pytest.mark.parametrize(
    ("encoding", "symbols"),
    [("utf-8", BLOCKS), ("ascii", ASCII), ("cp1252", ASCII), ("no such", ASCII), ("cp437", ASCII)],
)
def test_symbols_are_those_that_the_encoding_has(encoding: str, symbols: object) -> None:
    assert symbols_for(encoding) is symbols


def test_every_state_has_a_symbol_of_its_own() -> None:
    for symbols in (BLOCKS, ASCII):
        assert len({*symbols.states.values(), symbols.shadow}) == len(symbols.states) + 1


def test_an_instance_id_cannot_control_the_terminal() -> None:
    telemetry = Telemetry(
        resource={"service.name": "shop", "service.instance.id": "\x1b[2J\x1b]0;owned\x07" + "a" * 1_000}
    )
    telemetry.call(2, 0, "failure", state_changes=TRIP).point("circuit_breaker.targets", 1, target__status="guarded")
    incident = telemetry.incident()

    for text in (without_colours(report(incident)), without_colours(answers(incident)), page(incident)):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "a" * 300 not in text
