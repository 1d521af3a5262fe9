"""Peak memory of two training steps of one variant, as JSON on stdout; a process of its own.

Memory is that of the whole process: Python, TensorFlow, weights, optimizer, activations.
"""

import json
import resource
import sys

from benchmarks import machine
from benchmarks.networks import build, training_step


def main() -> None:
    """Arguments: network, variant, width, batch, crop, threads, seed."""
    network, variant = sys.argv[1:3]
    width, batch, crop, threads, seed = map(int, sys.argv[3:])
    machine.use_threads(threads)
    step = training_step(network, build(network, variant, width, seed), batch, crop, seed)
    before = _peak_bytes()
    # The optimizer makes its variables in the first.
    step()
    step()
    print(json.dumps({"before_bytes": before, "peak_bytes": _peak_bytes()}))


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
