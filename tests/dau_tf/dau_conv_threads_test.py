"""Forward and gradients have the same bits with one thread, with two and with sixteen."""

import numpy as np

from tests.dau_tf import subprocesses

COMPUTE = """
import sys
import numpy as np
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))
import dau_tf

results = {}
for dtype in ("float32", "float64"):
    for stride in (1, 2):
        for kind in ("gaussian", "exact"):
            rng = np.random.default_rng(5)
            x = tf.constant(rng.normal(size=(3, 41, 37, 10)), dtype)
            w = tf.constant(rng.normal(size=(3, 10, 19)), dtype)
            mu = tf.constant(rng.uniform(-5, 5, (2, 3, 10, 19)), dtype)
            with tf.GradientTape() as tape:
                tape.watch([x, w, mu])
                y = dau_tf.dau_conv2d(x, w, mu, strides=stride, displacement_gradient=kind)
                loss = tf.reduce_sum(y * tf.constant(rng.normal(size=y.shape), dtype))
            for name, value in zip(("dx", "dw", "dmu"), tape.gradient(loss, [x, w, mu])):
                results[f"{name} {dtype} {stride} {kind}"] = value.numpy()
            results[f"y {dtype} {stride} {kind}"] = y.numpy()
np.savez(sys.argv[2], **results)
"""


def test_same_bits_with_any_number_of_threads(tmp_path):
    files = {threads: tmp_path / f"{threads}.npz" for threads in (1, 2, 16)}
    subprocesses.finish(
        *(subprocesses.start(COMPUTE, str(n), str(file)) for n, file in files.items())
    )
    one, *others = (np.load(file) for file in files.values())
    assert len(one.files) == 32
    for other in others:
        different = [name for name in one.files if one[name].tobytes() != other[name].tobytes()]
        assert different == []
