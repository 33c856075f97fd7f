"""Commands with `--group`: several services that are deployed together."""
