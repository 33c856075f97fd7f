"""The one exception tree of the package.

    TealError                       what Tealmesh refuses or cannot do; its text is for the user
    ├── AwsError                    an API answers with an error: a code, a message, more members
    │   └── NotKnownYet             by what is known of ECS, which may be of a moment ago
    ├── ConfigError                 a value in teal.toml: file, key, value and what is allowed
    ├── CertificateError            ACM does not provide what an Envoy needs
    ├── TranslationError            a mesh cannot be translated to Envoy resources
    ├── EngineError                 a task cannot be started or looked after
    │   ├── DockerUnavailable       Docker does not answer
    │   └── DockerRefused           Docker answers with an error
    ├── DriverError                 a rollout's call failed, for now or for good
    │   ├── NoSuchResource          AWS does not know the resource
    │   ├── NoSuchOperation         the endpoint does not know the operation
    │   ├── ChangedMeanwhile        it has another version than the one that was read
    │   └── NotYet                  something else has to happen first: ask again
    ├── NoticeError                 a notice of a deployment could not be sent
    ├── LinkError                   a signed link of a notice is not good
    ├── DatabaseAway                the database does not answer; nothing can be written
    ├── OutsideError                a webhook, command or metrics server could not be asked
    ├── InvariantError              the rollout machine has a bug; nothing was changed
    ├── EnvoyUnknown                an Envoy does not prove who it is
    ├── EnvoyForbidden              an Envoy proves to be another than it says, or may not be it
    ├── EnvoyUnverified             nobody can say at present whether an Envoy may be what it is
    ├── ProofRefused                a presigned GetCallerIdentity, or an OIDC token, proves nothing
    ├── ProofUnverified             STS, or an issuer's keys, cannot be asked whose one is
    ├── Behind                      this replica does not have yet what the database has
    ├── TooManyStreams              a stream of an Envoy, or of a stranger, is one too many
    ├── DiscoveryError              Cloud Map could not be asked for a service's instances
    │   ├── DiscoveryRefused        it does not let us ask
    │   ├── DiscoveryThrottled      it was asked too often
    │   └── NoSuchService           it does not know the service
    ├── Fenced                  another control plane works on the deployment by now
    ├── LeaseLost                   another replica holds the lease, or may hold it soon
    ├── TemplateUnknown             a template alone does not say a value
    ├── MotoEnded                   the process of the other AWS services has ended
    ├── DeploymentHeld              a deployment waits for a person's decision
    ├── TerraformFailed             Terraform could not plan or apply a deployment's step
    └── NoControlPlane              nothing answers at the endpoint, or not Tealmesh

Seven exceptions are no errors of this kind: each steers the module that defines it and is caught
there or by its worker.

    Exception
    ├── aws.gateway._Disconnected        the caller hung up while sending its request
    ├── http2.frames.Broken              a client broke the protocol: its connection ends
    ├── http2.hpack.TooLarge             a client's headers are larger than what is allowed
    ├── http2.serving._Aborted           a handler has ended its call with a status
    ├── xds.streams.conversation.Refused a stream ends with this gRPC status
    ├── engine.task.record.TaskGone      the task's document was deleted
    └── sqlalchemy.exc.SQLAlchemyError
        └── store.database.opening.Unwritten  a database that answers did not take a write

Catch `TealError` where a user reads the message, and a class below it where the program reacts.
Errors of other libraries are wrapped where they arise, with ``from``: callers see only this tree.
A test walks the package and compares it with this drawing.
"""

from __future__ import annotations

from typing import Any


class TealError(Exception):
    """Base of every error that Tealmesh raises on purpose; ``str()`` is one plain line."""


class AwsError(TealError):
    """An error of an AWS API, as the service's model names it.

    The codec takes the HTTP status from the model.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        """Name of the error shape, such as ``NotFoundException``."""
        self.message = message
        self.status = status
        """HTTP status for codes that the model does not list (``UnknownOperationException``)."""
        self.members = members
        """Further members of the error shape."""


class NotKnownYet(AwsError):
    """A refusal by what is known here of another ECS. That is read now and then, and Terraform may
    have made what is missing a moment ago. Raised before anything has changed.
    """


class ConfigError(TealError):
    """A value of teal.toml that cannot be used."""

    def __init__(self, file: str, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{file}: {key} = {value!r}: must be {allowed}")
        self.file = file
        self.key = key
        """Dotted path of the key, such as ``services.web.port``."""
        self.value = value
        self.allowed = allowed
        """What would be right, completing "must be …"."""


class CertificateError(TealError):
    """ACM does not provide what an Envoy needs; the text says for which ARN, and why."""


class TranslationError(TealError):
    """The mesh does not define the proxy, or the translation contradicts itself."""


class EngineError(TealError):
    """A task cannot be started or looked after; the text says what the user can do."""


class DockerUnavailable(EngineError):
    """Nothing answers on Docker's socket, or the connection broke. Containers keep running."""


class DockerRefused(EngineError):
    """Docker answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the answer."""


class DriverError(TealError):
    """A driver could not do its part of a rollout."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable
        """Whether the same call may succeed later."""

    def answered(self) -> AwsError:
        """As an operation of an API answers it."""
        if self.retryable:
            return AwsError("InternalServerError", f"{self}; try again", status=500)
        return AwsError("BadRequestException", str(self))


class NoSuchResource(DriverError):
    """The resource that a call names does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class NoSuchOperation(DriverError):
    """The endpoint does not know the operation: it is AWS, or an earlier version of Tealmesh."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class ChangedMeanwhile(DriverError):
    """A conditional write was refused: the resource has another version than the one read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


class NotYet(DriverError):
    """Nothing is wrong, but something else has to happen first; the same call succeeds later."""

    def __init__(self, waiting_for: str) -> None:
        super().__init__(f"waiting for {waiting_for}", retryable=True)
        self.waiting_for = waiting_for
        """What has to happen, completing "waiting for …"."""


class NoticeError(TealError):
    """A notice of a deployment could not be sent; it is tried again."""


class LinkError(TealError):
    """A signed link of a notice is not ours, or too late; nothing was done."""


class DatabaseAway(TealError):
    """The database does not answer, or accepts no writes at present. What is known goes on, and the
    same write succeeds once it is back.
    """


class OutsideError(TealError):
    """A webhook, command or metrics server could not be asked: that says nothing of a version."""


class InvariantError(TealError):
    """The rollout machine was about to break one of its invariants; nothing was changed."""


class EnvoyUnknown(TealError):
    """An Envoy does not prove who it is; the text is for whoever runs it."""


class EnvoyForbidden(TealError):
    """An Envoy proves to be another than it says, or may not be what it is. The text is for
    whoever runs it.
    """

    def __init__(self, message: str, *, name: str = "", by_role: bool = False) -> None:
        super().__init__(message)
        self.name = name
        """What it proved to be, where nobody else knows that."""
        self.by_role = by_role
        """Whether that is what the policies of its role say."""


class EnvoyUnverified(TealError):
    """Whoever knows whether an Envoy may be what it is cannot be asked at present."""


class ProofRefused(TealError):
    """A presigned ``sts:GetCallerIdentity`` or an OIDC token proves nothing, or is not for us."""


class ProofUnverified(TealError):
    """STS cannot be asked at present whose a presigned ``sts:GetCallerIdentity`` is, or the keys of
    an issuer of tokens cannot be had.
    """


class Behind(TealError):
    """This replica does not have yet what the database has; an Envoy is served better elsewhere."""


class TooManyStreams(TealError):
    """A stream is one too many; the text is for whoever opened it."""


class DiscoveryError(TealError):
    """Cloud Map could not be asked for the instances of a service; what is known of them stays."""


class DiscoveryRefused(DiscoveryError):
    """Cloud Map does not let us ask; the text names the action and the service."""


class DiscoveryThrottled(DiscoveryError):
    """Cloud Map was asked too often by this account."""


class NoSuchService(DiscoveryError):
    """Cloud Map does not know a service, or its namespace, that a virtual node names."""


class LeaseLost(TealError):
    """What was to happen once over all replicas is another one's by now, or may be soon."""


class Fenced(TealError):
    """A deployment has gone on without this control plane: it must not write any more."""


class MotoEnded(TealError):
    """moto's process has ended, or was ended since it did not answer; it is started again."""


class DeploymentHeld(TealError):
    """A deployment waits for a person's decision."""


class TerraformFailed(TealError):
    """Terraform could not plan or apply a step of a deployment."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable
        """Whether it may go well later: somebody else had the state locked."""


class NoControlPlane(TealError):
    """Nothing answers at the endpoint, or what answers is not Tealmesh."""


class TemplateUnknown(TealError):
    """A value that a template alone does not say; the text says what is needed."""
