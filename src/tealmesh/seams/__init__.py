"""What ours makes the other AWS services see, and the other way round.

moto answers those services, and nothing here knows how: each is called over HTTP at our own port,
as users call it.

- `scaling`: acts on the policies of Application Auto Scaling
"""
