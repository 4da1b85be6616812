"""What is installed of what the rows need, and in which version."""

import functools
import importlib.metadata
import importlib.util
import json
import pathlib
import platform
import shutil
import subprocess
import tomllib

HERE = pathlib.Path(__file__).resolve().parent


def present(need):
    """Whether a tool, or a library of a language, is installed."""
    kind, _, name = need.rpartition(":")
    match kind:
        case "pip":
            return importlib.util.find_spec(name) is not None
        case "npm":
            return (HERE / "node" / "node_modules" / name).is_dir()
        case "file":
            return pathlib.Path(name).exists()
        case "perl":
            return loads("perl", f"-M{name}", "-e1")
        case "ruby":
            return loads("ruby", f"-r{name}", "-e1")
        case _:
            return shutil.which(name) is not None


@functools.cache
def loads(*command):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return shutil.which(command[0]) is not None and subprocess.run(command, **quiet).returncode == 0


@functools.cache
def version(source):
    """The version of what a row is about, from where it was installed."""
    kind, _, name = source.rpartition(":")
    match kind:
        case "pip":
            return importlib.metadata.version(name)
        case "npm":
            return json.loads((HERE / "node" / "node_modules" / name / "package.json").read_text())["version"]
        case "crate":
            packages = tomllib.loads((HERE / "rust" / "Cargo.lock").read_text())["package"]
            return next(package["version"] for package in packages if package["name"] == name)
        case "deb":
            asked = ["dpkg-query", "-W", "-f", "${Version}", name]
            return subprocess.run(asked, capture_output=True, text=True).stdout or "of unknown version"
    if name == "python":
        return platform.python_version()
    return subprocess.run([name, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
