"""What the figures depend on: machine, versions, threads, and the peak rate of multiply-adds."""

import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import time

import numpy as np
import tensorflow as tf

_FMA_PEAK = pathlib.Path(__file__).resolve().parents[1] / "bazel-bin/cc/bench/fma_peak"
_PACKAGES = ("dau-tf", "tensorflow-cpu", "tensorflow", "keras", "numpy", "torch", "dcls")


def use_threads(threads: int) -> None:
    """Gives TensorFlow `threads` threads within an op and one op at a time, on the CPU.

    Raises:
        RuntimeError: TensorFlow has computed already with other settings.
    """
    wanted = (threads, 1)
    current = (
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
    )
    if current == wanted:
        return
    tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def describe(threads: int) -> dict:
    """Machine, versions and threads, for the JSON files."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: v for name in _PACKAGES if (v := _version(name))},
        "threads": threads,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def fma_peak(threads: int, milliseconds: int = 200) -> dict:
    """Measures the peak rate of float32 multiply-adds.

    Returns:
        {"gfma_per_second": 10^9 multiply-adds a second, "method": how}. With the compiled loop of
        cc/bench; where it is not built, with TensorFlow's product of two 1024 x 1024 matrices,
        which reaches somewhat less.
    """
    if _FMA_PEAK.is_file():
        command = [str(_FMA_PEAK), str(threads), str(milliseconds)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        method = f"cc/bench/fma_peak, {found['target']}"
        return {"gfma_per_second": found["gfma_per_second"], "method": method}
    return {
        "gfma_per_second": _matrix_product_rate(milliseconds / 1000),
        "method": "TensorFlow's matrix product (./bazelw build //cc/bench:fma_peak gives the loop)",
    }


def _matrix_product_rate(seconds: float, size: int = 1024) -> float:
    a = tf.constant(np.random.default_rng(0).standard_normal([size, size]), tf.float32)
    best, end = 0.0, time.perf_counter() + seconds
    while best == 0.0 or time.perf_counter() < end:
        start = time.perf_counter()
        float(tf.matmul(a, a)[0, 0])
        best = max(best, size**3 / (time.perf_counter() - start) / 1e9)
    return best


def _cpu_model() -> str:
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
