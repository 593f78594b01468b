"""The incident as one self-contained page: no script, no network, and nothing from telemetry unescaped.

`page.html` has its text, `page.css` its style; this module prepares the values that they show. Horizontal positions in
the picture are shares of its width, so that it fits any screen without scaling its letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from otel_breaker.core.states import CircuitState
from otel_breaker.settings import Mode
from otel_breaker.version import __version__
from otel_breaker_cli.incident import descriptions, wording
from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.incident.timeline import lanes, visible_range

if TYPE_CHECKING:
    from otel_breaker_cli.incident.episode import IncidentEpisode
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident
    from otel_breaker_cli.incident.timeline import Lane, StateInterval

ROWS: Final = {
    CircuitState.OPEN.value: 0,
    CircuitState.FORCED_OPEN.value: 0,
    CircuitState.HALF_OPEN.value: 1,
    CircuitState.CLOSED.value: 2,
    CircuitState.FORCED_CLOSED.value: 2,
}
"""The row of each state in the picture: colour alone does not tell states apart for all readers."""
_MIN_WIDTH: Final = 0.3
"""Of a bar, in per cent of the picture, so that each interval is visible."""
_TICKS: Final = 4
_LABEL_DISTANCE: Final = 5.0
"""In per cent of the picture: labels that are closer would cover each other."""


@dataclass(frozen=True)
class Bar:
    """An interval in the picture, in per cent of its width."""

    left: float
    width: float
    row: int
    css_class: str
    """The state, or `shadow`."""
    title: str


@dataclass(frozen=True)
class EpisodeLabel:
    """The number of the episode that begins at a position."""

    left: float
    text: str
    anchor: str


@dataclass(frozen=True)
class LaneDrawing:
    """One lane of the picture."""

    bars: tuple[Bar, ...]
    labels: tuple[EpisodeLabel, ...]


@dataclass(frozen=True)
class TimeScale:
    """Times as positions in per cent of a width."""

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
        episode_number=lambda episode: numbers[id(episode)],
        drawings=lambda circuit: [_draw(lane, scale, numbers) for lane in lanes(circuit, scale.start, scale.end)],
        picture_description=_picture_description,
        questions=QUESTIONS,
        descriptions=descriptions,
        wording=wording,
        version=__version__,
    )


def _draw(lane: Lane, scale: TimeScale, numbers: dict[int, int]) -> LaneDrawing:
    bars = []
    drawn_until: dict[int, float] = {}  # per row: nothing is drawn within a bar that is wider than its interval
    for interval in lane.intervals:
        if interval.state not in ROWS:
            continue
        row, left, right = ROWS[interval.state], scale.position(interval.start), scale.position(interval.end)
        if right <= drawn_until.get(row, -1.0):
            continue
        width = max(_MIN_WIDTH, right - left)
        drawn_until[row] = left + width
        css_class = Mode.SHADOW.value if interval.is_shadow else interval.state
        bars.append(Bar(min(left, 100 - width), width, row, css_class, _bar_title(interval)))
    labels: list[EpisodeLabel] = []
    for episode in lane.episodes:
        left = scale.position(episode.start)
        if not labels or left - labels[-1].left >= _LABEL_DISTANCE:
            number = numbers[id(episode)]
            labels.append(EpisodeLabel(left, str(number), f"episode-{number}"))
    return LaneDrawing(tuple(bars), tuple(labels))


def _bar_title(interval: StateInterval) -> str:
    state = wording.state_name(interval.state, is_shadow=interval.is_shadow)
    duration = wording.duration((interval.end - interval.start) / 1e9)
    return f"{state} from {wording.time_of_day(interval.start)} for {duration}"


def _picture_description(circuit: CircuitTimeline) -> str:
    """The content of the picture, for screen readers."""
    episodes = (_episode_description(episode) for episode in circuit.episodes)
    state = wording.state_name(circuit.state, is_shadow=circuit.is_shadow)
    return f"{'; '.join(episodes) or 'no episode'}; {state} in the end."


def _episode_description(episode: IncidentEpisode) -> str:
    duration, refused = descriptions.episode_duration(episode), descriptions.refused_calls(episode)
    return f"opened {wording.date_time(episode.start)}, {duration}, {refused}"
