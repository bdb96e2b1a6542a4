"""Looking at runs while they are written: the page and the terminal view of ``labnet watch``."""
