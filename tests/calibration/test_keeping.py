"""Where calibrations are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from labnet import calibration
from labnet.addresses import open_board
from labnet.errors import CalibrationExpired, CalibrationMismatch, NotACalibration, NotCalibrated


def later(found, seconds, **changes):
    created = found.created + timedelta(seconds=seconds)
    return type(found)(**{**found.to_dict(), "created": created, **changes})


def test_what_is_stored_is_what_was_found(lab, of_lab):
    path = calibration.save(of_lab)
    assert calibration.load(path).to_dict() == of_lab.to_dict()
    assert calibration.newest(lab).to_dict() == of_lab.to_dict()


def test_the_newest_counts_and_older_ones_stay(lab, of_lab):
    first = calibration.save(of_lab)
    text = first.read_text()
    newest = later(of_lab, 10)
    paths = [calibration.save(each) for each in (newest, later(of_lab, 5), of_lab)]
    assert len({first, *paths}) == 4
    assert first.read_text() == text
    assert calibration.newest(lab).created == newest.created


def test_each_board_has_its_own(of_lab):
    calibration.save(of_lab)
    for other in ("seed=12&preset=lab&comparator=pair&gate=oscillator", "seed=11&preset=lab&comparator=pair"):
        with open_board(f"sim://twin16?{other}") as board:
            assert calibration.newest(board) is None
            with pytest.raises(NotCalibrated, match="labnet calibrate"):
                calibration.applied(board)
            with pytest.raises(CalibrationMismatch, match="is of a board with"):
                calibration.applied(board, of_lab)


@pytest.mark.parametrize(
    "damage", [lambda text: text[: len(text) // 2], lambda text: '{"format": 1}', lambda text: "[]"]
)
def test_a_damaged_file_is_named(lab, of_lab, damage):
    path = calibration.save(of_lab)
    path.write_text(damage(path.read_text()))
    with pytest.raises(NotACalibration, match=path.name):
        calibration.applied(lab)


def test_a_newer_format_is_refused(of_lab):
    path = calibration.save(of_lab)
    path.write_text(path.read_text().replace('"format": 1', '"format": 99', 1))
    with pytest.raises(NotACalibration, match="newer labnet"):
        calibration.load(path)


def test_an_expired_one_is_used_and_says_since_when(lab, of_lab):
    until = datetime.now(UTC) - timedelta(days=3)
    calibration.save(later(of_lab, 0, expires=until))
    with pytest.warns(CalibrationExpired, match=f"{until:%Y-%m-%d}"):
        board = calibration.applied(lab)
    assert board.calibration.expired
