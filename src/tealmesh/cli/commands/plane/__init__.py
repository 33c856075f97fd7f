"""Commands for a control plane itself: up, down, reset, its keys and callers, and its page."""
