"""What others say of a deployment: webhooks and commands at its stages, queries of metrics, and
times in which nothing goes forward. Pure; `rollout.asking` asks and remembers.

`due` says which hooks are to be asked now, `answers` and `values` what an answer means, `freezing`
when a deployment waits, `content` what a hook is told, `signing` how that is signed.
"""
