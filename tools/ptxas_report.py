"""What ptxas says of the CUDA kernels: registers, shared memory, spills, theoretical occupancy.

    python tools/ptxas_report.py [--nvcc NVCC] [--architectures 80 90] [--jobs 2] [FILE.cu ...]

Needs nvcc, no GPU. Prints a table and ends with "N passed, N failed"; a kernel fails that spills
registers, keeps anything on a stack, or leaves room for fewer blocks than it asks for by
__launch_bounds__.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WARP = 32
REGISTERS = 65536  # of an SM, all architectures below
REGISTER_UNIT = 256  # a warp's registers are handed out in multiples of it
RESERVED_SHARED = 1024  # of each block, for CUDA itself
# NVIDIA's tables of compute capabilities: threads and shared memory of an SM.
THREADS = {"70": 2048, "75": 1024, "80": 2048, "86": 1536, "89": 1536, "90": 2048}
SHARED_KB = {"70": 96, "75": 64, "80": 164, "86": 100, "89": 100, "90": 228}


@dataclass(frozen=True)
class Bounds:
    """What __launch_bounds__ promises and asks for."""

    threads: int
    blocks: int


@dataclass(frozen=True)
class Usage:
    """One kernel on one architecture."""

    kernel: str
    architecture: str
    registers: int
    stack: int
    spill_stores: int
    spill_loads: int
    static_shared: int

    def blocks(self, threads: int, dynamic_shared: int = 0) -> int:
        """Blocks that an SM holds at once."""
        warps = threads // WARP
        warp_registers = -(-self.registers * WARP // REGISTER_UNIT) * REGISTER_UNIT
        shared = self.static_shared + dynamic_shared + RESERVED_SHARED
        return min(
            REGISTERS // warp_registers // warps,
            THREADS[self.architecture] // threads,
            SHARED_KB[self.architecture] * 1024 // shared,
        )

    def occupancy(self, threads: int, dynamic_shared: int = 0) -> float:
        """Threads in flight as a part of what an SM could hold."""
        return self.blocks(threads, dynamic_shared) * threads / THREADS[self.architecture]

    def failures(self, bounds: Bounds) -> list[str]:
        """Sentences about what must not be."""
        wrong = []
        if self.spill_stores or self.spill_loads:
            wrong.append(f"spills {self.spill_stores} + {self.spill_loads} bytes")
        if self.stack:
            wrong.append(f"keeps {self.stack} bytes on a stack")
        if self.blocks(bounds.threads) < bounds.blocks:
            wrong.append(
                f"leaves room for {self.blocks(bounds.threads)} blocks, not {bounds.blocks}"
            )
        return wrong


def parse_ptxas(text: str) -> list[Usage]:
    """Reads what `ptxas -v` printed."""
    pattern = re.compile(
        r"Compiling entry function '(\S+)' for 'sm_(\d+)'"
        r".*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
        r".*?Used (\d+) registers([^\n]*)",
        re.DOTALL,
    )
    found = []
    for name, architecture, stack, stores, loads, registers, rest in pattern.findall(text):
        shared = re.search(r"(\d+) bytes smem", rest)
        found.append(
            Usage(
                name,
                architecture,
                int(registers),
                int(stack),
                int(stores),
                int(loads),
                int(shared.group(1)) if shared else 0,
            )
        )
    return found


def parse_bounds(ptx: str) -> dict[str, Bounds]:
    """Reads the launch bounds of each kernel from PTX."""
    bounds = {}
    for name, head in re.findall(r"\.entry (\w+)\((.*?)^\{", ptx, re.DOTALL | re.MULTILINE):
        threads = re.search(r"\.maxntid (\d+)", head)
        blocks = re.search(r"\.minnctapersm (\d+)", head)
        if threads is None:
            raise ValueError(f"{name} has no __launch_bounds__: its registers are not bounded")
        bounds[name] = Bounds(int(threads.group(1)), int(blocks.group(1)) if blocks else 1)
    return bounds


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Demangles, and drops namespaces and parameters.

    Two compilations of a file give its anonymous namespace two names; what is left is the same.
    """
    ordered = sorted(set(names))
    result = subprocess.run(
        ["c++filt"], input="\n".join(ordered), capture_output=True, text=True, check=True
    )
    shorts = {}
    for name, full in zip(ordered, result.stdout.splitlines(), strict=True):
        short = full.replace("(anonymous namespace)::", "").removeprefix("void ")
        short = re.sub(r"\w+::", "", short)
        shorts[name] = re.sub(r"\(.*", "", short)
    return shorts


def shared_limit() -> int:
    """The most dynamic shared memory a block asks for: kSharedBytes of launch.h."""
    text = (ROOT / "cc/kernels/cuda/launch.h").read_text(encoding="utf-8")
    found = re.search(r"kSharedBytes = (\d+) << (\d+);", text)
    if found is None:
        raise ValueError("kSharedBytes not found in cc/kernels/cuda/launch.h")
    return int(found.group(1)) << int(found.group(2))


def run(command: list[str]) -> str:
    """Returns what a command printed; raises with it when the command fails."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def compile_file(nvcc: str, source: Path, architectures: list[str], folder: Path) -> list[str]:
    """Returns [what ptxas said, PTX]."""
    flags = ["-std=c++17", "-O3", "--expt-relaxed-constexpr", "-I."]
    codes = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in architectures]
    ptx = folder / f"{source.stem}.ptx"
    fatbin = folder / f"{source.stem}.fatbin"
    said = run([nvcc, *flags, *codes, "-Xptxas", "-v", "-fatbin", str(source), "-o", str(fatbin)])
    run([nvcc, *flags, f"-arch=compute_{architectures[-1]}", "-ptx", str(source), "-o", str(ptx)])
    return [said, ptx.read_text(encoding="utf-8")]


def table(usages: list[Usage], bounds: dict[str, Bounds]) -> tuple[list[str], int]:
    """Returns the lines of the table, and how many rows failed."""
    names = short_names([*(usage.kernel for usage in usages), *bounds])
    bounds = {names[name]: bound for name, bound in bounds.items()}
    shared = shared_limit()
    lines = [
        f"| kernel | sm | registers | spills, bytes | blocks × threads | occupancy "
        f"| with {shared >> 10} KB shared | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    failed = 0
    for usage in sorted(usages, key=lambda u: (names[u.kernel], u.architecture)):
        bound = bounds[names[usage.kernel]]
        wrong = usage.failures(bound)
        failed += bool(wrong)
        lines.append(
            f"| `{names[usage.kernel]}` | {usage.architecture} | {usage.registers} "
            f"| {usage.spill_stores + usage.spill_loads} "
            f"| {usage.blocks(bound.threads)} × {bound.threads} "
            f"| {usage.occupancy(bound.threads):.0%} "
            f"| {usage.occupancy(bound.threads, shared):.0%} "
            f"| {'FAILED: ' + ', '.join(wrong) if wrong else ''} |"
        )
    return lines, failed


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="default: cc/kernels/cuda/*.cu")
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--architectures", nargs="+", help="default: all that nvcc has of ours")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    files = options.files or sorted((ROOT / "cc/kernels/cuda").glob("*.cu"))
    known = re.findall(r"sm_(\d+)", run([options.nvcc, "--list-gpu-code"]))
    architectures = options.architectures or [a for a in THREADS if a in known]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        results = list(
            pool.map(lambda f: compile_file(options.nvcc, f, architectures, Path(folder)), files)
        )
    usages = [usage for said, _ in results for usage in parse_ptxas(said)]
    bounds = {name: bound for _, ptx in results for name, bound in parse_bounds(ptx).items()}
    if not usages:
        print("ptxas reported no kernel\n0 passed, 1 failed")
        return 1
    lines, failed = table(usages, bounds)
    print("\n".join(lines))
    print(f"{len(usages) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
