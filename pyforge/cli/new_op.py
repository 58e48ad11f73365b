"""``python -m pyforge new-op``: a project for a custom op, ready to build and test."""

from __future__ import annotations

import keyword
import os
import sys
import tempfile
from pathlib import Path
from string import Template

_TEMPLATE = Path(__file__).resolve().parent.parent / "templates" / "new_op"


def run(name: str, directory: str) -> int:
    """Write the project ``directory/name``; returns the exit status.

    Args:
        name: of the package and its op: a Python identifier in lower case.
        directory: where the project's folder is made. A folder that exists is left alone.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        print(f"pyforge new-op: {name!r} is not a lower-case Python name", file=sys.stderr)
        return 2
    target = Path(directory) / name
    if target.exists():
        print(f"pyforge new-op: {target} exists already", file=sys.stderr)
        return 2
    Path(directory).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=f".{name}-") as temporary:
        made = Path(temporary) / name
        for source in sorted(p for p in _TEMPLATE.rglob("*") if p.is_file()):
            relative = str(source.relative_to(_TEMPLATE)).removesuffix(".in")
            path = made / relative.replace("name_", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = Template(source.read_text(encoding="utf-8")).substitute(name=name)
            path.write_text(text, encoding="utf-8")
        os.replace(made, target)
    print(f"Wrote {target}. Next:\n")
    print(f"  cd {target}")
    print("  pip install scikit-build-core cmake ninja pytest")
    print("  pip install --no-build-isolation .")
    print("  python -m pytest")
    return 0
