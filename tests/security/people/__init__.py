"""What strangers try as people whom a proxy names."""
