"""The profiler: what is recorded, sums and tables, traces, schedules."""

from __future__ import annotations

import gzip
import json
import re
import threading
from pathlib import Path

import pytest

import pyforge as pf
from pyforge import nn, profiler
from pyforge.autograd import profiler as older
from pyforge.library import custom_op
from pyforge.profiler import ProfilerAction, ProfilerActivity, profile, record_function


def train(model: nn.Module, optimizer: pf.optim.Optimizer, x: pf.Tensor) -> None:
    with record_function("forward"):
        loss = (model(x) ** 2).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.fixture(scope="module")
def recorded() -> profile:
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer = pf.optim.SGD(model.parameters(), lr=0.1)
    x = pf.randn(4, 6)
    options = {"record_shapes": True, "profile_memory": True, "with_stack": True}
    with profile(activities=[ProfilerActivity.CPU], with_flops=True, **options) as prof:
        for _ in range(2):
            train(model, optimizer, x)
    return prof


def counts(prof: profile | older.profile) -> dict[str, int]:
    return {e.key: e.count for e in prof.key_averages()}


def test_ops_nodes_ranges_and_optimiser_steps_are_recorded(recorded: profile) -> None:
    found = counts(recorded)
    expected = {"forward": 2, "linear": 4, "tanh": 2, "pow": 2, "mean": 2, "backward pass": 2}
    expected |= {"TanhBackward0": 2, "AddmmBackward0": 4, "MeanBackward0": 2}
    expected |= {
        "Optimizer.step#SGD.step": 2,
        "sgd_step": 2,
        "Optimizer.zero_grad#SGD.zero_grad": 2,
    }
    assert {name: found.get(name) for name in expected} == expected


def test_events_nest_in_time(recorded: profile) -> None:
    events = recorded.events()
    last = 0.0
    for event in events:
        start, end = event.time_range.start, event.time_range.end
        assert last <= start <= end
        last = start
        assert all(
            start <= c.time_range.start <= c.time_range.end <= end for c in event.cpu_children
        )
        assert 0 <= event.self_cpu_time_total <= event.cpu_time_total
    linear = next(e for e in events if e.name == "linear")
    assert linear.cpu_parent.name == "forward"
    node = next(e for e in events if e.name == "TanhBackward0")
    assert node.cpu_parent.name == "backward pass"
    top = sum(e.cpu_time_total for e in events if e.cpu_parent is None)
    assert events.self_cpu_time_total == pytest.approx(top)
    assert top <= events.duration_us


def test_shapes_flops_memory_and_source(recorded: profile) -> None:
    events = recorded.events()
    linear, tanh = (next(e for e in events if e.name == name) for name in ("linear", "tanh"))
    assert linear.input_shapes == [[4, 6], [5, 6], [5]]
    assert next(e for e in events if e.name == "pow").input_shapes == [[4, 3], []]
    assert linear.flops == 2 * 4 * 6 * 5
    assert tanh.flops == 0
    assert tanh.cpu_memory_usage >= 4 * 5 * 4
    assert "train" in linear.stack[0]
    assert linear.stack[0].startswith(__file__)
    node = next(e for e in events if e.name == "TanhBackward0")
    assert node.input_shapes == [[4, 5]]
    assert node.forward is tanh
    assert node.stack == tanh.stack


def test_sums_and_tables(recorded: profile) -> None:
    shapes = recorded.key_averages(group_by_input_shape=True)
    assert sorted(e.input_shapes for e in shapes if e.key == "linear") == [
        "[[4, 5], [3, 5], [3]]",
        "[[4, 6], [5, 6], [5]]",
    ]
    lines = recorded.key_averages(group_by_stack_n=1)
    assert {len(e.stack) for e in lines if e.key == "linear"} == {1}
    averages = recorded.key_averages()
    text = averages.table(sort_by="self_cpu_time_total", row_limit=3)
    names = sorted(averages, key=lambda e: -e.self_cpu_time_total)[:3]
    rows = text.splitlines()
    assert [row.split("  ")[0].strip() or row.split()[0] for row in rows[3:6]]
    for row, event in zip(rows[3:6], names, strict=True):
        assert event.key in row
    for title in ("Self CPU %", "CPU total", "CPU time avg", "CPU Mem", "# of Calls", "FLOPs"):
        assert title in rows[1]
    assert "Self CPU time total" in text
    assert averages.total_average().count == len(recorded.events())
    assert averages.total_average().self_cpu_time_total == pytest.approx(
        averages.self_cpu_time_total
    )
    assert "Source Location" in lines.table()
    assert "linear" not in recorded.events().table(top_level_events_only=True, row_limit=-1)
    with pytest.raises(AttributeError, match="speed"):
        averages.table(sort_by="speed")


def test_a_name_inside_itself_counts_once_in_the_total() -> None:
    with profile() as prof, record_function("outer"), record_function("outer"):
        pf.ones(3)
    outer = next(e for e in prof.key_averages() if e.key == "outer")
    first = next(e for e in prof.events() if e.name == "outer")
    assert outer.count == 2
    assert outer.cpu_time_total == first.cpu_time_total


@pytest.mark.parametrize("suffix", ["json", "json.gz"])
def test_chrome_trace(recorded: profile, tmp_path, suffix: str) -> None:
    path = tmp_path / f"trace.{suffix}"
    recorded.add_metadata("run", "a")
    recorded.add_metadata_json("sizes", "[1, 2]")
    recorded.export_chrome_trace(path)
    data = path.read_bytes()
    trace = json.loads(gzip.decompress(data) if suffix.endswith("gz") else data)
    assert trace["run"] == "a"
    assert trace["sizes"] == [1, 2]
    rows = trace["traceEvents"]
    calls = [row for row in rows if row["ph"] == "X"]
    assert [row["name"] for row in calls] == [e.name for e in recorded.events()]
    assert {row["cat"] for row in calls} == {"cpu_op", "user_annotation"}
    linear = next(row for row in calls if row["name"] == "linear")
    assert linear["args"]["Input Dims"] == [[4, 6], [5, 6], [5]]
    starts = {row["id"] for row in rows if row["ph"] == "s"}
    assert starts == {row["id"] for row in rows if row["ph"] == "f"}
    assert len(starts) >= 8  # four nodes of each pass
    assert any(row["ph"] == "C" for row in rows)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with pytest.raises(FileNotFoundError):
        recorded.export_chrome_trace(tmp_path / "no" / "trace.json")


def test_stacks_for_flame_graphs(recorded: profile, tmp_path) -> None:
    path = tmp_path / "stacks.txt"
    recorded.export_stacks(path)
    for line in path.read_text().splitlines():
        stack, value = line.rsplit(" ", 1)
        assert int(value) > 0
        assert ";" in stack
    with pytest.raises(ValueError, match="metric should be one of"):
        recorded.export_stacks(path, "count")
    with profile() as plain:
        pf.ones(2)
    with pytest.raises(ValueError, match="with_stack=True"):
        plain.export_stacks(path)


CYCLE = ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"]


def test_schedule() -> None:
    plan = profiler.schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    assert [plan(i).name for i in range(11)] == ["NONE", *CYCLE, *CYCLE, "NONE", "NONE"]
    plan = profiler.schedule(wait=2, warmup=0, active=1, skip_first_wait=1)
    assert [plan(i) is ProfilerAction.RECORD_AND_SAVE for i in range(5)] == [1, 0, 0, 1, 0]
    with pytest.raises(ValueError, match="Invalid profiler schedule arguments"):
        profiler.schedule(wait=1, warmup=1, active=0)


def test_steps_of_a_schedule(tmp_path) -> None:
    seen: list[list[str]] = []

    def ready(prof: profile) -> None:
        seen.append([e.name for e in prof.events() if e.kind == "step"])
        profiler.tensorboard_trace_handler(str(tmp_path / "log"), "w")(prof)

    plan = profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=plan, on_trace_ready=ready, acc_events=True) as prof:
        for _ in range(9):
            pf.ones(2) + 1
            prof.step()
    assert seen[0] == ["ProfilerStep#2", "ProfilerStep#3"]
    assert seen[1] == ["ProfilerStep#2", "ProfilerStep#3", "ProfilerStep#6", "ProfilerStep#7"]
    assert counts(prof)["add"] == 4
    starts = [e.time_range.start for e in prof.events()]
    assert starts == sorted(starts)
    names = sorted(p.name for p in (tmp_path / "log").iterdir())
    assert len(names) == 2
    assert all(n.startswith("w.") and n.endswith(".pt.trace.json") for n in names)


def test_older_profiler() -> None:
    prof = older.profile(record_shapes=True)
    assert str(prof) == "<unfinished profiler_profile>"
    with pytest.raises(RuntimeError, match="didn't finish"):
        prof.key_averages()
    with prof:
        x = pf.ones(3, requires_grad=True)
        x.exp().sum().backward()
    assert {"ones", "exp", "sum", "ExpBackward0", "AccumulateGrad"} <= set(counts(prof))
    assert prof.total_average().count == len(prof.function_events)
    assert "exp" in str(prof)
    with older.profile(enabled=False) as off:
        pf.ones(3)
    assert off.function_events is None


def test_record_function_as_decorator_with_args_and_in_any_order() -> None:
    @record_function("named", "extra")
    def work() -> pf.Tensor:
        return pf.ones(2).exp()

    first, second = record_function("first"), record_function("second")
    with profile() as prof:
        work()
        first.__enter__()
        second.__enter__()
        first.__exit__()
        pf.ones(2)
        second.__exit__()
        pf.zeros(2)
    events = {e.name: e for e in prof.events()}
    assert events["named"].args == "extra"
    assert events["exp"].cpu_parent is events["named"]
    assert events["zeros"].cpu_parent is None
    assert events["second"].time_range.end > events["first"].time_range.end
    work()  # nothing is recorded, and nothing goes wrong


def test_ranges_that_outlive_a_recording_or_an_error() -> None:
    late = record_function("late")
    with profile() as prof:
        late.__enter__()
        with pytest.raises(KeyError, match="x"), record_function("failed"):
            raise KeyError("x")
        with pytest.raises(RuntimeError, match="size"):
            pf.ones(2) + pf.ones(3)
    with profile() as other:
        late.__exit__()  # of the first recording
        pf.ones(1)
    assert set(counts(prof)) >= {"late", "failed", "add"}
    assert counts(other) == {"ones": 1}


def test_threads_have_rows_of_their_own() -> None:
    def work() -> None:
        with record_function("in thread"):
            pf.ones(3).exp()

    with profile() as prof, record_function("main"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    events = {e.name: e for e in prof.events()}
    assert events["in thread"].cpu_parent is None
    assert events["in thread"].thread != events["main"].thread
    assert events["exp"].cpu_parent is events["in thread"]


def test_every_way_to_call_an_op_is_recorded_and_ends_with_the_recording() -> None:
    class Mine(pf.Tensor):
        pass

    def calls() -> None:
        a, b = pf.ones(2, 2), pf.ones(2, 2)
        a @ b, -a, a**2, a < b, a[0], a.mul(b), pf.mul(a, b)
        a += b
        a[0] = 1.0
        a.sum().item()
        a.to(pf.float64)
        Mine([1.0]) + 1

    calls()
    with profile() as prof:
        calls()
    calls()
    found = counts(prof)
    expected = {"matmul": 1, "neg": 1, "pow": 1, "lt": 1, "index": 1, "mul": 2, "add_": 1}
    expected |= {"index_put_": 1, "sum": 1, "item": 1, "to": 1, "add": 1, "ones": 2}
    assert {name: found.get(name) for name in expected} == expected


def test_one_recording_at_a_time() -> None:
    with profile() as prof:
        with pytest.raises(RuntimeError, match="already enabled"), older.profile():
            pass
        pf.ones(2)
    assert counts(prof) == {"ones": 1}
    with pytest.raises(RuntimeError, match="recorded nothing"):
        profile().key_averages()
    with pytest.warns(UserWarning, match="CUDA is not available"):
        profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])


def test_user_optimisers_and_hooks_of_steps() -> None:
    class Mine(pf.optim.SGD):
        def step(self, closure=None):  # type: ignore[no-untyped-def]
            return super().step(closure)

    w = pf.ones(2, requires_grad=True)
    w.grad = pf.ones(2)
    optimizer = Mine([w], lr=0.1)
    order: list[str] = []
    optimizer.register_step_post_hook(lambda *_: order.append("hook"))
    scheduler = pf.optim.lr_scheduler.StepLR(optimizer, 1)
    plain = Mine.step
    with profile() as prof:
        optimizer.step()
    assert Mine.step is plain
    scheduler.step()
    assert order == ["hook"]
    assert counts(prof)["Optimizer.step#Mine.step"] == 2  # its own, and the one it calls
    assert counts(prof)["sgd_step"] == 1


def test_custom_ops_and_functions_in_python_appear_by_name() -> None:
    class Twice(pf.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            return x * 2

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def]
            return g * 2

    x = pf.ones(3, requires_grad=True)
    plus_one = custom_op("profiled::plus_one", lambda x: x + 1)
    with profile() as prof:
        Twice.apply(x).sum().backward()
        plus_one(x.detach())
    events = {e.name: e for e in prof.events()}
    assert [c.name for c in events["profiled::plus_one"].cpu_children] == ["add"]
    assert "TwiceBackward" in events
    assert any(c.name == "mul" for c in events["TwiceBackward"].cpu_children)


def test_blocks_of_the_documentation(tmp_path, monkeypatch) -> None:
    page = Path(__file__).parent.parent / "docs" / "profiler.md"
    if not page.exists():
        pytest.skip("needs the repository")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
        exec(compile(block, "profiler.md", "exec"), scope)
    assert (tmp_path / "trace.json").exists()
    assert len(list((tmp_path / "log").iterdir())) == 2
