"""Who calls, and what they may do: signatures, roles and their policies, sessions, people.

Begin with `front`, which the gateway asks about each request; then `policies` (pure).
"""
