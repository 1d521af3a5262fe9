"""Compiler flags of our own C++; headers of others come in as system headers and warn about nothing."""

DAU_COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    # TensorFlow deprecates between minor versions what the versions before still need.
    "-Wno-deprecated-declarations",
    "-O3",
    "-fvisibility=hidden",
]

# An undefined symbol is an error when the op library is linked, not when a user loads it; only TensorFlow's
# registration, which runs from static constructors, needs to see inside, so no archive's symbol is exported.
DAU_LINKOPTS = [
    "-Wl,-z,defs",
    "-Wl,--exclude-libs,ALL",
]
