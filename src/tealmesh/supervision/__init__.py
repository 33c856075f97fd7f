"""Workers that outlive their errors, and what is known of those that fail.

- `supervisor`: runs each worker again after an error that nobody foresaw, later each time.
- `trouble`: what a failing worker's owner, and every user, is told of it.

Any package but `model` may use this one, so that no worker is outside it: a test walks the source
(`tests/supervision/test_every_worker.py`). Design note 020 has the reasons.
"""
