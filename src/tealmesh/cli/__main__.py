"""``python -m tealmesh.cli`` is `teal`; `teal up -d` and the demo start a control plane with it."""

from tealmesh.cli.main import main

main()
