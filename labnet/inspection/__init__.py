"""Is the board in order? Before a training by measurement, during one by what is logged anyway; docs/inspection.md."""
