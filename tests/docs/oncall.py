"""The answers that docs/oncall.md shows, without what differs from run to run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "oncall.md"
INSTANCE: Final = "43ffb7b2-1282-4b64-ae88-45c65e872580"


@dataclass(frozen=True)
class Section:
    anchor: str
    question: str
    text: str

    def blocks(self, *languages: str) -> list[str]:
        return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", self.text, re.DOTALL | re.MULTILINE)


def sections() -> list[Section]:
    parts = re.split(r'^<a id="([^"]+)"></a>\n\n## \d+\. (.+)\n', DOCUMENT.read_text(), flags=re.MULTILINE)[1:]
    return [Section(*parts[start : start + 3]) for start in range(0, len(parts), 3)]


def shown() -> dict[str, str]:
    """The answer to each question, in form."""
    return {section.question: form("".join(section.blocks("text"))) for section in sections()}


def form(text: str) -> str:
    """An answer without ids, times and durations, which differ from run to run."""
    text = re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<instance>", text.strip())
    text = re.sub(r"\b[0-9a-f]{16}\b|\b[0-9a-f]{32}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d ", "", text)
    text = re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "<time>", text)
    text = re.sub(r"\b[\d.e-]+ (?:ms|s)\b", "<duration>", text)
    text = re.sub(r"as it was open \(\d+\).*", "as it was open <counts>", text)
    return re.sub(r"\d+ calls refused", "<count> calls refused", text)


def brief(text: str) -> str:
    """The form of an outage of any length: without the number of failed recoveries."""
    text = re.sub(
        r"(?:\d+ failure, )?\d+ success(?:; \d+ failed recover(?:y|ies))?$", "<probes>", text, flags=re.MULTILINE
    )
    text = re.sub(r"\n  <time>  (?:failure|success) after .*", "", text)
    return re.sub(r"\d+ failed recover(?:y|ies)", "<relapses>", text)
