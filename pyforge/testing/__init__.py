"""Checks for ops that users write."""

from ._opcheck import OpCheckError as OpCheckError
from ._opcheck import OpCheckReport as OpCheckReport
from ._opcheck import opcheck as opcheck

__all__ = ["OpCheckError", "OpCheckReport", "opcheck"]
