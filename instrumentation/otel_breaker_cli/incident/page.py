"""The incident as one self-contained page: no script, no network, and nothing from telemetry unescaped.

`page.html` is its text and `page.css` its look; here is what they are given. The picture's horizontal places are
shares of its width, so that it fits any screen without scaling its letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from otel_breaker.core.states import CircuitState
from otel_breaker.version import __version__
from otel_breaker_cli.incident import descriptions, wording
from otel_breaker_cli.incident.episode import SHADOW
from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.incident.timeline import lanes, visible_range

if TYPE_CHECKING:
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident
    from otel_breaker_cli.incident.timeline import Lane

ROWS: Final = {
    CircuitState.OPEN.value: 0,
    CircuitState.FORCED_OPEN.value: 0,
    CircuitState.HALF_OPEN.value: 1,
    CircuitState.CLOSED.value: 2,
    CircuitState.FORCED_CLOSED.value: 2,
}
"""The row of each state in the picture: which one it is must be seen without its colour."""
_THINNEST: Final = 0.3
"""Per cent of the width: nothing is too short to be seen."""
_TICKS: Final = 4
_APART: Final = 5.0
"""Per cent of the width: numbers of episodes that are closer would cover each other."""


@dataclass(frozen=True)
class Bar:
    """A stretch in the picture, in per cent of its width."""

    left: float
    width: float
    row: int
    css_class: str
    """The state, or that of shadow mode in its place."""
    title: str


@dataclass(frozen=True)
class EpisodeLabel:
    """Which episode begins there."""

    left: float
    text: str
    anchor: str


@dataclass(frozen=True)
class LaneDrawing:
    """One lane."""

    bars: tuple[Bar, ...]
    labels: tuple[EpisodeLabel, ...]


@dataclass(frozen=True)
class TimeScale:
    """Times as shares of a width."""

    start: int
    end: int

    def position(self, time: int) -> float:
        share = (time - self.start) / max(1, self.end - self.start)
        return round(100 * min(1.0, max(0.0, share)), 3)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return [
            (100 * number / _TICKS, wording.time_of_day(self.start + (self.end - self.start) * number // _TICKS)[:8])
            for number in range(_TICKS + 1)
        ]


def page(incident: Incident) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scale = TimeScale(*visible_range(incident))
    numbers = {id(episode): number for number, (_, episode) in enumerate(incident.episodes, 1)}
    return environment.get_template("page.html").render(
        incident=incident,
        summary=descriptions.summary(incident),
        scale=scale,
        states=wording.STATE_NAMES,
        number=lambda episode: numbers[id(episode)],
        drawings=lambda circuit: [_draw(lane, scale, numbers) for lane in lanes(circuit, scale.start, scale.end)],
        spoken=_spoken,
        questions=QUESTIONS,
        descriptions=descriptions,
        wording=wording,
        version=__version__,
    )


def _draw(lane: Lane, scale: TimeScale, numbers: dict[int, int]) -> LaneDrawing:
    bars = []
    drawn: dict[int, float] = {}  # per row, how far: within a bar that was widened to be seen nothing else is
    for stretch in lane.intervals:
        if stretch.state not in ROWS:
            continue
        row, left, right = ROWS[stretch.state], scale.position(stretch.start), scale.position(stretch.end)
        if right <= drawn.get(row, -1.0):
            continue
        width = max(_THINNEST, right - left)
        drawn[row] = left + width
        lasted = wording.duration((stretch.end - stretch.start) / 1e9)
        state = wording.state_name(stretch.state, is_shadow=stretch.is_shadow)
        title = f"{state} from {wording.time_of_day(stretch.start)} for {lasted}"
        look = SHADOW if stretch.is_shadow else stretch.state
        bars.append(Bar(min(left, 100 - width), width, row, look, title))
    shown: list[EpisodeLabel] = []
    for episode in lane.episodes:
        left = scale.position(episode.start)
        if not shown or left - shown[-1].left >= _APART:
            number = numbers[id(episode)]
            shown.append(EpisodeLabel(left, str(number), f"episode-{number}"))
    return LaneDrawing(tuple(bars), tuple(shown))


def _spoken(circuit: CircuitTimeline) -> str:
    """What the picture shows, for whoever does not see it."""
    said = [
        f"opened {wording.date_time(episode.start)}, {descriptions.episode_duration(episode)}, {descriptions.refused_calls(episode)}"
        for episode in circuit.episodes
    ]
    state = wording.state_name(circuit.state, is_shadow=circuit.is_shadow)
    return f"{'; '.join(said) or 'no episode'}; {state} in the end."
