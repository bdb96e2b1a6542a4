"""Which driver an instrument has."""

from labnet.errors import WrongInstrument
from labnet_drivers.bench.generator import Keysight33500B
from labnet_drivers.bench.multimeter import Keysight34461A
from labnet_drivers.bench.session import Session
from labnet_drivers.bench.source_meter import Keithley2450

BenchDriver = Keithley2450 | Keysight34461A | Keysight33500B
_DRIVERS: tuple[type[Keithley2450] | type[Keysight34461A] | type[Keysight33500B], ...] = (
    Keithley2450,
    Keysight34461A,
    Keysight33500B,
)


def open_instrument(resource: str, library: str | None = None, timeout_s: float = 5.0) -> BenchDriver:
    """Open an instrument by its VISA resource name, as what it says it is.

    Parameters
    ----------
    resource : str
        Like ``USB0::0x05E6::0x2450::04610529::INSTR`` or ``TCPIP::192.168.0.5::INSTR``.
    library : str, optional
        VISA library as PyVISA names it, ``instruments.yaml@sim`` for one; else $PYVISA_LIBRARY, else pyvisa-py.
    timeout_s : float
        How long an answer may take.

    Returns
    -------
    Keithley2450, Keysight34461A or Keysight33500B
        Reset, its output off.

    Raises
    ------
    UnknownBoard
        Where nothing can be opened there.
    WrongInstrument
        For a model that no driver is for; nothing has been changed on it then.
    LinkError, InstrumentError
    """
    session = Session(resource, library, timeout_s)
    try:
        found = session.ask("*IDN?")
    except BaseException:
        session.close()
        raise
    for driver in _DRIVERS:
        if driver.drives(found):
            return driver(session)
    session.close()
    known = ", ".join(driver.title for driver in _DRIVERS)
    raise WrongInstrument(
        f"{resource} is {found!r}; drivers are there for {known}. Whatever has the methods of labnet.meters will do."
    )
