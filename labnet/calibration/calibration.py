"""All that one calibration of a board found, as data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from labnet.board import Board
from labnet.calibration.results import Comparators, Converters, GateCurve, Pots, Settling
from labnet.data import Data

FORMAT_VERSION = 1


def identity(board: Board) -> dict[str, str]:
    """Give what tells a board from others: model, serial, network, and a digest of its parts."""
    parts = json.dumps(asdict(board.info)["parts"], sort_keys=True, default=str)
    return {
        "model": board.info.model,
        "serial": board.info.serial,
        "network": board.network.digest,
        "parts": hashlib.sha256(parts.encode()).hexdigest()[:12],
    }


class Calibration(Data):
    """What a calibration of one board found; what was not measured is None.

    Parameters
    ----------
    board : mapping of str to str
        Which one: model, serial, digests of its network and parts.
    created, expires : datetime
    seconds : float
        How long it took.
    seed : int
        Of the random waits.
    meter : str
        What was measured with.
    made_with : mapping
        Versions, platform, state of the working directory.
    not_done : mapping of str to str
        Why what was asked for is missing.
    """

    format: int = FORMAT_VERSION
    board: Mapping[str, str]
    created: datetime
    expires: datetime
    seconds: float = Field(ge=0)
    seed: int
    meter: str
    made_with: Mapping[str, Any]
    not_done: Mapping[str, str] = {}
    converters: Converters | None = None
    gate: GateCurve | None = None
    pots: Pots | None = None
    comparators: Comparators | None = None
    settling: Settling | None = None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return datetime.now(UTC) > self.expires

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data, as JSON takes it."""
        return self.model_dump(mode="json")
