"""Runs the benchmarks' programs in process, with the threads that TensorFlow has already."""

import importlib

import pytest

from benchmarks import machine


@pytest.fixture
def run_program(monkeypatch, capsys):
    """(name, *arguments) -> exit code and what was printed, as the command line would."""
    # TensorFlow fixes its threads at its first op, which another test has done.
    monkeypatch.setattr(machine, "use_threads", lambda threads: None)
    peak = {"gfma_per_second": 100.0, "method": "fixed for tests"}
    monkeypatch.setattr(machine, "fma_peak", lambda threads, milliseconds=0: peak)

    def run(name, *arguments):
        module = importlib.import_module(f"benchmarks.{name}")
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        code = 0
        try:
            module.cli.run(module.main)
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run
