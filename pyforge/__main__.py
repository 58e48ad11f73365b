"""The command line: ``python -m pyforge``."""

from __future__ import annotations

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.cmake_dir:
        from .utils.cpp_extension import cmake_dir

        print(cmake_dir())
        return 0
    if args.command is None:
        parser.error("a command is needed")
    try:
        if args.command == "demo":
            from .cli.demo import run

            return run(
                epochs=args.epochs, seed=args.seed, threads=args.threads, plot_path=args.plot
            )
        if args.command == "doctor":
            from .cli.doctor import run as examine

            return examine(
                args.script,
                args.args,
                dropin=args.dropin,
                html=args.html,
                png=args.png,
                jsonl=args.jsonl,
            )
        if args.command == "replay":
            from .diagnose import replay

            result = replay(args.file)
            print(result)
            return int(result.bad_outputs or bool(result.bad_gradients))
        if args.command == "run":
            from .dropin import run as run_script

            try:
                run_script(args.script, args.args)
            except FileNotFoundError as error:
                if error.errno is not None:  # the script's own
                    raise
                print(f"pyforge run: {error}", file=sys.stderr)
                return 2
            return 0
        if args.command == "new-op":
            from .cli.new_op import run as write_project

            return write_project(args.name, args.directory)
        from .cli.info import show

        return show()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    from . import __version__

    parser = argparse.ArgumentParser(prog="pyforge", description="Autodiff for CPUs.")
    parser.add_argument("--version", action="version", version=f"pyforge {__version__}")
    parser.add_argument(
        "--cmake-dir",
        action="store_true",
        help="print the folder for CMake's find_package(pyforge)",
    )
    commands = parser.add_subparsers(dest="command")
    demo = commands.add_parser("demo", help="train a classifier on hand-written digits")
    demo.add_argument("--epochs", type=_positive, default=20, help="passes over the data (20)")
    demo.add_argument("--seed", type=int, default=0, help="for weights, split and order (0)")
    demo.add_argument("--threads", type=_positive, help="how many threads to use")
    demo.add_argument("--plot", metavar="PATH", help="write a picture of loss and gradient flow")
    doctor = commands.add_parser("doctor", help="run a training script and say what goes wrong")
    doctor.add_argument("--html", metavar="PATH", help="write the report as a page, with pictures")
    doctor.add_argument("--png", metavar="PATH", help="write its pictures")
    doctor.add_argument("--jsonl", metavar="PATH", help="write its numbers, one JSON object a line")
    doctor.add_argument(
        "--dropin",
        action="store_true",
        help="put pyforge in the place of PyTorch even if only modules of the script import torch",
    )
    doctor.add_argument("script", help="a Python file that imports pyforge or torch")
    doctor.add_argument("args", nargs=argparse.REMAINDER, help="its arguments")
    again = commands.add_parser("replay", help="run a step again that a Monitor dumped")
    again.add_argument("file", help="from a source that you trust: it can run code")
    run = commands.add_parser("run", help="run a script written for PyTorch, unchanged")
    run.add_argument("script", help="a Python file that imports torch")
    run.add_argument("args", nargs=argparse.REMAINDER, help="passed on to the script")
    new_op = commands.add_parser("new-op", help="write a project for a custom C++ op")
    new_op.add_argument("name", help="of the op and its package, such as my_op")
    new_op.add_argument("--directory", default=".", help="where to make its folder (here)")
    commands.add_parser("info", help="show version, processor, instruction set and threads")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
