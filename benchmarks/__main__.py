"""`python -m benchmarks overhead [--against torch,numpy] [--only ops,mlp] [--json PATH]`."""

from __future__ import annotations

import argparse

from . import harness


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    suites = parser.add_subparsers(dest="suite", required=True)
    overhead = suites.add_parser("overhead", help="small ops, nodes, steps, import, size, depth")
    overhead.add_argument("--against", default="torch,numpy", help="libraries to compare with")
    overhead.add_argument("--only", default="", help="sections to run, by comma")
    overhead.add_argument("--json", metavar="PATH", help="write the report there too")
    overhead.add_argument("--strict", action="store_true", help="fail when a target is not met")
    args = parser.parse_args()

    harness.one_thread()
    from . import overhead as suite

    modules = suite.load([n for n in args.against.split(",") if n])
    sections = [s for s in args.only.split(",") if s] or list(suite.SECTIONS)
    unknown = set(sections) - set(suite.SECTIONS)
    if unknown:
        parser.error(f"unknown section {', '.join(unknown)}; there are {', '.join(suite.SECTIONS)}")
    about = {**harness.machine(), **harness.versions(modules)}
    print(", ".join(f"{k} {v}" for k, v in about.items()), "| one thread\n")
    rows = suite.run(modules, sections)
    print()
    harness.print_table(rows)
    if args.json:
        harness.write_json(args.json, rows, modules)
    return 1 if args.strict and any(r.met is False for r in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
