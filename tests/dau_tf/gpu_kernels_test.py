"""A library built with CUDA, without a GPU: it loads, computes, and registers its GPU kernels.

The library is that of the environment variable DAU_CUDA_LIBRARY (`make cuda_check` sets it), or the
one in dau_tf/ when it was built by `make build CUDA=1`.
"""

import json
import os
from pathlib import Path

import pytest

from tests.dau_tf.subprocesses import REPOSITORY, finish, start

# TensorFlow's C API is the one public way to its kernel registry.
CODE = """
import ctypes, itertools, pathlib, sys
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import kernel_def_pb2, types_pb2

assert not tf.config.list_physical_devices("GPU")
ops = tf.load_op_library(sys.argv[1])

class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("free", ctypes.c_void_p)]

c = ctypes.CDLL(str(pathlib.Path(tf.sysconfig.get_lib()) / "libtensorflow_cc.so.2"))
c.TF_NewStatus.restype = ctypes.c_void_p
c.TF_GetRegisteredKernelsForOp.restype = ctypes.POINTER(Buffer)
c.TF_GetRegisteredKernelsForOp.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
status = c.TF_NewStatus()

def kernels(op):
    buffer = c.TF_GetRegisteredKernelsForOp(op.encode(), status).contents
    listed = kernel_def_pb2.KernelList.FromString(ctypes.string_at(buffer.data, buffer.length))
    found = {}
    for kernel in listed.kernel:
        types = {
            constraint.name: types_pb2.DataType.Name(constraint.allowed_values.list.type[0])
            for constraint in kernel.constraint
        }
        found[kernel.device_type, types["T"], types["U"]] = sorted(kernel.host_memory_arg)
    return found

TYPES = [
    ("DT_HALF", "DT_FLOAT"),
    ("DT_BFLOAT16", "DT_FLOAT"),
    ("DT_FLOAT", "DT_FLOAT"),
    ("DT_DOUBLE", "DT_DOUBLE"),
]
HOST_MEMORY = {
    "Dau>Conv2D": ["sigma"],
    "Dau>Conv2DBackpropInput": ["input_sizes", "sigma"],
    "Dau>Conv2DBackpropParams": ["sigma"],
}
for op, host_memory in HOST_MEMORY.items():
    found = kernels(op)
    expected = {("CPU", *t): [] for t in TYPES} | {("GPU", *t): host_memory for t in TYPES}
    assert found == expected, (op, found)

# One unit at displacement 0 and a narrow Gaussian: the image itself, times the weight.
x = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
weight = np.full([1, 1, 1], 2, np.float32)
displacement = np.zeros([2, 1, 1, 1], np.float32)
y = ops.dau_conv2d(input=x, weight=weight, displacement=displacement, sigma=0.05)
np.testing.assert_allclose(y, 2 * x, rtol=1e-6)
"""


def cuda_library() -> Path:
    """The library to test; skips where none was built with CUDA."""
    named = os.environ.get("DAU_CUDA_LIBRARY")
    if named:
        return Path(named).resolve()
    info = REPOSITORY / "dau_tf" / "_build_info.json"
    if not info.is_file() or not json.loads(info.read_text(encoding="utf-8")).get("cuda"):
        pytest.skip("no library was built with CUDA: see `make cuda_check`")
    return REPOSITORY / "dau_tf" / "_dau_ops.so"


def test_loads_and_registers_gpu_kernels_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    finish(start(CODE, str(cuda_library())))
