"""The Arduino Mega 2560: where its pins are on the chip."""

PINS = (
    *("E0", "E1", "E4", "E5", "G5", "E3", "H3", "H4", "H5", "H6"),  # 0 to 9
    *("B4", "B5", "B6", "B7", "J1", "J0", "H1", "H0", "D3", "D2"),  # 10 to 19
    *("D1", "D0", "A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7"),  # 20 to 29
    *("C7", "C6", "C5", "C4", "C3", "C2", "C1", "C0", "D7", "G2"),  # 30 to 39
    *("G1", "G0", "L7", "L6", "L5", "L4", "L3", "L2", "L1", "L0"),  # 40 to 49
    *("B3", "B2", "B1", "B0", "F0", "F1", "F2", "F3", "F4", "F5"),  # 50 to 59
    *("F6", "F7", "K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7"),  # 60 to 69
)
"""Port and bit of every pin, by its Arduino number."""
