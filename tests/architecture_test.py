"""The arrows of the house: who may include or import whom, and what no file may hold.

C++:    base <- reference, direct, spectral, cuda <- dau_conv <- cc/tf;  TensorFlow in cc/tf only.
Python: dau_tf <- examples, by public names;  models and datasets don't know each other;
        examples.models <- benchmarks;  nobody else imports examples, tests or benchmarks.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_FILE_BYTES = 1 << 20
MODELS = "examples.models"
ENGINES = ("reference", "direct", "spectral", "cuda")
# What examples may name below dau_tf; everything else is reached as dau_tf.<name>.
PUBLIC_MODULES = {
    "analysis",
    "constraints",
    "export",
    "initializers",
    "optimizers",
    "pruning",
    "regularizers",
}
# Taken apart, or this file would be the first to hold them.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
    )
]


def project_files() -> list[Path]:
    """Every file git tracks or would track with the next `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip(f"not a git checkout: {result.stderr.strip()}")
    paths = (ROOT / name for name in result.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def includes(folder: str) -> Iterator[tuple[Path, str]]:
    """(file, included path) of every #include below `folder`."""
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in {".h", ".cc", ".cu", ".cuh", ".inc"}:
            for name in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.M):
                yield path.relative_to(ROOT), name


def modules(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text(), str(path))


def imports(path: Path, tree: ast.Module) -> set[str]:
    """Dotted names imported by a module: `from a import b` is a.b; relative ones made absolute."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.parts[: -node.level] if node.level else ()
            base = ".".join((*package, *filter(None, [node.module])))
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute expression; empty where it starts with anything but a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def test_kernels_do_not_know_tensorflow() -> None:
    theirs = ("tensorflow/", "tsl/", "xla/", "absl/", "Eigen/", "unsupported/Eigen", "cc/tf/")
    wrong = [(str(f), name) for f, name in includes("cc/kernels") if name.startswith(theirs)]
    assert not wrong, "cc/kernels is C++ without TensorFlow; TensorFlow belongs to cc/tf"


def test_base_includes_only_base() -> None:
    wrong = [
        (str(f), name)
        for f, name in includes("cc/kernels/base")
        if name.startswith("cc/") and not name.startswith("cc/kernels/base/")
    ]
    assert not wrong, "cc/kernels/base stands below everything else"


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_do_not_include_each_other(engine: str) -> None:
    others = tuple(f"cc/kernels/{other}/" for other in ENGINES if other != engine)
    wrong = [
        (str(f), name) for f, name in includes(f"cc/kernels/{engine}") if name.startswith(others)
    ]
    assert not wrong, "what two engines share belongs to cc/kernels/base or cc/kernels"


def test_nobody_imports_examples_tests_or_benchmarks() -> None:
    outside = ("examples", "tests", "benchmarks")
    wrong = [(str(f), n) for f, t in modules("dau_tf") for n in imports(f, t) if below(n, *outside)]
    for folder in ("examples", "benchmarks"):
        others = [name for name in outside if name != folder]
        wrong += [
            (str(f), n) for f, t in modules(folder) for n in imports(f, t) if below(n, *others)
        ]
    # What benchmarks/network.py times are the examples' networks; a copy would drift from them.
    wrong = [w for w in wrong if not (w[0].startswith("benchmarks") and below(w[1], MODELS))]
    assert not wrong


def is_private(name: str) -> bool:
    """Whether a dotted name starting at dau_tf leaves what dau_tf offers."""
    _, *rest = name.split(".")
    if any(part.startswith("_") and not part.endswith("__") for part in rest):
        return True
    # Below a module that is not public; dau_tf.dau_conv2d.__doc__ is below a function, and fine.
    inside = len(rest) > 1 and rest[0] not in PUBLIC_MODULES
    return inside and any((ROOT / "dau_tf" / stem).exists() for stem in (rest[0], rest[0] + ".py"))


@pytest.mark.parametrize("folder", ["examples", "benchmarks"])
def test_users_see_public_names_of_dau_tf(folder: str) -> None:
    wrong = []
    for path, tree in modules(folder):
        used = imports(path, tree) | {dotted(node) for node in ast.walk(tree)}
        wrong += [(str(path), name) for name in used if below(name, "dau_tf") and is_private(name)]
    assert not wrong, f"{folder} see dau_tf.<name> and its public modules only"


def test_models_and_datasets_do_not_know_each_other() -> None:
    wrong = []
    for folder, others in (
        ("models", ("datasets", "training", "deblurring", "segmentation", "classification")),
        ("datasets", ("models", "training", "deblurring", "segmentation", "classification")),
    ):
        forbidden = [f"examples.{other}" for other in others]
        wrong += [
            (str(f), name)
            for f, tree in modules(f"examples/{folder}")
            for name in imports(f, tree)
            if below(name, *forbidden)
        ]
    assert not wrong, "the studies join models and datasets"


def test_only_public_tensorflow_and_keras_itself() -> None:
    wrong = []
    for folder in ("dau_tf", "examples", "tests", "benchmarks"):
        for path, tree in modules(folder):
            used = imports(path, tree) | {dotted(node) for node in ast.walk(tree)}
            wrong += [
                (str(path), name)
                for name in used
                if below(name, "tensorflow.python", "tf.python", "tensorflow.keras", "tf.keras")
            ]
    assert not wrong, "nothing from tensorflow.python; `import keras`, not tf.keras"


def test_no_registry_host_in_any_file() -> None:
    wrong = []
    for path in project_files():
        text = path.read_bytes().decode("utf-8", errors="ignore").lower()
        wrong += [(str(path.relative_to(ROOT)), host) for host in REGISTRY_HOSTS if host in text]
    assert not wrong, "packages are named, not the host they come from"


def test_no_large_file() -> None:
    wrong = [
        (str(path.relative_to(ROOT)), path.stat().st_size)
        for path in project_files()
        if path.stat().st_size > MAX_FILE_BYTES
    ]
    assert not wrong, f"no file above {MAX_FILE_BYTES} bytes: data is downloaded or made, not kept"
