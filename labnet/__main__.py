"""``python -m labnet`` is the command line."""

from labnet.cli import main

main()
