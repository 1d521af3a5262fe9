"""The bridge to XLA built with CUDA, without a GPU: it loads, and XLA lowers the ops for a GPU.

Of the build that gpu_kernels_test tests. That the calls run is for a machine with a GPU to show.
"""

import pytest

from tests.dau_tf.gpu_kernels_test import cuda_library
from tests.dau_tf.subprocesses import finish, start

CODE = """
import ctypes, pathlib, sys
import numpy as np
import tensorflow as tf

assert not tf.config.list_physical_devices("GPU")
ops = tf.load_op_library(sys.argv[1])
for bridge in sys.argv[2:]:
    tf.load_library(bridge)

# xla::ffi::FindHandler(name, platform): an absl::StatusOr, whose first word is 1 when it is OK.
class View(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_char_p)]

c = ctypes.CDLL(str(pathlib.Path(tf.sysconfig.get_lib()) / "libtensorflow_cc.so.2"))
find = c["_ZN3xla3ffi11FindHandlerESt17basic_string_viewIcSt11char_traitsIcEES4_"]
find.restype = ctypes.c_void_p
find.argtypes = [ctypes.c_void_p, View, View]

def has_handler(name, platform):
    result = (ctypes.c_uint64 * 64)()  # more than it takes
    find(result, View(len(name), name.encode()), View(len(platform), platform.encode()))
    return result[0] == 1

CALLS = ["dau_conv2d", "dau_conv2d_backprop_input", "dau_conv2d_backprop_params"]
for call in CALLS:
    assert has_handler(call, "Host") and has_handler(call, "CUDA"), call
assert has_handler("dau_sigma_conv2d", "Host") and not has_handler("dau_sigma_conv2d", "CUDA")

x = tf.random.normal([2, 9, 8, 3])
weight = tf.random.normal([2, 3, 4])
displacement = tf.random.uniform([2, 2, 3, 4], -2, 2)

def everything(x, weight, displacement, sigma):
    parameters = dict(weight=weight, displacement=displacement, sigma=sigma)
    y = ops.dau_conv2d(input=x, **parameters)
    dx = ops.dau_conv2d_backprop_input(input_sizes=x.shape, out_backprop=y, **parameters)
    return [y, dx, *ops.dau_conv2d_backprop_params(input=x, out_backprop=y, **parameters)]

def fixed(x, weight, displacement):
    return everything(x, weight, displacement, 0.5)

def hlo(function, *arguments):
    compiled = tf.function(function, jit_compile=True)
    return compiled.experimental_get_compiler_ir(*arguments)(stage="hlo", platform_name="GPU")

# A constant sigma is in the call; another is read from the GPU's memory when the call runs.
for function, sigma, value in [(fixed, [], "5.0"), (everything, [tf.constant(0.5)], "0.0")]:
    text = hlo(function, x, weight, displacement, *sigma)
    for call in CALLS:
        (line,) = [line for line in text.splitlines() if f'custom_call_target="{call}"' in line]
        assert "API_VERSION_TYPED_FFI" in line, line
        assert f" sigma = {value}" in line, line

# The same bridge compiles for the processor.
compiled = tf.function(fixed, jit_compile=True)(x, weight, displacement)
for expected, actual in zip(fixed(x, weight, displacement), compiled, strict=True):
    np.testing.assert_array_equal(actual, expected)

def learned(sigma):
    return ops.dau_sigma_conv2d(
        input=x, weight=weight, displacement=displacement, sigma=sigma, max_sigma=1.0
    )

try:
    hlo(learned, tf.constant(0.5))
except (tf.errors.OpError, ValueError, TypeError) as error:
    assert "SigmaConv2D" in str(error) and "XLA_GPU_JIT" in str(error), error
else:
    raise AssertionError("a learned sigma has no handler for GPUs")
"""


def test_xla_lowers_for_a_gpu_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    library = cuda_library()
    # tests/cc/tf: what a CPU-only TensorFlow lacks.
    backend = library.with_name("xla_gpu_backend.so")
    if not backend.is_file():
        pytest.skip(f"{backend} is not built: see `make cuda_check`")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    finish(start(CODE, str(library), str(backend), str(library.with_name("_dau_xla.so"))))
