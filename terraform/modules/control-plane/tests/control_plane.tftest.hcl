mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_secretsmanager_secret_version" {
    defaults = { secret_string = "sesame" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/teal" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/teal:1" }
  }

  mock_resource "aws_lb" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/teal/1"
      arn_suffix = "net/teal/1"
      dns_name   = "teal.elb.eu-central-1.amazonaws.com"
    }
  }

  mock_resource "aws_lb_target_group" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/teal/1"
      arn_suffix = "targetgroup/teal/1"
    }
  }

  mock_resource "aws_service_discovery_service" {
    defaults = { arn = "arn:aws:servicediscovery:eu-central-1:123456789012:service/srv-1" }
  }

  mock_resource "aws_db_instance" {
    defaults = { address = "teal.rds.amazonaws.com" }
  }
}

variables {
  name               = "teal"
  image              = "registry.example/teal:1"
  cluster            = "arn:aws:ecs:eu-central-1:123456789012:cluster/control"
  vpc_id             = "vpc-1"
  subnets            = ["subnet-1", "subnet-2"]
  client_cidr_blocks = ["10.0.0.0/16"]
  secrets_arn        = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:teal-1"
  database_url       = "postgresql://teal@db.internal/teal"
  load_balancer      = { subnets = ["subnet-1", "subnet-2"] }
}

run "by_a_url_behind_a_load_balancer" {
  assert {
    condition     = aws_ecs_service.this[0].desired_count == 2 && length(aws_ecs_service.scaled) == 0 && length(aws_db_instance.this) == 0
    error_message = "Two replicas, without automatic scaling or a database."
  }

  assert {
    condition     = output.xds_endpoint == "teal.elb.eu-central-1.amazonaws.com:8444" && output.api_endpoint == "https://teal.elb.eu-central-1.amazonaws.com:8443"
    error_message = "It is found at its load balancer."
  }

  assert {
    condition     = length(aws_ecs_service.this[0].load_balancer) == 2 && alltrue([for group in aws_lb_target_group.network : group.health_check[0].path == "/_teal/health"])
    error_message = "Replicas that answer are targets, for both ports."
  }

  assert {
    condition = alltrue([for name, value in {
      TEAL_DATABASE        = "postgresql://teal@db.internal/teal"
      TEAL_SERVE_ADVERTISE = "ecs-task:8443"
      TEAL_SERVE_REGION    = "eu-central-1"
      TEAL_SERVE_ACCOUNT   = "123456789012"
    } : contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, { name = name, value = value })])
    error_message = "Its options are variables."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets == [{ name = "TEAL_SECRETS", valueFrom = var.secrets_arn }]
    error_message = "Its secrets are in no variable of the definition."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && aws_lb.network[0].enable_deletion_protection && aws_lb.network[0].internal
    error_message = "As little as is needed, and protected."
  }

  assert {
    condition     = sort(keys(aws_cloudwatch_metric_alarm.this)) == tolist(["answering-api", "answering-xds", "cpu", "memory"])
    error_message = "An alarm for each that somebody has to look at."
  }
}

run "with_a_database" {
  variables {
    database_url                 = ""
    database                     = { instance_class = "db.t4g.medium", subnets = ["subnet-1", "subnet-2"] }
    database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:password-1"
  }

  assert {
    condition     = aws_db_instance.this[0].multi_az && aws_db_instance.this[0].deletion_protection && aws_db_instance.this[0].storage_encrypted
    error_message = "In two zones, protected, encrypted."
  }

  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, { name = "TEAL_DATABASE", value = "postgresql://teal@teal.rds.amazonaws.com:5432/postgres?sslmode=require" })
    error_message = "Its URL has no password."
  }

  assert {
    condition     = contains([for secret in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : secret.name], "PGPASSWORD")
    error_message = "The password is a secret."
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.this), "database-storage")
    error_message = "The database has alarms."
  }
}

run "found_by_its_name" {
  variables {
    load_balancer = null
    discovery     = { id = "ns-1", name = "shop.local" }
    clusters      = ["shop"]
  }

  assert {
    condition     = output.xds_endpoint == "teal.shop.local:8444" && length(aws_ecs_service.this[0].service_registries) == 1
    error_message = "Its name is in the namespace."
  }

  assert {
    condition = anytrue([for statement in jsondecode(aws_iam_role_policy.task.policy).Statement :
      contains(statement.Action, "ecs:UpdateService") && try(statement.Condition.ArnEquals["ecs:cluster"][0], "") == "arn:aws:ecs:eu-central-1:123456789012:cluster/shop"
    ])
    error_message = "It deploys in these clusters alone."
  }
}

run "scaled" {
  variables {
    autoscaling = { min = 3, max = 6 }
  }

  assert {
    condition     = length(aws_ecs_service.this) == 0 && aws_appautoscaling_target.this[0].resource_id == "service/control/teal-scaled"
    error_message = "By its CPU."
  }
}

run "behind_a_login" {
  variables {
    oidc = true
    api_load_balancer = {
      subnets         = ["subnet-1", "subnet-2"]
      security_groups = ["sg-1"]
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
      oidc = {
        issuer                 = "https://login.example.com"
        authorization_endpoint = "https://login.example.com/authorize"
        token_endpoint         = "https://login.example.com/token"
        user_info_endpoint     = "https://login.example.com/me"
        client_id              = "teal"
        client_secret          = "sesame"
      }
    }
  }

  assert {
    condition     = join(" ", [for action in aws_lb_listener.application[0].default_action : action.type]) == "authenticate-oidc forward" && aws_lb_target_group.application[0].protocol == "HTTPS"
    error_message = "People log in at the load balancer."
  }
}

run "no_database" {
  command         = plan
  expect_failures = [aws_ecs_task_definition.this]

  variables {
    database_url = ""
  }
}

run "a_password_that_everybody_sees" {
  command         = plan
  expect_failures = [aws_ecs_task_definition.this]

  variables {
    database_url = "postgresql://teal:sesame@db.internal/teal"
  }
}

run "nobody_finds_it" {
  command         = plan
  expect_failures = [aws_ecs_task_definition.this]

  variables {
    load_balancer = null
  }
}

run "all_in_one_zone" {
  command         = plan
  expect_failures = [aws_ecs_service.this]

  variables {
    subnets = ["subnet-1"]
  }
}
