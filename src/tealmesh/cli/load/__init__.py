"""`teal load`: `run` sends requests with the generator of the demo, `summary` adds up answers.

The generator itself is `cli.demo.load`, which the demo runs as a process of its own.
"""
