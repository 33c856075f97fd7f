"""What is known of a deployment, and whether that is enough. All pure.

`preflight` is what can be known before it starts, `assess` turns numbers into the verdicts of
gates, and `evidence` keeps both for each step.

Start with `assess`.
"""
