# The control plane, `teal serve`, as an ECS service of replicas that share a PostgreSQL.
#
# Docs: docs/serve.md. Its secrets are one secret of Secrets Manager, made by `teal keys bundle`.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  api_port = 8443
  xds_port = 8444
  keys     = "/keys/teal"

  region    = data.aws_region.current.name
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  log_group = var.log_group == "" ? aws_cloudwatch_log_group.this[0].name : var.log_group

  # Where clients and Envoys find it: a load balancer if there is one, else its name in Cloud Map.
  discovered = var.discovery == null ? "" : "${var.name}.${var.discovery.name}"
  found_at   = var.load_balancer == null ? local.discovered : aws_lb.network[0].dns_name

  database_url = var.database == null ? var.database_url : join("", [
    "postgresql://${var.database.user}@",
    aws_db_instance.this[0].address,
    ":5432/postgres?${var.database.parameters}",
  ])

  allowed_hosts = distinct(compact(concat(
    var.allowed_hosts,
    [local.discovered],
    aws_lb.network[*].dns_name,
    aws_lb.application[*].dns_name,
  )))

  variables = merge(
    {
      TEAL_SERVE_REGION        = local.region
      TEAL_SERVE_ACCOUNT       = local.account
      TEAL_SERVE_KEYS          = local.keys
      TEAL_SERVE_LISTEN        = "0.0.0.0:${local.api_port}"
      TEAL_SERVE_XDS_LISTEN    = "0.0.0.0:${local.xds_port}"
      TEAL_SERVE_TLS_CERT      = "${local.keys}/tls.crt"
      TEAL_SERVE_TLS_KEY       = "${local.keys}/tls.key"
      TEAL_SERVE_ADVERTISE     = "ecs-task:${local.api_port}"
      TEAL_SERVE_ALLOWED_HOSTS = join(" ", local.allowed_hosts)
      TEAL_SERVE_STREAM_DRAIN  = tostring(var.stream_drain)
      TEAL_SERVE_LOG_FORMAT    = "json"
      # The rest of the file system is read-only.
      TMPDIR = "/keys"
    },
    local.found_at == "" ? {} : { TEAL_SERVE_XDS_ADVERTISE = "${local.found_at}:${local.xds_port}" },
    length(var.clusters) == 0 ? {} : { TEAL_SERVE_ECS_CLUSTERS = join(" ", var.clusters) },
    var.client_authority ? { TEAL_SERVE_CLIENT_CA = "${local.keys}/client-ca.crt" } : {},
    var.oidc ? { TEAL_SERVE_OIDC = "${local.keys}/oidc.json" } : {},
    local.database_url == "" ? {} : { TEAL_DATABASE = local.database_url },
    var.environment,
  )

  secrets = merge(
    { TEAL_SECRETS = var.secrets_arn },
    var.database_url_secret_arn == "" ? {} : { TEAL_DATABASE = var.database_url_secret_arn },
    var.database_password_secret_arn == "" ? {} : { PGPASSWORD = var.database_password_secret_arn },
  )

  container = {
    name                   = "teal"
    image                  = var.image
    essential              = true
    readonlyRootFilesystem = true
    # Envoys are let go one after the other, and what was begun is given up in good order.
    stopTimeout     = var.stream_drain + 15
    portMappings    = [for port in [local.api_port, local.xds_port] : { containerPort = port, hostPort = port, protocol = "tcp" }]
    mountPoints     = [{ sourceVolume = "keys", containerPath = "/keys" }]
    environment     = [for name in sort(keys(local.variables)) : { name = name, value = local.variables[name] }]
    secrets         = [for name in sort(keys(local.secrets)) : { name = name, valueFrom = local.secrets[name] }]
    linuxParameters = { capabilities = { drop = ["ALL"] } }

    # Whether it answers, not whether it is ready: one whose database is away goes on serving Envoys.
    healthCheck = {
      command     = ["CMD", "python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:4566/_teal/health', timeout=9)"]
      interval    = 15
      timeout     = 10
      retries     = 3
      startPeriod = 300
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = local.log_group
        awslogs-region        = local.region
        awslogs-stream-prefix = var.name
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  count             = var.log_group == "" ? 1 : 0
  name              = "/teal/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn == "" ? null : var.log_kms_key_arn
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([local.container])

  # Empty, and gone with the task.
  volume {
    name = "keys"
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(compact([var.database == null ? "" : "made", var.database_url, var.database_url_secret_arn])) == 1
      error_message = "Exactly one of database, database_url and database_url_secret_arn says where PostgreSQL is."
    }

    precondition {
      condition     = length(regexall("://[^/@]*:[^/@]*@", var.database_url)) == 0
      error_message = "database_url has a password, which everybody who reads the task definition would see: give database_url_secret_arn, or database_password_secret_arn beside it."
    }

    precondition {
      condition     = var.database == null || var.database_password_secret_arn != ""
      error_message = "A database that is made here needs database_password_secret_arn."
    }

    precondition {
      condition     = local.found_at != ""
      error_message = "Nobody could find it: give load_balancer, or discovery, or both."
    }
  }
}
