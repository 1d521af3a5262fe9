"""What the scripts for GPUs say where there is no GPU or no toolkit."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "tools" / script), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_gpu_check_without_nvcc(tmp_path: Path) -> None:
    result = run("gpu_check.sh", NVCC=str(tmp_path / "nvcc"), OUT=str(tmp_path))
    assert result.returncode == 1
    assert "nvcc not found: set NVCC or CUDA_HOME, or try --emulate" in result.stdout
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"


def test_cuda_home_takes_the_toolkit_of_the_environment(tmp_path: Path) -> None:
    nvcc = tmp_path / "bin" / "nvcc"
    nvcc.parent.mkdir()
    nvcc.write_text("#!/bin/sh\necho 'Cuda compilation tools, release 12.5, V12.5.40'\n")
    nvcc.chmod(0o755)
    library = tmp_path / "lib64" / "libcudart_static.a"
    library.parent.mkdir()
    library.touch()
    result = run("cuda_home.sh", CUDA_HOME=str(tmp_path))
    assert result.stdout.strip() == str(tmp_path)
    assert f"CUDA 12.5 in {tmp_path}" in result.stderr
