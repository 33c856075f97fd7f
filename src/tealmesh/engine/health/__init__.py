"""The health of tasks as callers see it: `watch` asks, `picture` (pure) puts together what was
said. What follows from it is decided in `engine.scheduler.unusable`.
"""
