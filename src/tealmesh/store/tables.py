"""The tables, and the names of the collections kept in ``documents``.

One table of JSON documents serves every API: specifications are stored verbatim, so columns of
their own would only restate botocore's models. What is queried is kept in memory (`View`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, MetaData, String, Table, Text

metadata = MetaData()

documents = Table(
    "documents",
    metadata,
    Column("collection", String(64), primary_key=True),
    Column("key", String(1024), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("operation", String(128), nullable=False),
    Column("changes", Text, nullable=False),
)
Index("audit_at", audit.c.at)

# Collections and their keys (parts joined by `key`).
MESHES = "appmesh.mesh"  # mesh
VIRTUAL_NODES = "appmesh.virtualNode"  # mesh, name
VIRTUAL_SERVICES = "appmesh.virtualService"  # mesh, name
VIRTUAL_ROUTERS = "appmesh.virtualRouter"  # mesh, name
ROUTES = "appmesh.route"  # mesh, router, name
VIRTUAL_GATEWAYS = "appmesh.virtualGateway"  # mesh, name
GATEWAY_ROUTES = "appmesh.gatewayRoute"  # mesh, gateway, name
LINGERING_ROUTES = "appmesh.lingeringRoute"  # mesh, router, name: deleted, served a while yet
CLIENT_TOKENS = "api.clientToken"  # service, operation, token

CERTIFICATES = "acm.certificate"  # ARN: the fingerprint of what Envoys are given of it

NAMESPACES = "servicediscovery.namespace"  # id
SD_SERVICES = "servicediscovery.service"  # id
INSTANCES = "servicediscovery.instance"  # service id, instance id
SD_OPERATIONS = "servicediscovery.operation"  # id

CLUSTERS = "ecs.cluster"  # cluster name
TASK_DEFINITIONS = "ecs.taskDefinition"  # family, revision with six digits
ECS_SERVICES = "ecs.service"  # cluster, service
SERVICE_DEPLOYMENTS = "ecs.serviceDeployment"  # cluster, service, number of the deployment
TASKS = "ecs.task"  # cluster, task id
FAMILIES = "ecs.family"  # family: its newest revision, which is never given twice
ACCOUNT_SETTINGS = "ecs.accountSetting"  # principal ARN or "default", setting name

SYSTEMS = "teal.system"  # service name: its part of teal.toml as applied
GATEWAYS = "teal.gateway"  # gateway name: its part of teal.toml as applied
IMAGES = "teal.image"  # pattern of an image name -> command
DEPLOYMENTS = "teal.deployment"  # service, deployment id
JOURNAL = "teal.journal"  # deployment id, sequence number with six digits
