"""Applications that tests run as tasks: each is a program, started by its path."""
