"""Puts this folder on the import path, for what the tests of several packages share."""

from hypothesis import settings

settings.register_profile("labnet", deadline=None)  # a shared machine's pauses are no failures
settings.load_profile("labnet")
