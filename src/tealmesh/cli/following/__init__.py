"""What a command shows until something has happened, and how it ends then."""
