"""Parts of what is shown: tables that fit, changes line by line, and what is said meanwhile."""
