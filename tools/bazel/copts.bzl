"""Compiler flags of our own C++; headers of others come in as system headers and warn about nothing."""

DAU_COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    # TensorFlow deprecates between minor versions what the versions before still need.
    "-Wno-deprecated-declarations",
    "-O3",
    "-fvisibility=hidden",
    # Highway's targets that would only repeat another's code: SSSE3 is SSE4's, AVX3_DL (AVX-512 with more integer
    # instructions) is AVX3's. Four are left on x86: AVX-512, AVX2 with FMA, SSE4, plain C++. On ARM NEON: SVE's vectors
    # have no size that arrays of them, our register tiles, could have.
    "-DHWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_AVX3_DL|HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)",
]

# An undefined symbol is an error when the op library is linked, not when a user loads it; only TensorFlow's
# registration, which runs from static constructors, needs to see inside, so no archive's symbol is exported.
DAU_LINKOPTS = [
    "-Wl,-z,defs",
    "-Wl,--exclude-libs,ALL",
]

# nvcc's, and through it the host compiler's. Warnings are errors; no fast math: denormals of 16 bits are kept.
NVCC_OPTS = [
    "-std=c++17",
    "-O3",
    "--expt-relaxed-constexpr",
    "-Werror=all-warnings",
    "-Xcompiler=-fPIC,-fvisibility=hidden,-Wall",
]
