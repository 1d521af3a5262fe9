"""The resident memory of a process that calls the ops again and again, each time in other shapes.

python -m tests.reliability.memory --calls 10000
"""

import argparse
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

import dau_tf


def resident_bytes() -> int:
    """What of this process is in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def call(rng: np.random.Generator) -> None:
    """Forward and all gradients of up to some 2 MB of images, with one sigma or one a unit."""
    n, h, w, s, f, k = (int(rng.integers(1, most)) for most in (4, 64, 64, 33, 33, 5))
    x, weight = tf.random.normal([n, h, w, s]), tf.random.normal([k, s, f])
    mu = tf.random.uniform([2, k, s, f], -8, 8)
    sigma = tf.random.uniform([k, s, f], 0.3, 0.8) if rng.random() < 0.2 else tf.constant(0.5)
    strides = int(rng.integers(1, 3))
    with tf.GradientTape() as tape:
        tape.watch([x, weight, mu, sigma])
        y = dau_tf.dau_conv2d(x, weight, mu, sigma=sigma, max_sigma=1.0, strides=strides)
    tape.gradient(y, [x, weight, mu, sigma])


def curve(calls: int, points: int, seed: int = 1) -> list[tuple[int, int]]:
    """(calls so far, resident bytes) at `points` places, evenly apart, the last after all."""
    rng = np.random.default_rng(seed)
    result = []
    for i in range(1, calls + 1):
        call(rng)
        if i % (calls // points) == 0:
            result.append((i, resident_bytes()))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10000)
    parser.add_argument("--points", type=int, default=20)
    arguments = parser.parse_args()
    for calls, resident in curve(arguments.calls, arguments.points):
        print(f"{calls} {resident / 2**20:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
