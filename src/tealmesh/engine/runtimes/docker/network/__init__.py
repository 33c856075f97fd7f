"""The network of a task's containers: its namespace, what answers inside, and its packet filter."""
