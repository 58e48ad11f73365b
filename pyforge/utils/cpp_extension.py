"""Custom ops in C++: compile, cache and load them.

The user's compiler builds a small library on the C interface of ``pyforge/op.h``. The result is
kept under a hash of everything that went into it, in ``~/.cache/pyforge/extensions`` or the folder
named by the variable ``PYFORGE_CACHE_DIR``, so that the next load takes milliseconds.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = [
    "CompilationError",
    "ExtensionModule",
    "cmake_dir",
    "include_paths",
    "load",
    "load_inline",
    "load_library",
    "load_package",
    "stub",
]


class CompilationError(RuntimeError):
    """The compiler refused the source; the text has its messages."""


class ExtensionModule(ModuleType):
    """The ops of a library as attributes; ``unload()`` takes them back."""

    __file__: str

    def unload(self) -> None:
        """Forget the ops. Callables and graphs that are still in use go on working."""
        from .. import ops

        _C._unload_library(self.__name__)
        for name in [n for n in self.__dict__ if not n.startswith("__")]:
            if ops._callables.get(name) is self.__dict__[name]:
                del ops._callables[name]
            delattr(self, name)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"extension '{self.__name__}' has no op '{name}'")


def include_paths() -> list[str]:
    """The folders a compiler needs to find ``pyforge/op.h``."""
    root = _root()
    return [os.path.join(root, "include"), root]


def cmake_dir() -> str:
    """The folder for ``find_package(pyforge)``: CMake's ``pyforge_DIR``."""
    return os.path.join(_root(), "cmake", "pyforge")


def _root() -> str:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    root = os.path.join(package, "share")
    if not os.path.isdir(root):
        root = os.path.join(os.path.dirname(package), "csrc")  # a source checkout
    return root


def load_library(name: str, path: str) -> ExtensionModule:
    """Load a compiled library of ops.

    Args:
        name: of the extension; a library loaded before under this name is replaced.
        path: of the shared object.

    Raises:
        RuntimeError: if it is not such a library, has no op, or was built for another interface
            version or for a processor that this one is not.
    """
    module = ExtensionModule(name)
    module.__file__ = path
    from .. import ops

    callables = _C._load_library(name, path)
    if not callables:
        _C._unload_library(name)
        raise RuntimeError(
            f"{path}: the library has no op: register one with PF_OP, PF_UNARY_OP or their like"
        )
    module.__dict__.update(callables)
    ops._callables.update(callables)
    return module


def stub(module: ExtensionModule) -> str:
    """The text of a stub file (``.pyi``) with the signatures of an extension's ops."""
    from ._op_stub import stub

    return stub(
        module.__name__, {k: v for k, v in module.__dict__.items() if not k.startswith("__")}
    )


def load_package(name: str, directory: str) -> ExtensionModule:
    """Load the library that CMake's ``pyforge_add_ops(name ...)`` built into a package.

    Args:
        name: of the library.
        directory: of the package, with the files ``name.v2.so``, ``name.v3.so``, ... Of those the
            one for the instruction set in use is taken, or the best that it includes. After an
            editable install they lie in the folder of that name in site-packages.

    Raises:
        RuntimeError: if there is none for this processor, or it does not load.
    """
    isa = _C._op_instruction_set()
    known = ["v4", "v3", "v2"]
    fit = known[known.index(isa) :] if isa in known else [isa]
    package = os.path.basename(directory)
    folders = [directory, *(os.path.join(entry, package) for entry in sys.path)]
    for folder in folders:
        for each in fit:
            path = os.path.join(folder, f"{name}.{each}.so")
            if os.path.exists(path):
                return load_library(name, path)
    raise RuntimeError(
        f"there is no library {name}.{isa}.so in {directory} or in a folder '{package}' on "
        f"sys.path, nor one for an instruction set that {isa} includes: install the package "
        f"again, with pyforge_add_ops({name} ...) in its CMakeLists.txt"
    )


def load_inline(
    name: str,
    cpp_sources: str | Sequence[str],
    *,
    extra_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str] | None = None,
    build_directory: str | None = None,
    verbose: bool = False,
) -> ExtensionModule:
    """Compile C++ given as text, and load its ops.

    ``pyforge/op.h`` is included already, and ``pyforge/formula.h`` where one of its macros is used.

    Args:
        name: of the extension.
        cpp_sources: the source, or several that are joined.
        extra_cflags: further options of the compiler.
        extra_ldflags: further options of the linker.
        extra_include_paths: further folders of headers.
        build_directory: instead of the user's cache.
        verbose: print the command.

    Raises:
        CompilationError: with the compiler's messages.
        RuntimeError: if there is no compiler.
    """
    text = cpp_sources if isinstance(cpp_sources, str) else "\n".join(cpp_sources)
    formula = any(f"PF_{kind}_OP" in text for kind in ("UNARY", "BINARY", "TERNARY"))
    flags = ["-include", "pyforge/formula.h" if formula else "pyforge/op.h"]
    return _build(
        name, [(f"{name}.cpp", text)], [*flags, *(extra_cflags or ())], list(extra_ldflags or ()),
        list(extra_include_paths or ()), build_directory, verbose, inline=True, formula=formula,
    )  # fmt: skip


def load(
    name: str,
    sources: str | Sequence[str],
    *,
    extra_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str] | None = None,
    build_directory: str | None = None,
    verbose: bool = False,
) -> ExtensionModule:
    """Compile C++ files, each with ``#include <pyforge/op.h>``, and load their ops.

    Args and errors are those of :func:`load_inline`; ``sources`` are paths.
    """
    paths = [sources] if isinstance(sources, str) else list(sources)
    files = []
    for path in map(os.path.abspath, paths):
        with open(path, encoding="utf-8") as f:
            files.append((path, f.read()))
    return _build(
        name, files, list(extra_cflags or ()), list(extra_ldflags or ()),
        list(extra_include_paths or ()), build_directory, verbose, inline=False,
    )  # fmt: skip


def _compiler() -> list[str] | None:
    """The command of the compiler; None if there is none."""
    import shlex
    import shutil

    given = os.environ.get("CXX")
    for command in [given] if given else ["c++", "g++", "clang++"]:
        words = shlex.split(command)
        if words and (found := shutil.which(words[0])):
            return [found, *words[1:]]
    return None


def _no_compiler() -> RuntimeError:
    given = os.environ.get("CXX")
    if given:
        return RuntimeError(
            f"the variable CXX names a C++ compiler that is not there: {given}. Correct it, or "
            "unset it and c++, g++ and clang++ are tried"
        )
    return RuntimeError(
        "no C++ compiler found (tried c++, g++ and clang++). Install one, such as 'apt install "
        "g++', 'dnf install gcc-c++' or 'xcode-select --install', or name it in the variable CXX"
    )


def _identity(command: list[str]) -> str:
    """What changes when the compiler does, without running it."""
    import shutil

    parts = []
    for word in command:
        path = os.path.realpath(shutil.which(word) or word)
        if os.path.exists(path):
            status = os.stat(path)
            parts.append(f"{path}:{status.st_size}:{status.st_mtime_ns}")
        else:
            parts.append(word)
    return "|".join(parts)


def _name_of(compiler: list[str]) -> str:
    """Of the compiler itself, behind launchers such as ccache."""
    names = [os.path.basename(os.path.realpath(word)) for word in compiler if word[:1] != "-"]
    return next((n for n in reversed(names) if "clang" in n or "g++" in n or "gcc" in n), names[0])


def _set_flags(compiler: list[str], formula: bool) -> list[str]:
    clang = "clang" in _name_of(compiler)
    isa = _C._op_instruction_set()
    flags = [] if clang else ["-fno-gnu-unique"]
    if isa != "generic":
        flags.append(f"-march=x86-64-{isa}")
    if isa == "v4":
        flags.append("-mprefer-vector-width=512")
    if formula:  # the first message is about the formula, the rest about what it expands to
        gcc = ["-fmax-errors=1", "-ftrack-macro-expansion=0"]
        flags += ["-ferror-limit=1", "-fmacro-backtrace-limit=1"] if clang else gcc
    return flags


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def _headers() -> list[str]:
    include, root = include_paths()
    found = []
    for folder in (os.path.join(include, "pyforge"), os.path.join(root, "kernels")):
        found += [e.path for e in os.scandir(folder) if e.name.endswith((".h", ".inc"))]
    return sorted(found)


def _cache_root() -> str:
    given = os.environ.get("PYFORGE_CACHE_DIR")
    if given:
        return given
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "pyforge", "extensions")


def _build(
    name: str,
    files: list[tuple[str, str]],
    cflags: list[str],
    ldflags: list[str],
    include: list[str],
    build_directory: str | None,
    verbose: bool,
    inline: bool,
    formula: bool = False,
) -> ExtensionModule:
    import fcntl
    import hashlib
    import re

    if not re.fullmatch(r"\w+", name):
        raise ValueError(f"an extension's name has letters, digits and _, got {name!r}")
    common = _read(os.path.join(include_paths()[0], "pyforge", "compile_flags.txt")).decode()
    folders = [*include_paths(), *map(os.path.abspath, include)]
    digest = hashlib.sha256()
    key = [name, repr(_C._op_abi()), _C._op_instruction_set(), *common.split(), *cflags, "--"]
    for text in [*key, *ldflags, *folders, *(part for pair in files for part in pair)]:
        digest.update(text.encode() + b"\0")
    for header in _headers():
        digest.update(_read(header) + b"\0")
    root = _cache_folder(build_directory)
    source = os.path.join(root, f"{name}-{digest.hexdigest()[:20]}")

    compiler = _compiler()
    if compiler is None:
        built = _built_before(source)
        if built is None:
            raise _no_compiler()
        return load_library(name, built)
    flags = [*common.split(), "-fdiagnostics-color=never", *_set_flags(compiler, formula)]
    identity = "\0".join([_identity(compiler), *flags]).encode()
    base = f"{source}-{hashlib.sha256(identity).hexdigest()[:8]}"
    path = _library(base)
    if not os.path.exists(path):
        # The lock belongs to the process: killing a build frees it.
        with open(base + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = _library(base)
            if not os.path.exists(path):
                command = [*compiler, *flags, *cflags, *(f"-I{f}" for f in folders)]
                _compile(name, base, files, compiler, command, ldflags, inline, verbose)
                path = _library(base)
    return load_library(name, path)


def _cache_folder(given: str | None) -> str:
    root = os.path.abspath(given or _cache_root())
    try:
        os.makedirs(root, exist_ok=True)
    except OSError as error:
        raise RuntimeError(
            f"cannot write compiled extensions to {root} ({error.strerror}): name another folder "
            "in the variable PYFORGE_CACHE_DIR or in build_directory="
        ) from error
    return root


def _library(base: str) -> str:
    """The file for the user's headers as they are now."""
    import hashlib

    content = hashlib.sha256()
    for header in _read(base + ".deps").decode().splitlines():
        content.update(_read(header) + b"\0")
    return f"{base}-{content.hexdigest()[:12]}.so"


def _built_before(source: str) -> str | None:
    """A library that some compiler made of this source and the user's headers as they are now."""
    import glob

    for deps in glob.glob(glob.escape(source) + "-*.deps"):
        path = _library(deps.removesuffix(".deps"))
        if os.path.exists(path):
            return path
    return None


def _compile(
    name: str,
    base: str,
    files: list[tuple[str, str]],
    compiler: list[str],
    command: list[str],
    ldflags: list[str],
    inline: bool,
    verbose: bool,
) -> None:
    import glob
    import shutil
    import subprocess
    import tempfile

    # Only the holder of the lock is here: what is left is of a killed build, whose compiler may
    # still be writing.
    for left in glob.glob(glob.escape(base) + "-*.build"):
        shutil.rmtree(left, ignore_errors=True)
    work = tempfile.mkdtemp(".build", os.path.basename(base) + "-", os.path.dirname(base))
    try:
        running, objects = [], []
        for i, (path, text) in enumerate(files):
            if inline:
                path = os.path.join(work, path)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
            objects.append(os.path.join(work, f"{i}.o"))
            line = [*command, "-MMD", "-MF", f"{objects[-1]}.d", "-c", path, "-o", objects[-1]]
            if verbose:
                print(" ".join(line), file=sys.stderr)
            process = subprocess.Popen(
                line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=work
            )
            running.append(process)
        output = [p.communicate()[0] for p in running]
        failed = [o for p, o in zip(running, output, strict=True) if p.returncode]
        linked = os.path.join(work, "library.so")
        if not failed:
            runtime = [] if "++" in _name_of(compiler) else ["-lstdc++"]
            line = [*compiler, "-shared", *objects, "-o", linked, *ldflags, *runtime]
            done = subprocess.run(line, capture_output=True, text=True)
            failed = [done.stdout + done.stderr] if done.returncode else []
        if failed:
            text = "".join(failed).replace(work + os.sep, "") or f"{' '.join(line)} failed"
            raise CompilationError(f"the extension '{name}' does not compile:\n{text}")
        own, sources = include_paths(), {p for p, _ in files}
        headers = set()
        for o in objects:
            text = _read(o + ".d").decode().replace("\\\n", " ").partition(":")[2]
            for header in text.split():
                header = os.path.join(work, header)
                ours = header.startswith((*own, "/usr/", work)) or header in sources
                if not ours:
                    headers.add(os.path.normpath(header))
        with open(os.path.join(work, "deps"), "w", encoding="utf-8") as f:
            f.write("\n".join(sorted(headers)))
        os.replace(f.name, base + ".deps")
        os.replace(linked, _library(base))
    finally:
        shutil.rmtree(work, ignore_errors=True)
