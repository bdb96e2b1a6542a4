"""Is the board in order? Before a training by measurement (`inspect`), during one by what is logged anyway (`Watch`)."""
