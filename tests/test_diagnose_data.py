"""Planted faults of data are found in their column; clean data gives none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge.diagnose import check_data

Array = np.ndarray[Any, Any]
ROWS = 400


def clean() -> Array:
    return np.random.default_rng(0).normal(size=(ROWS, 6))


def put(at: Any, value: Any) -> Callable[[Array], None]:
    def change(x: Array) -> None:
        x[at] = value(x) if callable(value) else value

    return change


FAULTS: list[tuple[str, str, Callable[[Array], None]]] = [
    ("NAN", "column 2", put((7, 2), np.nan)),
    ("INFINITE", "column 3", put((9, 3), -np.inf)),
    ("CONSTANT", "column 1", put(np.s_[:, 1], 4.0)),
    ("DUPLICATE", "column 4", put(np.s_[:, 4], lambda x: x[:, 0])),
    ("COLLINEAR", "column 5", put(np.s_[:, 5], lambda x: 3 - 2 * x[:, 1])),
    ("COLLINEAR", "column 5", put(np.s_[:, 5], lambda x: x[:, 0] + x[:, 2] - 0.5 * x[:, 4])),
    ("OUTLIERS", "column 0", put((33, 0), 80.0)),
    ("SCALES", "column 2", put(np.s_[:, 2], lambda x: 1e5 * x[:, 2])),
    ("SCALES", "column 2", put(np.s_[:, 2], lambda x: 50 + x[:, 2])),
    ("REPEATED_ROWS", "rows", put(np.s_[100:200], lambda x: x[:100])),
]


@pytest.mark.parametrize("make", [np.asarray, pf.from_numpy])
@pytest.mark.parametrize(("kind", "where", "fault"), FAULTS)
def test_fault_is_found_and_nothing_else(kind: str, where: str, fault: Any, make: Any) -> None:
    x = clean()
    fault(x)
    found = check_data(make(x)).verdicts
    assert [(v.kind, v.where) for v in found] == [(kind, where)]
    assert found[0].evidence
    assert found[0].action


def test_clean_data_gives_nothing() -> None:
    rng = np.random.default_rng(1)
    x = clean()
    for y in (rng.integers(0, 3, ROWS), rng.random(ROWS) < 0.4, x[:, 0] + rng.normal(size=ROWS)):
        report = check_data(x, y, X_test=rng.normal(size=(80, 6)))
        assert report.verdicts == [], str(report)
    assert str(check_data(x)) == "400 rows, 6 columns\nnothing found\n"


def labels(counts: dict[Any, int]) -> Array:
    return np.concatenate([np.full(n, value) for value, n in counts.items()])


@pytest.mark.parametrize(
    ("counts", "kind", "where", "severity"),
    [
        ({0: 380, 1: 20}, "IMBALANCE", "class 1", "warning"),
        ({"yes": 2, "no": 398}, "IMBALANCE", "class yes", "error"),
        ({1: 200, 2: 200}, "LABELS", "y", "warning"),
        ({0: 400}, "CONSTANT", "y", "error"),
        ({0: 200, 1: 199, 2: 1}, "RARE_CLASS", "class 2", "warning"),
    ],
)
def test_classes(counts: dict[Any, int], kind: str, where: str, severity: str) -> None:
    report = check_data(clean(), labels(counts))
    assert (kind, where, severity) in [(v.kind, v.where, v.severity) for v in report.verdicts]
    assert report.classes == counts


def test_targets_that_are_numbers() -> None:
    y = np.random.default_rng(2).normal(size=ROWS) * 1e4
    y[5] = np.nan
    assert [v.kind for v in check_data(clean(), y).verdicts] == ["NAN", "SCALES"]
    assert "y_train.std()" in check_data(clean(), y).verdicts[1].action


def test_leakage() -> None:
    x, rng = clean(), np.random.default_rng(3)
    classes = rng.integers(0, 3, ROWS)
    x[:, 4] = classes + 1e-3 * x[:, 4]
    found = check_data(
        x, classes, X_test=np.concatenate([x[:8], rng.normal(size=(92, 6))])
    ).verdicts
    assert [(v.kind, v.where) for v in found][:2] == [
        ("LEAKAGE", "column 4"),
        ("LEAKAGE", "rows of the test data"),
    ]
    assert "8 of 100 (8.0%)" in found[1].evidence
    x[:, 4] = 7 * x[:, 1] - 2
    assert ("LEAKAGE", "column 1") in [(v.kind, v.where) for v in check_data(x, x[:, 4]).verdicts]


def test_test_data_of_another_kind() -> None:
    rng = np.random.default_rng(4)
    x, other = clean() * 5, rng.normal(size=(100, 6))
    y, y_test = rng.integers(0, 3, ROWS), rng.integers(0, 4, 100)
    report = check_data(x, y, X_test=other, y_test=y_test)
    kinds = [(v.kind, v.where) for v in report.verdicts]
    assert kinds[0] == ("UNSEEN_CLASS", "y_test")
    assert kinds[-1] == ("SHIFT", "3 more columns")
    assert "StandardScaler().fit(X_train)" in report.verdicts[-1].action
    assert "scaled on its own" in report.verdicts[-1].cause


def test_frame() -> None:
    pandas = pytest.importorskip("pandas")
    x = clean()
    frame = pandas.DataFrame({"age": x[:, 0], "city": ["a", "b"] * 200, "income": 1e5 * x[:, 1]})
    frame["count"] = pandas.array([None, *range(399)], dtype="Int64")
    found = {
        (v.kind, v.where)
        for v in check_data(frame, pandas.Series(["x", "y", "y", "x"] * 100)).verdicts
    }
    assert {("NOT_NUMERIC", "city"), ("SCALES", "income"), ("NAN", "count")} <= found


class Frame:
    """The least of a DataFrame, of no library."""

    columns = ("a", "b")
    shape = (ROWS, 2)

    def __getitem__(self, name: str) -> Any:
        return pf.from_numpy(
            np.where(np.arange(ROWS) == 3, np.nan, clean()[:, 0 if name == "a" else 1])
        )

    def __len__(self) -> int:
        return ROWS


def test_anything_with_columns() -> None:
    assert [v.where for v in check_data(Frame()).verdicts] == ["a", "b"]


def test_many_dimensions_empty_and_misfits() -> None:
    assert check_data(np.random.default_rng(0).normal(size=(50, 2, 3, 4))).shape == (50, 24)
    for shape in ((0, 3), (1, 3), (3, 0), (5,)):
        check_data(np.ones(shape), np.zeros(shape[0]), X_test=np.ones(shape))
    check_data(np.full((5, 2), np.nan), X_test=np.full((30, 2), np.nan))
    check_data(np.array([[1e300, -1e300], [1e-300, 3.0], [2.0, 1e308]]))
    mixed = check_data(np.array([[1, "a"], [2, "b"]], dtype=object))
    assert [(v.kind, v.where) for v in mixed.verdicts] == [("NOT_NUMERIC", "column 1")]
    for bad in (lambda: check_data(3.0), lambda: check_data(clean(), np.ones(3)),
                lambda: check_data(clean(), names=["a"]),
                lambda: check_data(clean(), X_test=np.ones((3, 2)))):  # fmt: skip
        with pytest.raises(ValueError, match=r"rows|names|columns"):
            bad()
