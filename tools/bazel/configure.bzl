"""Finds TensorFlow's wheel, Google Highway and googletest on this machine: links, no copies, no prompts."""

_TF_PROBE = """
import tensorflow as tf
print("\\n".join([tf.sysconfig.get_include(), tf.sysconfig.get_lib(), " ".join(tf.sysconfig.get_compile_flags()[1:]), tf.__version__]))
"""

def _tf_impl(ctx):
    python = ctx.os.environ.get("PYTHON_BIN_PATH", "python3")
    probe = ctx.execute([python, "-c", _TF_PROBE], environment = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"})
    if probe.return_code:
        fail("%s cannot import TensorFlow; run `make build`, or set PYTHON_BIN_PATH.\n%s" % (python, probe.stderr))
    include, lib, flags, version = probe.stdout.strip().split("\n")[-4:]
    ctx.symlink(include, "include")
    for name in ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"]:
        ctx.symlink(lib + "/" + name, name)
    ctx.file("build_defs.bzl", "TF_COPTS = %r\nTF_VERSION = %r\n" % (flags.replace("--std", "-std").split(" "), version))

    # `includes` become -isystem: no warning of TensorFlow's stops our -Werror.
    ctx.file("BUILD", """
package(default_visibility = ["//visibility:public"])
cc_library(name = "headers", hdrs = glob(["include/**"]), includes = ["include", "include/external/farmhash_archive/src"])
cc_library(name = "framework", srcs = ["libtensorflow_framework.so.2"])
cc_library(name = "cc", srcs = ["libtensorflow_cc.so.2"])
""")

# DAU_TF_WHEEL names the installed wheel, so that a running Bazel server sees an upgrade.
tf_configure = repository_rule(implementation = _tf_impl, environ = ["DAU_TF_WHEEL", "PYTHON_BIN_PATH"], local = True)

def _find(ctx, names, folders, package):
    """The first folder that has all the names; ends with a sentence otherwise."""
    for folder in folders:
        if all([ctx.path(folder + "/" + name).exists for name in names]):
            return folder
    fail("%s not found in %s. Install it with: apt-get install %s" % (" and ".join(names), ", ".join(folders), package))

def _include_folders():
    return ["/usr/local/include", "/usr/include"]

def _lib_folders(ctx):
    multiarch = ctx.execute(["gcc", "-print-multiarch"]).stdout.strip() or "x86_64-linux-gnu"
    return ["/usr/local/lib", "/usr/lib/" + multiarch, "/usr/lib64", "/usr/lib"]

def _hwy_impl(ctx):
    include = _find(ctx, ["hwy/highway.h"], _include_folders(), "libhwy-dev")
    ctx.symlink(include + "/hwy", "include/hwy")
    ctx.symlink(Label("//tools/bazel:hwy_dispatch.cc"), "hwy_dispatch.cc")
    ctx.file("BUILD", """
cc_library(name = "hwy", srcs = ["hwy_dispatch.cc"], hdrs = glob(["include/**"]), includes = ["include"],
    copts = ["-O2", "-fvisibility=hidden"], visibility = ["//visibility:public"])
""")

hwy_configure = repository_rule(implementation = _hwy_impl, local = True)

def _gtest_impl(ctx):
    include = _find(ctx, ["gtest/gtest.h"], _include_folders(), "libgtest-dev")
    libs = _find(ctx, ["libgtest.a", "libgtest_main.a"], _lib_folders(ctx), "libgtest-dev")
    ctx.symlink(include + "/gtest", "include/gtest")
    ctx.symlink(libs + "/libgtest.a", "libgtest.a")
    ctx.symlink(libs + "/libgtest_main.a", "libgtest_main.a")
    ctx.file("BUILD", """
package(default_visibility = ["//visibility:public"])
cc_library(name = "gtest", srcs = ["libgtest.a"], hdrs = glob(["include/**"]), includes = ["include"], linkopts = ["-lpthread"], testonly = 1)
cc_library(name = "gtest_main", srcs = ["libgtest_main.a"], deps = [":gtest"], testonly = 1)
""")

gtest_configure = repository_rule(implementation = _gtest_impl, local = True)

_NO_CUDA = """
package(default_visibility = ["//visibility:public"])
cc_library(name = "cudart")
"""

_CUDA = """
package(default_visibility = ["//visibility:public"])
cc_library(name = "cudart", srcs = ["libcudart_static.a"], hdrs = glob(["include/**"]), includes = ["include"],
    linkopts = ["-ldl", "-lrt", "-lpthread"])
"""

# Oldest first. CUDA 13 has dropped the first.
_ARCHITECTURES = ["70", "75", "80", "86", "89", "90"]

def _without_cuda(ctx):
    ctx.file("build_defs.bzl", "CUDA = False\nCUDA_VERSION = \"\"\nNVCC = \"\"\nARCHITECTURES = []\n")
    ctx.file("BUILD", _NO_CUDA)

def _cuda_impl(ctx):
    if ctx.os.environ.get("DAU_CUDA", "") != "1":
        _without_cuda(ctx)
        return
    home = ctx.os.environ.get("CUDA_HOME", "") or "/usr/local/cuda"
    nvcc = home + "/bin/nvcc"

    # NVIDIA's own toolkit has lib64, PyPI's packages have lib.
    libs = [home + "/" + lib for lib in ["lib64", "lib"] if ctx.path(home + "/" + lib + "/libcudart_static.a").exists]
    if not ctx.path(nvcc).exists or not libs:
        # buildifier: disable=print
        print("CUDA was asked for, but %s has no bin/nvcc or no libcudart_static.a: building for the CPU only. " % home +
              "Set CUDA_HOME to a CUDA toolkit, or run `make build CUDA=1`, which installs one from PyPI.")
        _without_cuda(ctx)
        return
    version = ctx.execute([nvcc, "--version"])
    codes = ctx.execute([nvcc, "--list-gpu-code"])
    if version.return_code or codes.return_code:
        fail("%s does not run:\n%s%s" % (nvcc, version.stderr, codes.stderr))
    release = version.stdout.split("release ")[1].split(",")[0]
    known = [code.strip() for code in codes.stdout.split("\n")]
    architectures = [a for a in _ARCHITECTURES if "sm_" + a in known]
    ctx.symlink(home + "/include", "include")
    ctx.symlink(libs[0] + "/libcudart_static.a", "libcudart_static.a")
    ctx.file("build_defs.bzl", "CUDA = True\nCUDA_VERSION = %r\nNVCC = %r\nARCHITECTURES = %r\n" % (release, nvcc, architectures))
    ctx.file("BUILD", _CUDA)

cuda_configure = repository_rule(implementation = _cuda_impl, environ = ["CUDA_HOME", "DAU_CUDA"], local = True)
