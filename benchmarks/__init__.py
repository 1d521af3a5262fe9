"""Speed and memory of DAU layers against what a user would pick instead.

    python -m benchmarks.layer      one layer against convolutions and dcls, with the targets
    python -m benchmarks.scaling    one layer over K, displacement, pixels and channels
    python -m benchmarks.planner    the chosen engine against each engine, on random shapes
    python -m benchmarks.network    DAU-SRN-DeblurNet against the standard one

All candidates run in one process, interleaved in rounds; figures are medians of paired ratios.
"""

import os

# Read when the libraries are loaded. Torch's idle threads would otherwise spin while TensorFlow is
# timed, and NumPy's would compete with both.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
