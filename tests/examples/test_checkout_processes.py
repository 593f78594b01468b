import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from examples.checkout import processes

pytestmark = pytest.mark.processes

# Keeps its connection to the test until it is dead.
LINGERING = """
import socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("http://127.0.0.1:1", flush=True)
time.sleep(60)
"""
# Starts the program above as its own child, and waits until it is killed.
PARENT = f"""
import sys, time
from pathlib import Path
from examples.checkout.processes import running
command = [sys.executable, "-c", {LINGERING!r}, sys.argv[1]]
with running("child", command, Path(sys.argv[2]), {{}}):
    time.sleep(60)
"""


@pytest.fixture
def server() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(30)
    return server


def died(server: socket.socket, connection: socket.socket) -> bool:
    connection.settimeout(30)
    with server, connection:
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True


def test_a_child_is_ended_at_the_end_of_its_block(server: socket.socket, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LINGERING, str(server.getsockname()[1])]
    with processes.running("child", command, tmp_path / "child.log", {}) as child:
        connection, _ = server.accept()
        assert child.address() == "http://127.0.0.1:1"
    assert child.process.returncode is not None
    assert died(server, connection)


def test_a_child_dies_when_its_parent_is_killed(server: socket.socket, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(server.getsockname()[1]), str(tmp_path / "child.log")]
    with subprocess.Popen(command) as parent:
        connection, _ = server.accept()
        parent.send_signal(signal.SIGKILL)
    assert died(server, connection)


def test_a_child_that_ends_by_itself_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    command = [sys.executable, "-c", "import sys; sys.exit('no')"]
    with (
        processes.running("child", command, log, {}) as child,
        pytest.raises(processes.DemoFailed, match=r"The child ended by itself with status 1.*child\.log"),
    ):
        child.address()
    assert log.read_text() == "no\n"
