"""Automatic scaling of ECS services.

- `alarms`: CloudWatch has the alarms of the policies
"""
