"""Evidence bundles of deployments, and what other gates would have said. All pure.

`contents` makes the bundle from what the store has, `page` shows it on one page without any other
file, with `plots`; `backtest` replays its windows against other settings.
"""
