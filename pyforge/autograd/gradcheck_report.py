"""What a failed gradient check says: where, by how much, and what the mistake looks like."""

from __future__ import annotations

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

_SHOWN = 5
_SAME = 1e-3  # ratios and offsets within this are called constant


class Mismatch:
    """The derivative of one output with respect to one input, where it went wrong.

    The arrays are ``[input elements, output elements]``: the analytic derivative, the central
    differences, the disagreement of the one-sided differences, and which entries are wrong.
    """

    def __init__(
        self,
        output: int,
        output_shape: tuple[int, ...],
        input: int,
        input_shape: tuple[int, ...],
        analytic: Array,
        numeric: Array,
        jump: Array,
        bad: Mask,
    ) -> None:
        self.output, self.output_shape = output, output_shape
        self.input, self.input_shape = input, input_shape
        self.analytic, self.numeric, self.jump, self.bad = analytic, numeric, jump, bad

    def report(self, reached: bool, atol: float, other: int | None = None) -> str:
        """The text of the error.

        Args:
            reached: whether any gradient arrived at the input at all.
            atol: the absolute tolerance of the check.
            other: an input whose derivative the analytic one is instead.
        """
        wrong = int(self.bad.sum())
        lines = [
            f"Jacobian mismatch for output {self.output} with respect to input {self.input}, "
            f"{wrong} of {self.bad.size} entries differ "
            f"(output shape {self.output_shape}, input shape {self.input_shape}):"
        ]
        with np.errstate(invalid="ignore"):
            error = np.where(self.bad, abs(self.analytic - self.numeric), -1.0)
        error[np.isnan(error)] = np.inf
        for at in np.argsort(-error, axis=None, kind="stable")[: min(wrong, _SHOWN)]:
            row, column = np.unravel_index(at, error.shape)
            lines.append(self._line(int(row), int(column)))
        if wrong > _SHOWN:
            lines.append(f"  ... and {wrong - _SHOWN} more")
        if other is None:
            lines.append(self.verdict(reached, atol))
        else:
            lines.append(
                f"It is the derivative with respect to input {other}: are the two exchanged?"
            )
        return "\n".join(lines)

    def _line(self, row: int, column: int) -> str:
        a, n = float(self.analytic[row, column]), float(self.numeric[row, column])
        largest = max(abs(a), abs(n))
        relative = abs(a - n) / largest if largest else 0.0
        return (
            f"  d output{_element(column, self.output_shape)} / d "
            f"input{_element(row, self.input_shape)}: analytic {a:.6g}, numeric {n:.6g}, "
            f"relative error {relative:.1e}"
        )

    def verdict(self, reached: bool, atol: float) -> str:
        """What the mistake looks like, in one sentence."""
        a, n = self.analytic[self.bad], self.numeric[self.bad]
        if not np.isfinite(n).all():
            return "The function itself is not finite near these inputs: move them."
        if not np.isfinite(a).all():
            return "The analytic gradient is not finite: look for 0/0, log(0) or sqrt(0) in it."
        if not reached:
            return (
                "Looks like a missing term: no gradient reaches this input. Was it detached, "
                "turned into a NumPy array, or left out by backward?"
            )
        jump = self.jump[self.bad]
        if (jump > np.maximum(10 * atol, 1e-2 * abs(n))).all():
            return (
                "Looks like a kink: the differences to the left and to the right disagree here, so "
                "there is no derivative to compare with. Move the inputs away from it."
            )
        if not self.analytic.any():
            return (
                "Looks like a missing term: the analytic gradient is zero everywhere, the function "
                "does depend on this input."
            )
        return (
            self._transpose(atol)
            or self._factor(atol)
            or self._offset(atol)
            or (
                "The error has no simple form: neither a constant factor nor a transpose nor a "
                "constant offset."
            )
        )

    def _transpose(self, atol: float) -> str | None:
        shape = self.input_shape
        if len(shape) < 2 or min(shape[-2:]) < 2:
            return None
        lead, (rows, cols) = shape[:-2], shape[-2:]
        outputs = self.numeric.shape[1]
        swapped = np.swapaxes(self.numeric.reshape(*lead, rows, cols, outputs), -3, -2)
        if np.allclose(self.analytic, swapped.reshape(-1, outputs), rtol=_SAME, atol=10 * atol):
            return "Looks like a transpose: the analytic gradient has rows and columns exchanged."
        return None

    def _factor(self, atol: float) -> str | None:
        for mask, where in ((np.ones_like(self.bad), "everywhere"), (self.bad, "in these entries")):
            a, n = self.analytic[mask], self.numeric[mask]
            large = abs(n) > 100 * atol
            if not large.any():
                continue
            factor = float(np.median(a[large] / n[large]))
            if not np.allclose(a, factor * n, rtol=_SAME, atol=10 * atol):
                continue
            if large.sum() == 1 and not _is_simple(factor):
                continue
            kind = "sign" if abs(factor + 1) < _SAME else "factor"
            if abs(factor) < _SAME:
                return (
                    "Looks like a missing term: the analytic gradient is zero in these entries, "
                    "the function does depend on them."
                )
            return (
                f"Looks like a wrong {kind}: the analytic gradient is {factor:.4g} times the "
                f"numeric one {where}."
            )
        return None

    def _offset(self, atol: float) -> str | None:
        difference = (self.analytic - self.numeric)[self.bad]
        offset = float(np.median(difference))
        if np.allclose(difference, offset, rtol=_SAME, atol=10 * atol):
            what = "missing or superfluous term"
            return (
                f"Looks like a {what}: the analytic gradient is off by {offset:.4g} in each of "
                "these entries."
            )
        return None


def _is_simple(factor: float) -> bool:
    """Whether it is a small whole number or one over such."""
    size = abs(factor)
    if size < _SAME:
        return True
    ratio = size if size >= 1 else 1 / size
    return ratio < 16 and abs(ratio - round(ratio)) < _SAME * ratio


def _element(flat: int, shape: tuple[int, ...]) -> str:
    index = [int(i) for i in np.unravel_index(flat, shape)] if shape else []
    return "[" + ", ".join(str(i) for i in index) + "]" if index else ""
