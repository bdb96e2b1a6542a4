"""Drivers of real instruments. Empty so far: boards on the bench come with the firmware and its wire protocol."""
