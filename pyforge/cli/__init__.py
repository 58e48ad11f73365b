"""The commands of ``python -m pyforge``."""
