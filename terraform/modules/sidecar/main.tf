# Envoy beside an application, for a task definition of one's own.

locals {
  log = var.log_configuration == null ? {} : { logConfiguration = var.log_configuration }

  variables = merge(
    { APPMESH_RESOURCE_ARN = var.resource },
    var.xds_endpoint == "" ? {} : { APPMESH_XDS_ENDPOINT = var.xds_endpoint },
    var.tracing == "xray" ? { ENABLE_ENVOY_XRAY_TRACING = "1" } : {},
    var.environment,
  )

  envoy = merge({
    name              = "envoy"
    image             = var.image
    essential         = true
    user              = tostring(var.user_id)
    cpu               = var.cpu
    memoryReservation = var.memory_reservation
    environment       = [for name in sort(keys(local.variables)) : { name = name, value = local.variables[name] }]

    healthCheck = {
      command     = var.health_check_command
      interval    = 5
      timeout     = 2
      retries     = 3
      startPeriod = 10
    }
  }, local.log)

  xray = merge({
    name              = "xray"
    image             = var.xray_image
    essential         = true
    user              = tostring(var.user_id)
    cpu               = 32
    memoryReservation = 256
    portMappings      = [{ containerPort = 2000, hostPort = 2000, protocol = "udp" }]
  }, local.log)
}
