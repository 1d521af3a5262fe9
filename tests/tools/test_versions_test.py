"""The other versions that `make test TF_VERSION=…` knows."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHERS = sorted(ROOT.glob("requirements-tf*.txt"))


def test_unknown_version() -> None:
    result = subprocess.run(
        [str(ROOT / "tools" / "test_versions.sh"), "2.16", "python3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "requirements-tf2.20.txt. Received: 2.16" in result.stderr


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_pins_are_exact_and_of_the_version_in_the_name(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+( ; .*)?", line) for line in lines)
    assert any(
        line.startswith(f"tensorflow-cpu=={path.stem.partition('-tf')[2]}.") for line in lines
    )
