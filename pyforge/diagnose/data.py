"""Data examined before training: what in it keeps a model from learning, or lets it cheat."""

from __future__ import annotations

import contextlib
import math
import warnings
from dataclasses import dataclass

import numpy as np

from .verdict import ERROR, INFO, WARNING, Verdict, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Array = np.ndarray[Any, Any]

_MOST_PAIRED = 2000  # columns among which collinear ones are looked for
_MOST_ROWS = 200_000  # rows of which relations between columns are taken
_SCALER = (
    "scaler = StandardScaler().fit(X_train); X_train = scaler.transform(X_train); X_test = "
    "scaler.transform(X_test)  # scikit-learn, fitted on the training data only"
)


@dataclass
class DataReport:
    """What :func:`check_data` found.

    Attributes:
        verdicts: the findings, errors first; ``where`` is the column.
        shape: rows and columns.
        classes: how often each class occurs, if ``y`` holds classes.
    """

    verdicts: list[Verdict]
    shape: tuple[int, int]
    classes: dict[Any, int]

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return all(v.severity != ERROR for v in self.verdicts)

    def __str__(self) -> str:
        head = f"{self.shape[0]} rows, {self.shape[1]} columns"
        if self.classes:
            head += f", {len(self.classes)} classes"
        parts = [head]
        for v in self.verdicts:
            parts.append(
                f"{v.kind} ({v.severity}) at {v.where}: {v.evidence}\n  cause: {v.cause}\n"
                f"  action: {v.action}"
            )
        return "\n".join(parts if self.verdicts else [*parts, "nothing found"]) + "\n"


def check_data(
    X: Any,
    y: Any = None,
    *,
    X_test: Any = None,
    y_test: Any = None,
    names: Sequence[str] | None = None,
) -> DataReport:
    """Examine training data, and test data against it.

    Looks for values that are missing or infinite, outliers (by median and MAD), columns that are
    constant, equal, or a combination of others, columns of very different scales, rare classes,
    columns that give the target away, and rows of the test data that are in the training data.

    Args:
        X: a table of rows and columns, or one of more dimensions, of which all but the first are
            the columns: an array, a tensor, or a DataFrame of any library that has ``columns``.
        y: targets, one per row: classes (integers, strings, booleans) or numbers.
        X_test: rows of the test data, with the columns of ``X``.
        y_test: their targets.
        names: of the columns, where ``X`` has none.

    Returns:
        The findings; ``print(check_data(...))`` shows them.

    Raises:
        ValueError: if shapes or the number of names do not fit.
    """
    with np.errstate(all="ignore"):
        return _report(X, y, X_test, y_test, names)


def _report(X: Any, y: Any, X_test: Any, y_test: Any, names: Sequence[str] | None) -> DataReport:
    table, labels, text = _table(X, names)
    rows, columns = table.shape
    target = None if y is None else _vector(y, rows, "y")
    found: list[Verdict] = list(_not_numbers(text, rows))
    if not rows:
        nothing = Verdict("EMPTY", ERROR, "X", "no rows", "nothing was read", "look at the file")
        return DataReport([nothing], (0, columns), {})
    usable = np.isfinite(table)
    found += _missing(table, labels)
    facts = _Columns(table, usable)
    found += _constant(facts, labels)
    found += _outliers(table, usable, facts, labels)
    found += _scales(facts, labels)
    found += _related(table, usable, facts, labels)
    found += _repeated_rows(table)
    classes: dict[Any, int] = {}
    if target is not None:
        classes, verdicts = _classes(target, rows)
        found += verdicts
        found += _gives_away(table, usable, facts, labels, target, bool(classes))
    if X_test is not None:
        other, _, _ = _table(X_test, names)
        if other.shape[1] != columns:
            raise ValueError(f"X has {columns} columns, X_test {other.shape[1]}")
        found += _leakage(table, other)
        found += _shift(table, other, facts, labels)
        if y_test is not None and classes:
            found += _unseen(classes, _vector(y_test, len(other), "y_test"))
    found.sort(key=lambda v: v.rank)
    return DataReport(_shortened(found), (rows, columns), classes)


def _array(value: Any) -> Array:
    if hasattr(value, "to_numpy"):
        return np.asarray(value.to_numpy())
    if hasattr(value, "detach"):
        value = value.detach()
        return np.asarray(value.float().numpy() if "float16" in str(value.dtype) else value.numpy())
    return np.asarray(value)


def _table(X: Any, names: Sequence[str] | None) -> tuple[Array, list[str], dict[str, Array]]:
    """Numbers as float64 [rows, columns], names of the columns, and the columns of other kinds."""
    text: dict[str, Array] = {}
    if hasattr(X, "columns") and hasattr(X, "shape") and len(X.shape) == 2:
        kept, labels = [], []
        for name in X.columns:
            column = _array(X[name])
            numbers = _numbers(column)
            if numbers is None:
                text[str(name)] = column
            else:
                kept.append(numbers)
                labels.append(str(name))
        table = np.stack(kept, 1) if kept else np.empty((len(X), 0))
        return table, labels, text
    array = _array(X)
    if array.ndim == 0:
        raise ValueError("X must have rows, got a single number")
    array = array.reshape(len(array), math.prod(array.shape[1:]))
    numbers = _numbers(array)
    if numbers is None:
        columns = [_numbers(array[:, j]) for j in range(array.shape[1])]
        labels = list(names or (f"column {j}" for j in range(array.shape[1])))
        text = {labels[j]: array[:, j] for j, c in enumerate(columns) if c is None}
        kept = [c for c in columns if c is not None]
        table = np.stack(kept, 1) if kept else np.empty((len(array), 0))
        return table, [n for n in labels if n not in text], text
    if names is not None and len(names) != numbers.shape[1]:
        raise ValueError(f"{len(names)} names for {numbers.shape[1]} columns")
    return numbers, list(names or (f"column {j}" for j in range(numbers.shape[1]))), text


def _numbers(column: Array) -> Array | None:
    if column.dtype.kind in "fiub":
        return np.asarray(column, dtype=np.float64)
    if column.dtype.kind == "O":
        try:
            values = [np.nan if v is None else float(v) for v in column.ravel()]
        except (TypeError, ValueError):
            return None
        return np.asarray(np.reshape(np.array(values, dtype=np.float64), column.shape))
    return None


def _vector(y: Any, rows: int, what: str) -> Array:
    target = _array(y)
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if len(target) != rows:
        raise ValueError(f"{what} has {len(target)} rows, its X has {rows}")
    return target


class _Columns:
    """Per column, of its finite values: mean, standard deviation, median and MAD."""

    def __init__(self, table: Array, usable: Array) -> None:
        clean = table if usable.all() else np.where(usable, table, np.nan)
        with _quiet():
            self.low, self.high = np.nanmin(clean, 0), np.nanmax(clean, 0)
            # Of a scaled column, so that squares neither overflow nor vanish.
            scale = np.maximum(np.abs(self.low), np.abs(self.high))
            scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
            self.mean = np.nanmean(clean / scale, 0) * scale
            self.std = np.nanstd(clean / scale, 0) * scale
            self.median = np.nanmedian(clean, 0)
            self.mad = np.nanmedian(np.abs(clean - self.median), 0)
        self.known = usable.any(0)
        self.constant = self.known & (self.low == self.high)
        self.varies = self.known & ~self.constant


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns without any value
        yield


def _some(places: Array, most: int = 5) -> str:
    shown = ", ".join(str(int(i)) for i in places[:most])
    return shown + (", ..." if len(places) > most else "")


def _few(labels: list[str], most: int = 5) -> str:
    return ", ".join(labels[:most]) + (
        f" and {len(labels) - most} more" if len(labels) > most else ""
    )


def _shortened(found: list[Verdict]) -> list[Verdict]:
    """Of many verdicts of a kind, three and one that names the other columns."""
    kept: list[Verdict] = []
    for kind in dict.fromkeys((v.kind, v.severity) for v in found):
        alike = [v for v in found if (v.kind, v.severity) == kind]
        kept += alike if len(alike) <= 4 else alike[:3]
        if len(alike) > 4:
            rest, last = [v.where for v in alike[3:]], alike[3]
            kept.append(
                Verdict(
                    *kind, f"{len(rest)} more columns", f"the same as above: {_few(rest, 12)}",
                    last.cause, last.action, data={"columns": rest},
                )
            )  # fmt: skip
    return kept


def _not_numbers(text: dict[str, Array], rows: int) -> Iterator[Verdict]:
    for name, column in text.items():
        kinds = len({str(v) for v in column.tolist()})
        yield Verdict(
            "NOT_NUMERIC", WARNING, name, f"{kinds} different values that are no numbers",
            "a network takes numbers", "one-hot or an nn.Embedding of its categories"
            if kinds <= max(20, rows // 20) else "leave it out, or encode what it tells",
        )  # fmt: skip


def _missing(table: Array, labels: list[str]) -> Iterator[Verdict]:
    for kind, bad, cause, action in (
        ("NAN", np.isnan(table), "missing values; one of them makes the loss NaN",
         "SimpleImputer(strategy='median').fit(X_train) of scikit-learn, or drop these rows"),
        ("INFINITE", np.isinf(table), "a division by zero or an overflow before this data was "
         "saved", "find where it was made; np.clip only hides it"),
    ):  # fmt: skip
        counts = bad.sum(0)
        for j in np.flatnonzero(counts).tolist():
            at = np.flatnonzero(bad[:, j])
            yield Verdict(
                kind, ERROR, labels[j],
                f"{counts[j]} of {len(table)} values ({counts[j] / len(table):.1%}), in rows "
                f"{_some(at)}", cause, action,
            )  # fmt: skip


def _constant(facts: _Columns, labels: list[str]) -> Iterator[Verdict]:
    for j in np.flatnonzero(facts.constant).tolist():
        yield Verdict(
            "CONSTANT", WARNING, labels[j], f"all values are {short(float(facts.mean[j]))}",
            "it tells nothing, and standardising it divides by zero", "leave the column out",
        )  # fmt: skip


def _outliers(table: Array, usable: Array, facts: _Columns, labels: list[str]) -> Iterator[Verdict]:
    spread = 1.4826 * facts.mad  # of a normal distribution, the standard deviation
    for j in np.flatnonzero(facts.varies & (spread > 0)).tolist():
        with np.errstate(all="ignore"):
            away = np.abs(table[:, j] - facts.median[j]) / spread[j]
        far = np.flatnonzero(usable[:, j] & (away > 10))
        # A heavy tail is not an outlier: few values, far from the others.
        if not far.size or far.size > 0.02 * len(table):
            continue
        worst = int(far[np.argmax(away[far])])
        yield Verdict(
            "OUTLIERS", WARNING, labels[j],
            f"{far.size} values are more than 10 robust standard deviations from the median "
            f"{short(float(facts.median[j]))}, such as {short(float(table[worst, j]))} in row "
            f"{worst}; rows {_some(far)}",
            "errors of measurement or entry, or a heavy tail; single rows then rule the gradient",
            "look at these rows; RobustScaler of scikit-learn, np.log1p for a heavy tail, or "
            "nn.HuberLoss if it is the target",
        )  # fmt: skip


def _scales(facts: _Columns, labels: list[str]) -> Iterator[Verdict]:
    at = np.flatnonzero(facts.varies & (facts.std > 0))
    if not at.size:
        return
    std = facts.std[at]
    low, high = at[int(np.argmin(std))], at[int(np.argmax(std))]
    ratio = float(facts.std[high] / facts.std[low])
    largest = np.maximum(np.abs(facts.low), np.abs(facts.high))
    far = at[np.abs(facts.mean[at]) / 10 > std]
    if ratio > 100:
        yield Verdict(
            "SCALES", ERROR if ratio > 1e4 else WARNING, labels[high],
            f"its standard deviation is {short(float(facts.std[high]))}, that of {labels[low]} "
            f"{short(float(facts.std[low]))}: {short(ratio)} times",
            "no learning rate suits both: gradients grow with the input", _SCALER,
        )  # fmt: skip
    elif float(largest[at].max()) > 100:
        j = at[int(np.argmax(largest[at]))]
        yield Verdict(
            "SCALES", WARNING, labels[j], f"values up to {short(float(largest[j]))}",
            "initial weights are made for inputs of mean 0 and standard deviation 1", _SCALER,
        )  # fmt: skip
    elif far.size:
        j = int(far[0])
        yield Verdict(
            "SCALES", WARNING, labels[j],
            f"its mean {short(float(facts.mean[j]))} is far from 0 for its standard deviation "
            f"{short(float(facts.std[j]))}; columns like this: {far.size}",
            "the column is nearly the same number in all rows, so the bias learns first", _SCALER,
        )  # fmt: skip


def _sample(count: int) -> Array:
    if count <= _MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, _MOST_ROWS, replace=False))


def _standard(table: Array, usable: Array, facts: _Columns, at: Array) -> Array:
    """The columns ``at`` with mean 0 and length 1; what is missing counts as the mean."""
    rows = _sample(len(table))
    picked = table[np.ix_(rows, at)]
    with np.errstate(all="ignore"):
        z = (picked - facts.mean[at]) / facts.std[at]
    z[~usable[np.ix_(rows, at)] | ~np.isfinite(z)] = 0
    lengths = np.sqrt((z * z).sum(0))
    return np.asarray(z / np.where(lengths > 0, lengths, 1))


def _related(table: Array, usable: Array, facts: _Columns, labels: list[str]) -> Iterator[Verdict]:
    at = np.flatnonzero(facts.varies & (facts.std > 0))[:_MOST_PAIRED]
    if at.size < 2 or len(table) < 3:
        return
    z = _standard(table, usable, facts, at)
    like = z.T @ z
    left: list[int] = []  # positions in `at` that no earlier column equals
    for k in range(at.size):
        same = next((i for i in left if abs(like[i, k]) > 1 - 1e-6), None)
        if same is None:
            left.append(k)
            continue
        a, b = labels[at[same]], labels[at[k]]
        equal = np.array_equal(table[:, at[same]], table[:, at[k]], equal_nan=True)
        yield Verdict(
            "DUPLICATE" if equal else "COLLINEAR", WARNING, b,
            f"{'equal to' if equal else 'a multiple of'} {a}"
            + ("" if equal else f" plus a constant (correlation {like[same, k]:.6f})"),
            "it tells nothing new, and weights between the two are not determined",
            f"leave out {b} or {a}",
        )  # fmt: skip
    yield from _combinations(z[:, left], [labels[at[k]] for k in left])


def _combinations(z: Array, labels: list[str]) -> Iterator[Verdict]:
    """Columns that the ones before them determine, by Gram and Schmidt."""
    if len(z) <= z.shape[1]:  # then all are
        return
    basis = np.empty((len(z), 0))
    names: list[str] = []
    for k, name in enumerate(labels):
        rest = z[:, k] - basis @ (basis.T @ z[:, k])
        rest -= basis @ (basis.T @ rest)
        size = float(np.sqrt(rest @ rest))
        if size > 1e-6:
            basis = np.column_stack([basis, rest / size])
            names.append(name)
            continue
        weights = np.linalg.lstsq(z[:, [labels.index(n) for n in names]], z[:, k], rcond=None)[0]
        parts = [n for n, w in zip(names, weights, strict=True) if abs(w) > 1e-4]
        yield Verdict(
            "COLLINEAR", WARNING, name, f"a combination of {_few(parts)}",
            "it tells nothing new (one-hot columns that sum to one, a total beside its parts)",
            f"leave out {name}",
        )  # fmt: skip


def _keys(table: Array) -> Array:
    """Each row as a number of 64 bits; equal rows have equal ones, others nearly never do."""
    bits = np.ascontiguousarray(table + 0.0).view(np.uint64)  # -0 becomes 0
    factors = np.random.default_rng(0).integers(1, 2**63, table.shape[1], dtype=np.uint64) * 2 + 1
    keys = np.zeros(len(table), np.uint64)
    for j in range(table.shape[1]):
        mixed = (bits[:, j] ^ (bits[:, j] >> np.uint64(31))) * factors[j]
        keys += mixed ^ (mixed >> np.uint64(29))
        keys *= np.uint64(0x9E3779B97F4A7C15)
    return keys


def _repeated_rows(table: Array) -> Iterator[Verdict]:
    if table.shape[1] < 2 or len(table) < 2:
        return
    extra = len(table) - len(np.unique(_keys(table)))
    if extra > 0.05 * len(table):
        yield Verdict(
            "REPEATED_ROWS", WARNING, "rows", f"{extra} of {len(table)} rows repeat another one",
            "rows were entered twice, or columns have few values; a random split then puts equal "
            "rows into training and test data",
            "drop the copies, or split by group (GroupKFold of scikit-learn)",
        )  # fmt: skip


def _are_classes(target: Array) -> bool:
    if target.ndim != 1:
        return False
    if target.dtype.kind in "bUSO":
        return True
    if target.dtype.kind not in "iu":
        return False
    return len(np.unique(target)) <= max(20, math.isqrt(len(target)))


def _classes(target: Array, rows: int) -> tuple[dict[Any, int], list[Verdict]]:
    found: list[Verdict] = []
    if target.dtype.kind == "f":
        bad = ~np.isfinite(target.reshape(rows, -1)).all(1)
        if bad.any():
            found.append(Verdict(
                "NAN", ERROR, "y", f"{int(bad.sum())} targets are not finite, in rows "
                f"{_some(np.flatnonzero(bad))}", "missing targets; one of them makes the loss NaN",
                "drop these rows",
            ))  # fmt: skip
        values = target[np.isfinite(target)]
        if values.size and (values.min() == values.max()):
            found.append(Verdict(
                "CONSTANT", ERROR, "y", f"all targets are {short(float(values.flat[0]))}",
                "there is nothing to learn", "look at how y was made",
            ))  # fmt: skip
        elif values.size and float(values.std()) > 100:
            found.append(Verdict(
                "SCALES", WARNING, "y", f"targets have standard deviation "
                f"{short(float(values.std()))}", "the first gradients are as large as the targets",
                "train on (y - y_train.mean()) / y_train.std(), and undo it in predictions",
            ))  # fmt: skip
    if not _are_classes(target):
        return {}, found
    values, counts = np.unique(target.astype(str) if target.dtype.kind == "O" else target,
                               return_counts=True)  # fmt: skip
    classes = dict(zip(values.tolist(), counts.tolist(), strict=True))
    if len(values) == 1:
        found.append(Verdict(
            "CONSTANT", ERROR, "y", f"there is one class, {values[0]}", "there is nothing to learn",
            "look at how y was made",
        ))  # fmt: skip
        return classes, found
    rare, common = int(np.argmin(counts)), int(np.argmax(counts))
    ratio = counts[common] / counts[rare]
    if ratio > 10:
        weights = f"[{', '.join(short(rows / len(values) / c) for c in counts[:8])}"
        weights += ", ...]" if len(counts) > 8 else "]"
        found.append(Verdict(
            "IMBALANCE", ERROR if ratio > 100 else WARNING, f"class {values[rare]}",
            f"{counts[rare]} rows, of class {values[common]} {counts[common]}: {ratio:.0f} times; "
            f"always saying {values[common]} is right in {counts[common] / rows:.1%}",
            "the loss is nearly all about the common class, so the rare one is not learned",
            f"nn.CrossEntropyLoss(weight=torch.tensor({weights})), a stratified split, and a "
            "measure such as balanced accuracy",
        ))  # fmt: skip
    if counts[rare] == 1:
        found.append(Verdict(
            "RARE_CLASS", WARNING, f"class {values[rare]}",
            f"{int((counts == 1).sum())} classes have a single row",
            "it is in the training or in the test data, never in both", "drop or merge it",
        ))  # fmt: skip
    if target.dtype.kind in "iu" and (values[0] != 0 or values[-1] != len(values) - 1):
        found.append(Verdict(
            "LABELS", WARNING, "y",
            f"classes are numbered {values[0]} to {values[-1]}, {len(values)} of them",
            "cross_entropy wants 0 to classes-1",
            "y = np.unique(y_train, return_inverse=True)[1], or LabelEncoder of scikit-learn",
        ))  # fmt: skip
    return classes, found


def _gives_away(
    table: Array, usable: Array, facts: _Columns, labels: list[str], target: Array, classes: bool
) -> Iterator[Verdict]:
    at = np.flatnonzero(facts.varies & (facts.std > 0))
    if not at.size or target.ndim != 1 or len(table) < 20:
        return
    if classes:
        share = _explained(_standard(table, usable, facts, at), target[_sample(len(table))])
        what, bound = "of its variance is between the classes", 0.99
    elif target.dtype.kind in "fiu":
        y = target[_sample(len(table))].astype(np.float64)
        y = np.where(np.isfinite(y), y, np.nan)
        y = np.nan_to_num(y - np.nanmean(y))
        length = float(np.sqrt(y @ y))
        if length == 0:
            return
        share = (_standard(table, usable, facts, at).T @ y / length) ** 2
        what, bound = "of the target's variance is a multiple of it", 0.9999
    else:
        return
    for k in np.flatnonzero(share > bound).tolist():
        yield Verdict(
            "LEAKAGE", ERROR, labels[at[k]], f"{share[k]:.2%} {what}",
            "the column is made from the target, or is known only after it",
            "leave it out, unless it is known when predictions are made",
        )  # fmt: skip


def _explained(z: Array, target: Array) -> Array:
    """Of each column, the share of variance that lies between the classes."""
    _, group = np.unique(target.astype(str) if target.dtype.kind == "O" else target,
                         return_inverse=True)  # fmt: skip
    counts = np.bincount(group)
    if len(counts) < 2 or counts.max() < 3:
        return np.zeros(z.shape[1])
    sums = np.zeros((len(counts), z.shape[1]))
    np.add.at(sums, group, z)
    return np.asarray((sums * sums / counts[:, None]).sum(0))


def _leakage(table: Array, other: Array) -> Iterator[Verdict]:
    if not table.shape[1] or not len(other):
        return
    inside = np.isin(_keys(other), _keys(table))
    count = int(inside.sum())
    if not count:
        return
    share = count / len(other)
    yield Verdict(
        "LEAKAGE", ERROR if share > 0.01 else WARNING, "rows of the test data",
        f"{count} of {len(other)} ({share:.1%}) are in the training data too, such as row "
        f"{_some(np.flatnonzero(inside))}",
        "copies were there before the split, or the split overlaps",
        "drop copies before splitting; split by group if rows belong together",
    )  # fmt: skip


def _shift(table: Array, other: Array, facts: _Columns, labels: list[str]) -> Iterator[Verdict]:
    if len(other) < 20:
        return
    with _quiet():
        mean = np.nanmean(np.where(np.isfinite(other), other, np.nan), 0)
        std = np.nanstd(np.where(np.isfinite(other), other, np.nan), 0)
        moved = np.abs(mean - facts.mean) / facts.std
        grown = std / facts.std
    odd = facts.varies & ((moved > 1) | (grown > 3) | (grown < 1 / 3))
    for j in np.flatnonzero(odd).tolist():
        scaled = abs(mean[j]) < 0.1 and 0.8 < std[j] < 1.25 and (facts.std[j] > 3 or moved[j] > 1)
        yield Verdict(
            "SHIFT", WARNING, labels[j],
            f"mean {short(float(facts.mean[j]))} and standard deviation "
            f"{short(float(facts.std[j]))} in training, {short(float(mean[j]))} and "
            f"{short(float(std[j]))} in test data",
            "the test data was scaled on its own" if scaled
            else "the test data comes from somewhere else, or was scaled differently", _SCALER,
        )  # fmt: skip


def _unseen(classes: dict[Any, int], target: Array) -> Iterator[Verdict]:
    values = np.unique(target.astype(str) if target.dtype.kind == "O" else target).tolist()
    new = [v for v in values if v not in classes]
    if new:
        yield Verdict(
            "UNSEEN_CLASS", ERROR, "y_test", f"classes {new[:5]} are not in the training data",
            "the split was not stratified, or labels are coded differently",
            "train_test_split(X, y, stratify=y) of scikit-learn",
        )  # fmt: skip
    if missing := [v for v in classes if v not in values]:
        yield Verdict(
            "UNSEEN_CLASS", INFO, "y_test", f"classes {missing[:5]} are not in the test data",
            "the split was not stratified", "train_test_split(X, y, stratify=y) of scikit-learn",
        )  # fmt: skip
