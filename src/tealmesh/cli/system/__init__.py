"""The beginning and the end of a system: `teal init`, `teal delete` and `--prune`, `teal reset`."""
