"""What callers saw: windows of measurement, and the parts of a service that are watched."""
