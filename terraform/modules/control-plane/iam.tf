# The execution role fetches image and secrets and writes logs; the task role is what `teal serve`
# calls AWS with. A test compares it with the calls in the code.

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

locals {
  every_role    = "arn:${local.partition}:iam::${local.account}:role/*"
  named_secrets = distinct(compact([var.secrets_arn, var.database_url_secret_arn, var.database_password_secret_arn]))
  # An ARN may go on with a JSON key, a stage and a version.
  secret_arns    = [for arn in local.named_secrets : join(":", slice(split(":", arn), 0, 7)) if length(split(":", arn)) > 6]
  parameter_arns = [for arn in local.named_secrets : arn if length(split(":", arn)) <= 6]
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${substr(var.name, 0, 20)}-execution-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "execution" {
  name = "start"
  role = aws_iam_role.execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Image"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
          Resource = "*"
        },
        {
          Sid      = "Logs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group}:*"
        },
      ],
      [for arns in [local.secret_arns] : { Sid = "Secrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = arns } if length(arns) > 0],
      [for arns in [local.parameter_arns] : { Sid = "Parameters", Effect = "Allow", Action = ["ssm:GetParameters", "ssm:GetParameter"], Resource = arns } if length(arns) > 0],
      [for arns in [var.secret_kms_key_arns] : { Sid = "Keys", Effect = "Allow", Action = ["kms:Decrypt"], Resource = arns } if length(arns) > 0],
    )
  })
}

resource "aws_iam_role" "task" {
  name_prefix        = "${substr(var.name, 0, 20)}-task-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

locals {
  in_clusters = length(var.clusters) == 0 ? {} : {
    Condition = {
      ArnEquals = {
        "ecs:cluster" = [for name in var.clusters : "arn:${local.partition}:ecs:${local.region}:${local.account}:cluster/${name}"]
      }
    }
  }

  statements = concat(
    [
      {
        Sid    = "WhatRuns"
        Effect = "Allow"
        Action = [
          "ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices", "ecs:ListTasks",
          "ecs:DescribeTasks", "ecs:DescribeTaskDefinition", "ecs:ListTagsForResource",
        ]
        Resource = "*"
      },
      {
        Sid    = "Discovery"
        Effect = "Allow"
        Action = [
          "servicediscovery:GetService", "servicediscovery:GetNamespace",
          "servicediscovery:ListNamespaces", "servicediscovery:ListServices",
          "servicediscovery:DiscoverInstances", "servicediscovery:DiscoverInstancesRevision",
        ]
        Resource = "*"
      },
      {
        Sid      = "Envoys"
        Effect   = "Allow"
        Action   = ["iam:SimulatePrincipalPolicy", "iam:GetRole"]
        Resource = length(var.envoy_role_arns) == 0 ? [local.every_role] : var.envoy_role_arns
      },
      merge(
        {
          Sid      = "Deployments"
          Effect   = "Allow"
          Action   = ["ecs:CreateService", "ecs:UpdateService", "ecs:DeleteService"]
          Resource = "*"
        },
        local.in_clusters,
      ),
      {
        Sid    = "Revisions"
        Effect = "Allow"
        # ECS knows no resources of these but of the last, whose revisions may have any name.
        Action   = ["ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition", "ecs:TagResource"]
        Resource = "*"
      },
      {
        Sid       = "Roles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = length(var.passed_role_arns) == 0 ? [local.every_role] : var.passed_role_arns
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ],
    [for on in [var.systems] : {
      Sid    = "Systems"
      Effect = "Allow"
      Action = [
        "ecs:CreateCluster", "ecs:DescribeClusters", "ecs:ListTaskDefinitions",
        "servicediscovery:CreatePrivateDnsNamespace", "servicediscovery:GetOperation",
        "servicediscovery:CreateService", "servicediscovery:DeleteService",
      ]
      Resource = "*"
    } if on],
    [for arns in [var.certificate_arns] : { Sid = "Certificates", Effect = "Allow", Action = ["acm:ExportCertificate"], Resource = arns } if length(arns) > 0],
    [for arns in [var.certificate_authority_arns] : { Sid = "Authorities", Effect = "Allow", Action = ["acm-pca:GetCertificateAuthorityCertificate"], Resource = arns } if length(arns) > 0],
    [for on in [var.cloudwatch_gates] : { Sid = "Gates", Effect = "Allow", Action = ["cloudwatch:GetMetricStatistics"], Resource = "*" } if on],
  )
}

resource "aws_iam_role_policy" "task" {
  name   = "teal"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
