"""The HTTP front: one port that answers for every AWS API.

A request passes the guard against foreign web pages (`guard`), is assigned to a service by its
signature's scope (`signing`), and is then either read, validated and answered by one of our own
services (`wire`, `apis`) or passed to moto in a process of its own (`moto`). Who calls, and whether
that is allowed, is decided before (`callers`).

Begin with `gateway`. `clients` makes boto3 clients of the port, for the command line and for those
parts of Tealmesh that call AWS APIs themselves.
"""
