"""`teal status -w`: a tree that fits the terminal; where there is none, a line for each change."""
