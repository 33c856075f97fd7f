"""Tealmesh's own API: what the ``teal`` command calls.

It covers what the AWS APIs have no operation for: applying a teal.toml, deploying, approving and
rolling back, status, events, logs, and which Envoys run with which revision. It is an AWS JSON
API like the others, described by ``aws/models/tealmesh/2026-11-01/service-2.json`` and typed in
`model.wire`, so boto3 and the AWS CLI can call it too.

This package is only the front. Deployments run in `rollout` and Envoys are served by `xds`; `app`
hands both in as ports. Begin with `api`, then `answers` (our nouns to the model's structures) and
`events` (the audit in words).
"""
