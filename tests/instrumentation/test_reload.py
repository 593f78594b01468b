"""What a watcher does with its file, look by look; no test waits for its thread."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings
from otel_breaker_instrumentation.reload import SETTLING, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_breaker_instrumentation.config import Configuration

EVERY = 5.0
FIRST = "reload: 5s\nbreakers: {payments: {failure_threshold: 1}}\n"
SECOND = "reload: 5s\nbreakers: {payments: {failure_threshold: 2}}\n"
THIRD = "reload: 5s\nbreakers: {payments: {failure_threshold: 3}}\n"
BROKEN = "reload: 5s\nbreakers: {payments: {failure_treshold: 2}}\n"


class Process:
    """A process that applies a file; records the thresholds that it applies, in order."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "breakers.yaml"
        self.file.write_text(FIRST)
        self.thresholds: list[int | None] = []
        self.refuses: Exception | None = None
        self.watcher = Watcher(str(self.file), FIRST, EVERY, self._apply)

    def _apply(self, configuration: Configuration) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.thresholds.append(configuration.breakers["payments"].failure_threshold)

    def look(self, times: int = 1) -> list[float | None]:
        """Look so many times; returns how long to wait after each."""
        return [self.watcher.look() for _ in range(times)]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    process.watcher.stop()


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


# --- what counts as a change


def test_a_file_that_stays_as_it_is_changes_nothing(process: Process) -> None:
    assert process.look(3) == [EVERY] * 3
    assert process.thresholds == []


def test_a_file_that_is_written_again_with_the_same_content_changes_nothing(process: Process) -> None:
    process.file.write_text(FIRST)
    os.utime(process.file, (0, 0))

    process.look(3)

    assert process.thresholds == []


def test_new_content_is_applied_when_it_was_read_twice_a_moment_apart(process: Process) -> None:
    process.file.write_text(SECOND)

    assert process.look() == [SETTLING]
    assert process.thresholds == []
    assert process.look() == [EVERY]
    assert process.thresholds == [2]


def test_new_content_is_applied_once(process: Process) -> None:
    process.file.write_text(SECOND)

    process.look(5)

    assert process.thresholds == [2]


def test_content_of_the_same_length_and_time_is_new_all_the_same(process: Process) -> None:
    before = process.file.stat()
    process.file.write_text(SECOND)
    os.utime(process.file, ns=(before.st_atime_ns, before.st_mtime_ns))

    process.look(2)

    assert process.file.stat().st_size == before.st_size
    assert process.thresholds == [2]


def test_a_file_that_is_still_being_written_is_waited_for(process: Process) -> None:
    process.file.write_text("")  # as an editor leaves it between opening and writing
    process.look()
    process.file.write_text(SECOND[:20])
    process.look()
    process.file.write_text(SECOND)
    process.look(2)

    assert process.thresholds == [2]


def test_a_file_that_takes_the_place_of_the_other_is_read(process: Process) -> None:
    new = process.file.with_name("new")
    new.write_text(SECOND)
    new.replace(process.file)

    process.look(2)

    assert process.thresholds == [2]


def test_the_swapped_links_of_a_config_map_are_followed(tmp_path: Path) -> None:
    for version, content in (("1", FIRST), ("2", SECOND)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "breakers.yaml").write_text(content)
    (tmp_path / "data").symlink_to("1")
    process = Process(tmp_path / "1")
    link = tmp_path / "breakers.yaml"
    link.symlink_to("data/breakers.yaml")
    watcher = Watcher(str(link), FIRST, EVERY, process._apply)

    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").replace(tmp_path / "data")
    watcher.look()
    watcher.look()

    watcher.stop()
    process.watcher.stop()
    assert process.thresholds == [2]


def test_every_change_is_applied_and_the_first_content_again_as_well(process: Process) -> None:
    for content in (SECOND, THIRD, FIRST):
        process.file.write_text(content)
        process.look(2)

    assert process.thresholds == [2, 3, 1]


# --- mistakes


def test_a_broken_file_is_logged_once_and_changes_nothing(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    process.file.write_text(BROKEN)

    assert process.look(5) == [SETTLING, *[EVERY] * 4]
    assert process.thresholds == []
    [message] = errors(caplog)
    assert "stay configured as they were" in message
    assert f"{process.file}: breakers.payments.failure_treshold: there is no such setting" in message


def test_each_broken_content_is_logged(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    for content in (BROKEN, "breakers: [", BROKEN.replace("treshold", "threshhold")):
        process.file.write_text(content)
        process.look(3)

    assert len(errors(caplog)) == 3


def test_a_broken_file_that_is_mended_is_applied(process: Process) -> None:
    process.file.write_text(BROKEN)
    process.look(2)

    process.file.write_text(SECOND)
    process.look(2)

    assert process.thresholds == [2]


def test_a_file_that_is_broken_again_after_it_was_mended_is_logged_again(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    for content in (BROKEN, FIRST, BROKEN):
        process.file.write_text(content)
        process.look(2)

    assert len(errors(caplog)) == 2
    assert process.thresholds == []


@pytest.mark.parametrize("content", ["", "# nothing\n", "{}"])
def test_an_empty_file_is_a_mistake_and_not_a_configuration(
    process: Process, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    process.file.write_text(content)

    process.look(3)

    assert process.thresholds == []
    assert ["it is empty" in message for message in errors(caplog)] == [True]


def test_a_file_that_is_gone_is_logged_once_and_waited_for(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    process.file.unlink()
    waits = process.look(3)

    process.file.write_text(SECOND)
    process.look(2)

    assert waits == [EVERY] * 3
    assert ["there is no such file" in message for message in errors(caplog)] == [True]
    assert process.thresholds == [2]


def test_a_configuration_that_cannot_be_applied_is_logged_once(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.refuses = InvalidSettings("breakers.payments.ignore[0]", "'no.Error' cannot be imported", "no module")
    process.file.write_text(SECOND)

    process.look(4)

    assert ["'no.Error' cannot be imported" in message for message in errors(caplog)] == [True]


def test_a_fault_of_ours_is_logged_and_does_not_end_the_watch(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.refuses = RuntimeError("a fault")
    process.file.write_text(SECOND)
    waits = process.look(3)

    process.refuses = None
    process.file.write_text(THIRD)
    process.look(2)

    assert waits == [SETTLING, EVERY, EVERY]
    assert [" < " in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [True]
    assert process.thresholds == [3]


# --- how often


def test_the_file_may_change_how_often_it_is_read(process: Process) -> None:
    process.file.write_text(SECOND.replace("5s", "1m"))

    assert process.look(3) == [SETTLING, 60.0, 60.0]


def test_a_file_without_reload_is_not_watched_any_longer(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    process.file.write_text(SECOND.replace("reload: 5s\n", ""))

    assert process.look(2) == [SETTLING, None]
    assert process.thresholds == [2]
    assert ["not watched any more" in message for message in caplog.messages] == [True]


def test_after_it_was_stopped_it_applies_nothing(process: Process) -> None:
    process.file.write_text(SECOND)
    process.look()

    process.watcher.stop()

    assert process.look() == [None]
    assert process.thresholds == []
