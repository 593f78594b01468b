"""Downloads a library's source package, and installs it with the requirements of its tests and this project."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.wheel import project

if TYPE_CHECKING:
    from tests.suites.libraries import Library

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / ".venv-suites"


class StepFailed(Exception):
    """A step cannot be done; the text is for the user."""


class LibraryFolder:
    """The folder of a library: its source and its environment."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.folder = FOLDER / library.name
        self.source = self.folder / "source"
        self.environment = self.folder / "environment"
        self.python = self.environment / "bin" / "python"

    def set_up(self) -> None:
        """Download and install everything, unless that was done for the same versions.

        Raises:
            StepFailed: with the output of the failed command.
        """
        stamp, key = self.folder / "installed", self._key()
        if stamp.exists() and stamp.read_text() == key:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._unpack()
        venv.create(self.environment, symlinks=True)
        packages = ["--editable", f"{self.source}{self.library.extras}", "--editable", f"{ROOT}[auto]"]
        pip("--python", str(self.python), "install", *packages, *self.library.requirements)
        stamp.write_text(key)

    def _unpack(self) -> None:
        name = self.library.name
        release = f"{name}=={self.library.version}"
        pip("download", "--no-deps", "--no-binary", name, "--dest", str(self.folder), release)
        (archive,) = self.folder.glob("*.tar.gz")
        with tarfile.open(archive) as file:
            file.extractall(self.folder, filter="data")
        (unpacked,) = (path for path in self.folder.iterdir() if path.is_dir())
        unpacked.rename(self.source)

    def _key(self) -> str:
        library, ours = self.library, project()
        needed = [*ours["dependencies"], *ours["optional-dependencies"]["auto"]]
        parts = (sys.version, library.version, library.extras, *library.requirements, *needed)
        return sha256("\n".join(parts).encode()).hexdigest()


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
