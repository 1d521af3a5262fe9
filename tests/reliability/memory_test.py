"""What the ops do without memory, and what they leave behind."""

import numpy as np
import pytest

from tests.dau_tf import subprocesses
from tests.reliability import memory

WITHOUT_MEMORY = """
import resource
from pathlib import Path
import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(2)
from dau_tf.ops import loader

library = loader.load_library()
rng = np.random.default_rng(3)
X = tf.constant(rng.normal(size=(2, 256, 256, 8)), tf.float32)  # 4 MB
DY = tf.constant(rng.normal(size=(2, 256, 256, 16)), tf.float32)
WEIGHT = tf.constant(rng.normal(size=(2, 8, 16)), tf.float32)
MU = tf.constant(rng.uniform(-9, 9, (2, 2, 8, 16)), tf.float32)
SIZES = tf.shape(X)
UNITS = {"weight": WEIGHT, "displacement": MU}


def call(i, units, attributes):
    kind = "dau_sigma_conv2d" if attributes else "dau_conv2d"
    if i == 0:
        return getattr(library, kind)(input=X, **units, **attributes)
    if i == 1:
        op = getattr(library, kind + "_backprop_input")
        return op(input_sizes=SIZES, out_backprop=DY, **units, **attributes)
    op = getattr(library, kind + "_backprop_params")
    return op(input=X, out_backprop=DY, **units, **attributes)[0]


FORMS = (
    ({**UNITS, "sigma": tf.constant(0.6)}, {}),
    ({**UNITS, "sigma": tf.fill(WEIGHT.shape, 0.6)}, {"max_sigma": 1.0}),
)
EXPECTED = [[call(i, *form).numpy() for i in range(3)] for form in FORMS]


def address_space():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def outcome(form, i, room):
    units, attributes = FORMS[form]
    size = address_space()
    resource.setrlimit(resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
    try:
        value = call(i, units, attributes)
    except tf.errors.ResourceExhaustedError:
        return 0
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    np.testing.assert_array_equal(value, EXPECTED[form][i])
    return 1


ROOMS = (64, 32, 16, 8, 4, 2)  # MiB
served = [
    sum(outcome(form, i, room << 20) for room in ROOMS)
    for form in (0, 1) for i in range(3)
]
assert min(served) > 0, served
assert max(served) < len(ROOMS), served
print(served)
"""

# The reference lists every tap, 6·10^5 for each axis, and holds planes that reach as far.
WITHOUT_LISTS = """
import resource
import sys
from pathlib import Path
import tensorflow as tf

from dau_tf.ops import loader

library = loader.load_library()
CALL = {"input": tf.ones((1, 12, 12, 1)), "weight": tf.ones((1, 1, 1))}
CALL["displacement"] = tf.zeros((2, 1, 1, 1))
forward = tf.function(
    lambda sigma: library.dau_conv2d(sigma=sigma, **CALL), jit_compile=sys.argv[1] == "xla"
)
expected = forward(tf.constant(0.5)).numpy()
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (8 << 20), resource.RLIM_INFINITY))
try:
    forward(tf.constant(1e5))
except tf.errors.ResourceExhaustedError as error:
    assert "no memory is left" in error.message, error.message
else:
    raise AssertionError("served")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert (forward(tf.constant(0.5)).numpy() == expected).all()
"""

# A call has up to 4 MB of images, of which TensorFlow may keep some; were each kept, 300 MB.
MOST_GROWTH = 64 << 20


def test_no_memory_is_an_error_of_the_call_and_not_the_end(monkeypatch):
    # Freed blocks go back at once, or a call would be served from what the one before has left;
    # with oneDNN TensorFlow has a pool of its own.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    subprocesses.finish(subprocesses.start(WITHOUT_MEMORY))


@pytest.mark.parametrize("compiler", ["none", "xla"])
def test_no_memory_for_lists_is_an_error_too(compiler, monkeypatch):
    monkeypatch.setenv("DAU_ENGINE", "reference")
    subprocesses.finish(subprocesses.start(WITHOUT_LISTS, compiler))


def test_memory_does_not_grow_with_the_number_of_calls():
    memory.curve(100, 1)  # the first calls fill caches
    sizes = np.array([size for _, size in memory.curve(300, 3)])
    assert sizes.max() - sizes.min() < MOST_GROWTH, sizes
