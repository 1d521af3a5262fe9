"""Runs Python code in a fresh process, for what a process can only do once."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def start(code: str, *arguments: str) -> subprocess.Popen:
    """Starts `code` with `dau_tf` importable and `arguments` in sys.argv[1:]."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes: subprocess.Popen, timeout: float = 300.0) -> None:
    """Waits for all; fails with the output of the first that failed or took too many seconds."""
    end = time.monotonic() + timeout
    try:
        outputs = [p.communicate(timeout=max(0.0, end - time.monotonic()))[0] for p in processes]
    except subprocess.TimeoutExpired as error:
        for process in processes:
            process.kill()
        raise AssertionError(f"No end after {timeout} s: {error.stdout!r}") from error
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output


def free_ports(count: int) -> list[str]:
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
