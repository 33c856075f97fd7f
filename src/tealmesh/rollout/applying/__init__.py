"""What of a teal.toml the store keeps, and what of it may change while deployments run: settings
that no AWS resource shows, groups, freezes, notices, and the removal of services.
"""
