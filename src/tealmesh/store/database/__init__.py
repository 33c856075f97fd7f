"""The database below the store: SQLite or PostgreSQL, its tables and formats, and copies of it."""
