"""Amazon Resource Names of the services that Tealmesh implements.

Formats: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsappmesh.html
and the pages of Amazon ECS and AWS Cloud Map beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ACCOUNT = "123456789012"
"""The account of a one-machine control plane: moto's own, so that all services agree."""

DEFAULT_REGION = "us-east-1"

ID_CHARACTERS = 8
"""So many characters of an id are shown to people."""


@dataclass(frozen=True)
class Arn:
    """``arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE``."""

    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{self.resource}"

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Read an ARN. Raises ValueError when ``text`` is not one."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[5]:
            raise ValueError(
                f"{text!r} is not an ARN (arn:partition:service:region:account:resource)"
            )
        return cls(parts[2], parts[3], parts[4], parts[5])


def task_of(arn: str) -> tuple[str, str] | None:
    """Cluster and id in the ARN of a task; None if ``arn`` is none, as what others name is not."""
    parts = arn.split("/")
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0].endswith(":task") else None


def last_part(text: str) -> str:
    """The text after the last slash, which is the name or id in an ARN; ``text`` itself if it has
    no slash.
    """
    return text.rpartition("/")[2]


def task_name(arn: str) -> str:
    """The first characters of a task's id."""
    return last_part(arn)[:ID_CHARACTERS]
