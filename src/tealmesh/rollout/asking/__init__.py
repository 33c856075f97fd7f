"""Asks those outside whether a version is good: webhooks, commands, Prometheus and CloudWatch.

`rollout.hooks` decides what is asked and what an answer means. `others.Others` is what deployments
know of this package; it never lets one wait: what is asked is asked in tasks of its own.
"""
