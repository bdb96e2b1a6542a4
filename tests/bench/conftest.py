from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    simulated = Bench(tmp_path)
    yield simulated
    simulated.close()
