"""What thousands of short runs share."""

from collections.abc import Iterator
from functools import cache

import pytest

from labnet.runs import identity


@pytest.fixture(scope="package", autouse=True)
def _ask_git_once() -> Iterator[None]:
    """Versions and git state go into every run; asking takes longer than a short training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "made_with", cache(identity.made_with))
        yield
