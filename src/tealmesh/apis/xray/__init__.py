"""The X-Ray API, 2016-04-12: what applications' SDKs and the X-Ray daemon send, and what is asked.

Traces are kept in memory (`tealmesh.traces`), the same that `teal traces` and the page show.
Groups, insights, sampling rules of one's own and retrievals from CloudWatch are refused by name.
Begin with `api`.
"""
