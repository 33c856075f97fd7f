"""Notices: people and programs are told when a deployment starts, needs them, or ends.

A notice is stored in the transaction that makes the transition (`outbox`), so that none is lost by
a crash, and is sent at least once by `sending`, in the order of the transitions, in the shape that
its target wants (`shapes`). `links` are the signed links to approve and roll back.

Start with `outbox`.
"""
