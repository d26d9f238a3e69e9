"""A package index of small wheels made here, so that preparing is tested without the outside."""

import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def write_wheel(folder: Path, name: str, version: str, requires: tuple[str, ...] = (), code: str = "") -> Path:
    """Write a pure wheel with one module of the package's name."""
    project = folder / "simple" / name
    project.mkdir(parents=True, exist_ok=True)
    path = project / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": code or f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {one}\n" for one in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(file, text)
    links = "".join(
        f'<a href="{one.name}#sha256={hashlib.sha256(one.read_bytes()).hexdigest()}">{one.name}</a>'
        for one in sorted(project.glob("*.whl"))
    )
    (project / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    return path


BACKEND = """
import pathlib, re
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    text = pathlib.Path("pyproject.toml").read_text()
    name, version = (re.search(key + r' *= *"(.*)"', text)[1] for key in ("name", "version"))
    info = pathlib.Path(folder, f"{name}-{version}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    (info / "entry_points.txt").write_text(f"[console_scripts]\\n{name}-hello = {name}:hello\\n")
    return info.name
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    requests: list[str]

    def log_message(self, format: str, *args: object) -> None:
        self.requests.append(self.path)


@contextmanager
def serve_index(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder of wheels as a simple index; yields its address and the paths that were asked for."""
    requests: list[str] = []
    kind = type("Handler", (_Quiet,), {"requests": requests})
    handler = functools.partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/", requests
        finally:
            server.shutdown()


def write_tree(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a tree of text files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
