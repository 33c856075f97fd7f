# One container definition, without the members that are not set.

variable "definition" {
  type = any
}

variable "log_group" {
  type = string
}

variable "region" {
  type = string
}

locals {
  it = var.definition

  all = {
    name              = local.it.name
    image             = local.it.image
    essential         = lookup(local.it, "essential", true)
    cpu               = lookup(local.it, "cpu", 0)
    memory            = lookup(local.it, "memory", null)
    memoryReservation = lookup(local.it, "memory_reservation", null)
    user              = lookup(local.it, "user", null)
    dependsOn         = lookup(local.it, "depends_on", null)
    healthCheck       = lookup(local.it, "health_check", null)
    mountPoints       = lookup(local.it, "mount_points", [])
    ulimits           = lookup(local.it, "ulimits", null)
    stopTimeout       = lookup(local.it, "stop_timeout", 20)
    portMappings      = [for port in lookup(local.it, "port", null)[*] : { containerPort = port, hostPort = port, protocol = "tcp" }]
    environment       = [for name in sort(keys(lookup(local.it, "environment", {}))) : { name = name, value = tostring(local.it.environment[name]) }]

    readonlyRootFilesystem = false

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-region"        = var.region
        "awslogs-group"         = var.log_group
        "awslogs-stream-prefix" = local.it.name
      }
    }
  }
}

output "json_map_object" {
  value = { for member, value in local.all : member => value if value != null }
}
