"""The cases, one module per group, each with a list CASES."""
