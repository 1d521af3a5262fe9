# The front door; `make help` lists what is behind it. Every target sets up what it needs, and is quick the second time.
PYTHON ?= python3
# The wheel .venv/ was made with; TF=tensorflow for GPUs, TF='tensorflow[and-cuda]' to get CUDA's libraries too.
TF ?= $(or $(shell cat .venv/.dau-tensorflow 2> /dev/null),tensorflow-cpu)
# 1: GPU kernels too.
CUDA ?= 0
OUT ?= demo_out
CASES ?=
BIN := .venv/bin

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup build wheel sdist demo bench test cuda_check docs lint fuzz tsan neon clean distclean

help:  ## this list
	@sed -n 's/^\([a-z_]*\):.*  ## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup:  ## system packages and .venv/ with the pinned requirements; PYTHON=python3 TF=tensorflow-cpu
	@PYTHON='$(PYTHON)' TF='$(TF)' tools/setup.sh

build: setup  ## the op library, and dau_tf importable from .venv/; CUDA=1 TF=tensorflow for GPUs
	@tools/build_library.sh $(if $(filter 1,$(CUDA)),cuda)
	@tools/install_library.sh

wheel: build  ## dist/*.whl for this minor version of TensorFlow; CUDA=1 TF=tensorflow for GPUs
	@TF='$(TF)' tools/wheel.sh wheel dist

sdist: setup  ## dist/*.tar.gz, from which pip builds a wheel by Bazel
	@tools/wheel.sh sdist dist

demo: build  ## learn to de-blur a real video, at most ten minutes; OUT=demo_out
	$(BIN)/python -m examples.deblurring.demo --out '$(OUT)'

bench: build  ## speed against other convolutions; tables, JSON and plots in runs/bench
	./bazelw build //cc/bench:fma_peak
	$(BIN)/python -m benchmarks.layer
	$(BIN)/python -m benchmarks.network

ifdef TF_VERSION
test:
	@tools/test_versions.sh '$(TF_VERSION)' '$(PYTHON)'
else
test: build  ## the C++ tests, the Python tests, docs, lint, neon; on another TensorFlow: TF_VERSION=2.20 PYTHON=python3.13
	./bazelw test //cc/... //tests/...
	$(BIN)/python -m pytest tests
	@$(MAKE) --no-print-directory docs lint neon
endif

cuda_check: setup  ## without a GPU: no spills, a CUDA library that loads, the programs of tools/gpu_check.sh
	@tools/cuda_check.sh

docs: setup  ## the documentation as a site, build/docs/index.html; a link that leads nowhere is an error
	$(BIN)/python -m sphinx --quiet --fail-on-warning --nitpicky --keep-going -c docs -d build/doctrees . build/docs

lint: setup  ## ruff, mypy, clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy benchmarks dau_tf examples
	find cc tests/cc tests/fuzz examples -name '*.h' -o -name '*.c' -o -name '*.cc' -o -name '*.cu' | xargs -r $(BIN)/clang-format --dry-run -Werror

fuzz:  ## CASES=1000000 cases of the C++ library under sanitizers, with libFuzzer; hours
	@tools/fuzz.sh $(CASES)

tsan:  ## CASES=2000 cases of the C++ library on real threads under ThreadSanitizer
	@tools/tsan.sh $(CASES)

neon:  ## that the kernels compile for 64-bit ARM
	@tools/check_neon.sh

clean:  ## remove what was built, and the choice of Bazel; .venv/ stays
	@[ ! -e bazel-out ] || ./bazelw clean
	rm -rf build dist dau_tf/_dau_ops.so dau_tf/_dau_xla.so dau_tf/_build_info.json .pytest_cache .mypy_cache .ruff_cache .bazel/launcher

distclean: clean  ## remove .venv/, .bazel/ and .cuda/ as well
	rm -rf .venv .bazel .cuda *.egg-info
