"""The operator of the shop: edits the configuration of its breakers while it runs."""

from dataclasses import dataclass
from pathlib import Path

from examples.checkout.schedule import Schedule

FILE = Path(__file__).with_name("breakers.yaml")
SETTING, BEFORE, AFTER = "failure_threshold", 5, 3
MOMENT = 1 / 3
"""When the file is changed, as a share of the healthy phase."""


@dataclass
class Operator:
    """Lowers a threshold after a third of the healthy phase; the shop is neither restarted nor notified.

    Args:
        file: the shop's own copy of the configuration.
        schedule: of the run.
    """

    file: Path
    schedule: Schedule

    def __post_init__(self) -> None:
        self.at = self.schedule.healthy * MOMENT
        self._text = FILE.read_text()
        self.file.write_text(self._text)

    def watch(self, elapsed: float) -> None:
        """Change the file when it is due; `elapsed` is in seconds since the run started."""
        changed = self._text.replace(f"{SETTING}: {BEFORE}", f"{SETTING}: {AFTER}")
        if elapsed >= self.at and changed != self._text:
            self.file.write_text(changed)
            self._text = changed
