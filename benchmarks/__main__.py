"""Measures pyforge against other libraries, in turns, and prints what was lost and what was won."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import engines, report, runner
from .case import GROUPS
from .machine import describe
from .worker import Worker

RESULTS = Path(__file__).parent / "results"


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--against", default=",".join(engines.PEERS), help="libraries, by comma")
    parser.add_argument("--threads", default="1", help="numbers of threads, by comma")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name contains this")
    parser.add_argument("--quick", action="store_true", help="a selection, under two minutes")
    parser.add_argument("--list", action="store_true", help="names of the rows, and nothing else")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the report there")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="draw the ratios there")
    parser.add_argument("--save", metavar="NAME", help="both, as NAME in benchmarks/results")
    parser.add_argument("--show", type=Path, metavar="PATH", help="print a report made before")
    parser.add_argument("--strict", action="store_true", help="fail when a target is not met")
    args = parser.parse_args(argv)
    unknown = set(args.groups) - set(GROUPS)
    if unknown:
        parser.error(f"unknown group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    args.groups = args.groups or list(GROUPS)
    args.against = [n for n in args.against.split(",") if n]
    if set(args.against) - set(engines.PEERS):
        parser.error(f"--against takes {', '.join(engines.PEERS)}")
    try:
        args.threads = sorted({int(t) for t in args.threads.split(",")})
    except ValueError:
        parser.error("--threads takes numbers, such as 1,2")
    if args.threads[0] < 1:
        parser.error("--threads takes positive numbers")
    if args.save:
        args.json = args.json or RESULTS / f"{args.save}.json"
        args.plot = args.plot or RESULTS / f"{args.save}.png"
    return args


def measure(args: argparse.Namespace) -> tuple[dict[str, object], list[report.Row]]:
    absent = [n for n in args.against if not engines.installed(n)]
    if absent:
        print(f"not installed, left out: {', '.join(absent)}", file=sys.stderr)
    names = ["pyforge", *(n for n in args.against if n not in absent), "limit"]
    workers = {t: {n: Worker(n, t) for n in names} for t in args.threads}
    start = time.perf_counter()

    def progress(row: report.Row) -> None:
        best = f"{report.times(row.best[1])} {row.best[0]}" if row.best else ""
        spent = time.perf_counter() - start
        line = (
            f"[{spent:4.0f} s] {row.group}, {row.threads}: {row.name}  {best} {report.remark(row)}"
        )
        print(line, file=sys.stderr, flush=True)

    try:
        about = describe()
        about["limits"] = [workers[t]["limit"]("rates") for t in args.threads]
        effort = runner.QUICK if args.quick else runner.FULL
        rows = []
        for group in args.groups:
            options = {"quick": args.quick, "only": args.only, "progress": progress}
            rows += runner.run_group(group, workers, effort, **options)
    finally:
        for engines_of in workers.values():
            for worker in engines_of.values():
                worker.close()
    about["seconds"] = round(time.perf_counter() - start)
    return about, rows


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    if args.list:
        for group in args.groups:
            for case in runner.select(group, args.quick, args.only):
                print(f"{group}: {case.name}")
        return 0
    about, rows = report.read(args.show) if args.show else measure(args)
    if args.json:
        report.write(args.json, about, rows)
    if args.plot:
        from .plot import draw

        draw(args.plot, about, rows)
    report.print_all(about, rows)
    wrong = any(r.wrong for r in rows)
    return 1 if wrong or (args.strict and any(r.missed for r in rows)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
