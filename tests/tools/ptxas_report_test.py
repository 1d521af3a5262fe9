"""The report of registers and spills fails where it must."""

import pytest

from tools import ptxas_report
from tools.ptxas_report import Bounds, Usage

SAID = """
ptxas info    : Compiling entry function '_Z4goodPf' for 'sm_90'
ptxas info    : Function properties for _Z4goodPf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 128 registers, used 1 barriers, 512 bytes smem
ptxas info    : Compiling entry function '_Z3badPf' for 'sm_86'
ptxas info    : Function properties for _Z3badPf
    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers, 404 bytes cmem[0]
"""
PTX = """
.visible .entry _Z4goodPf(
	.param .u64 _Z4goodPf_param_0
)
.maxntid 256
.minnctapersm 2
{
	ret;
}
.visible .entry _Z3badPf(
	.param .u64 _Z3badPf_param_0
)
.maxntid 256, 1, 1
{
	ret;
}
"""


def test_reads_what_ptxas_says() -> None:
    assert ptxas_report.parse_ptxas(SAID) == [
        Usage("_Z4goodPf", "90", 128, 0, 0, 0, 512),
        Usage("_Z3badPf", "86", 255, 16, 8, 12, 0),
    ]
    assert ptxas_report.parse_bounds(PTX) == {
        "_Z4goodPf": Bounds(256, 2),
        "_Z3badPf": Bounds(256, 1),
    }


def test_a_spill_fails() -> None:
    lines, failed = ptxas_report.table(
        ptxas_report.parse_ptxas(SAID), ptxas_report.parse_bounds(PTX)
    )
    assert failed == 1
    assert [line for line in lines if "FAILED" in line] == [
        "| `bad` | 86 | 255 | 20 | 1 × 256 | 17% | 17% "
        "| FAILED: spills 8 + 12 bytes, keeps 16 bytes on a stack |"
    ]


def test_too_few_blocks_fail() -> None:
    usage = Usage("k", "90", 136, 0, 0, 0, 0)
    assert usage.failures(Bounds(256, 2)) == ["leaves room for 1 blocks, not 2"]


@pytest.mark.parametrize(
    ("architecture", "registers", "dynamic_shared", "blocks"),
    [
        ("90", 32, 0, 8),  # threads: 2048
        ("86", 32, 0, 6),  # threads: 1536
        ("90", 128, 0, 2),  # registers
        ("86", 32, 48 << 10, 2),  # shared memory: 100 KB
        ("75", 32, 48 << 10, 1),  # 64 KB
    ],
)
def test_occupancy(architecture: str, registers: int, dynamic_shared: int, blocks: int) -> None:
    usage = Usage("k", architecture, registers, 0, 0, 0, 0)
    assert usage.blocks(256, dynamic_shared) == blocks


def test_a_kernel_without_launch_bounds_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no __launch_bounds__"):
        ptxas_report.parse_bounds(".entry k(\n)\n{\n}\n")


def test_the_most_shared_memory_is_that_of_the_kernels() -> None:
    assert ptxas_report.shared_limit() == 48 << 10
