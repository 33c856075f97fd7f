"""What workers of the control plane say as they fail, what a deployment waits for, and why Envoys
are refused, by its forms. Pure.

Such a text is what an exception says, so it is no more than a text. A test walks the sources of the
workers and wants a form for each of them. The more special forms come first.
"""

from __future__ import annotations

from tealmesh.model.ecs.forms import form

DATABASE = (
    form("the database is away ({words}): Envoys keep what they have, and nothing can be changed"),
    form("the database takes no writes ({words}): nothing can be changed"),
    form("the database {name} is away ({words}): {what}; try again"),
    form("the database {name} takes no writes ({words}): {what}; try again"),
    form("nothing was changed"),
    form("nobody knows whether it has taken the last change"),
    form("the history cannot be read: {words}"),
    form("{operation} could not be committed: {words}"),
    form("{name} refuses: {words}"),
    form(
        "the database {name} has been changed to format {present} by another version of Tealmesh, "
        "and this one writes format {format}: restart with the other one"
    ),
    form(
        "{path} was removed or replaced while it was in use: nothing that is done now will be "
        "remembered. End the tasks by `teal down`, then start over"
    ),
)
REPLICAS = (
    form(
        "deployment {number} of {service} is at transition {present}, not {before}: another "
        "control plane works on it"
    ),
    form("another control plane works on deployment {number} of group {group}"),
    form("it has ended, which it must not"),
)
CLOUD_MAP = (
    form("Cloud Map knows no service {service}: {words}"),
    form("Cloud Map throttles this account: {words}"),
    form(
        "{action} of {service} is refused ({fault}): {words}: its virtual nodes keep the "
        "instances that are known"
    ),
    form("{action} of {service} cannot be signed: {words}"),
    form("Cloud Map answers {fault}: {words}"),
    form("Cloud Map cannot be asked: {words}"),
)
OUTSIDE = (
    form("{place} cannot be asked: {words}"),
    form("{place} answers with more than {bytes} bytes"),
    form("{file} must have one line, the secret"),
    form("{file} cannot be read: {error}"),
    form("it is not text"),
    form("{program} cannot be started: {error}"),
)
"""Webhooks, commands and metrics servers."""
NOTICES = (
    form("{file} of notices.{name} has no http or https URL"),
    form("{host} of notices.{name} does not answer within {seconds} s"),
    form("{host} of notices.{name} answered {code} (this redirect is not followed): {words}"),
    form("{host} of notices.{name} answered {code} (this redirect is not followed)"),
    form("{host} of notices.{name} answered {code}: {words}"),
    form("{host} of notices.{name} answered {code}"),
    form("notices.{name}: {what}"),
    form("EventBridge took no notice: {words}"),
    form("EventBridge refused a notice: {fault}: {words}"),
)
WAITS = (
    form("the earlier tasks of {service} to stop"),
    form("the tasks of {service} with {image} to stop"),
    form("the route, which somebody else has just changed"),
    form("the routes, which somebody else has just changed"),
    form("the route to lead elsewhere: {node} has weight {weight} in it"),
    form("route {route} to lead elsewhere: {node} has weight {weight} in it"),
    form("namespace {namespace} to be created"),
    form("a retry of `terraform apply`: {words}"),
)
"""For what a deployment waits before it can go on."""
DRIVERS = (
    form(
        "there is nothing to copy side {side} from: ECS service {service} of side {other} has "
        "gone; create one of the two again"
    ),
    form("there is no namespace {namespace}: apply first"),
    form("namespace {namespace}: {words}"),
    form("there is no Cloud Map service {service}"),
    form("router {router} has no route {routes}"),
    form("task definition {family} has no container to deploy"),
    form("task definition {family} has no container {container}"),
    form("terraform: {words}"),
)
ENVOYS = (
    form("node id {node}: this Envoy belongs to {who} and may connect only as {resource}"),
    form("the task {task} is not known, or no longer"),
    form("the task {task} has stopped"),
    form("the task {task} is not {resource}"),
    form("the task {task} has the role {who}"),
    form("ECS knows no task {task} in the clusters {words}"),
    form("no container of the task {task} says for what its Envoy stands (APPMESH_RESOURCE_ARN)"),
    form("IAM does not know the role {role}"),
    form("the role {role} was deleted and created again since the credentials were issued"),
    form("an Envoy of your own cannot be {name}: the control plane starts that one"),
    form("{name} cannot be {resource}"),
    form("{resource} does not exist"),
)
"""Why an Envoy may not have the configuration that it asks for."""
WORKERS = (*DATABASE, *REPLICAS, *CLOUD_MAP, *NOTICES, *WAITS, *DRIVERS, *OUTSIDE, *ENVOYS)
