"""A keeper as a program of its own; `keeper` starts it. Arguments: a descriptor, the settings."""

from __future__ import annotations

import logging
import os
import socket
import sys

from tealmesh.aws.moto.apart import limits
from tealmesh.aws.moto.apart.keeper import Settings, keep
from tealmesh.model.plane.logs import FORMAT


def main() -> None:
    settings = Settings.from_json(sys.argv[2])
    logging.basicConfig(level=settings.level, format=FORMAT, stream=sys.stderr)
    control = socket.socket(fileno=int(sys.argv[1]))
    limits.alone(control.fileno())
    keep(control, settings, os.getppid())


if __name__ == "__main__":
    main()
