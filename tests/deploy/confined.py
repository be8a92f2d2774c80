"""Run as a program: loads declarations of services where only what a file of requirements names can be imported.

confined.py REQUIREMENTS SERVICE...
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path


class Confined(MetaPathFinder):
    """Refuses the packages of distributions that are not named; the standard library and ours are free."""

    def __init__(self, named: set[str]) -> None:
        self._named = named
        self._of = packages_distributions()

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        distributions = {_plain(name) for name in self._of.get(fullname, ())}
        if distributions and not any(one in self._named or one.startswith("platekeeper") for one in distributions):
            raise ModuleNotFoundError(f"{fullname} is not installed in this image", name=fullname)
        return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().splitlines()
    sys.meta_path.insert(0, Confined({_plain(line.split("==")[0]) for line in lines if "==" in line}))
    import platekeeper.serve  # noqa: F401 - that it can be loaded is what is asked
    from platekeeper.registry import sections, service

    sections()
    for loaded in map(service, sys.argv[2:]):
        if loaded.name == "recognition" and "onnxruntime" in "".join(lines):
            from platekeeper_recognition import handlers  # noqa: F401
            from platekeeper_recognition.engines import onnx, ppocr  # noqa: F401
        sys.stdout.write(f"{loaded.name}\n")
