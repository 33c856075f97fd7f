"""``python -m tealmesh.cli`` is `teal`: how a detached control plane is started."""

from tealmesh.cli.main import main

main()
