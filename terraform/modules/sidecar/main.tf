# Envoy beside an application, for a task definition of one's own.

locals {
  # Containers share the task's processor by their cpu while all want it; what one leaves, others
  # get. Beside an application Envoy has a quarter, unless that names more for itself.
  tracing_cpu = var.tracing == "none" ? 0 : 32
  left        = (var.task_cpu == null ? 0 : var.task_cpu) - local.tracing_cpu
  quarter     = floor((var.task_cpu == null ? 0 : var.task_cpu) / 4)
  beside      = var.app_cpu == null ? local.quarter : min(local.quarter, local.left - var.app_cpu)
  envoy_cpu   = var.cpu != null ? var.cpu : max(32, length(var.app_ports) == 0 ? local.left : local.beside)
  app_cpu     = var.app_cpu != null ? var.app_cpu : max(0, local.left - local.envoy_cpu)
  wanted_cpu  = local.envoy_cpu + local.tracing_cpu + (length(var.app_ports) == 0 ? 0 : local.app_cpu)

  log = var.log_configuration == null ? {} : { logConfiguration = var.log_configuration }

  variables = merge(
    { APPMESH_RESOURCE_ARN = var.resource },
    var.xds_endpoint == "" ? {} : { APPMESH_XDS_ENDPOINT = var.xds_endpoint },
    var.xds_ca == "" ? {} : { TEAL_XDS_CA = var.xds_ca },
    var.tracing == "xray" ? { ENABLE_ENVOY_XRAY_TRACING = "1" } : {},
    var.tracing == "otel" ? { ENABLE_ENVOY_JAEGER_TRACING = "1" } : {},
    var.environment,
  )

  curl                 = ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"]
  health_check_command = coalesce(var.health_check_command, var.agent ? ["CMD", "teal-envoy", "health"] : local.curl)

  # ECS stops first what depends on others: this, then the application, then Envoy.
  drains = var.agent && var.app_container != ""
  drain = merge({
    name              = "drain"
    image             = var.image
    command           = ["drain"]
    essential         = false
    user              = tostring(var.user_id)
    cpu               = 0
    memoryReservation = 64
    stopTimeout       = var.drain_seconds + 10
    environment       = [{ name = "TEAL_DRAIN_SECONDS", value = tostring(var.drain_seconds) }]
    dependsOn         = [{ containerName = var.app_container, condition = "START" }]
  }, local.log)

  envoy = merge({
    name              = "envoy"
    image             = var.image
    essential         = true
    user              = tostring(var.user_id)
    cpu               = local.envoy_cpu
    memoryReservation = var.memory_reservation
    environment       = [for name in sort(keys(local.variables)) : { name = name, value = local.variables[name] }]

    # A check is a process of its own, and the agent proves the role before Envoy starts: on a part
    # of a processor either takes its time. The first check that passes ends the start period.
    healthCheck = {
      command     = local.health_check_command
      interval    = 5
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
  }, local.log)

  xray = merge({
    name              = "xray"
    image             = var.xray_image
    essential         = true
    user              = tostring(var.user_id)
    cpu               = local.tracing_cpu
    memoryReservation = 256
    portMappings      = [{ containerPort = 2000, hostPort = 2000, protocol = "udp" }]
  }, local.log)

  otel = merge({
    name              = "otel"
    image             = var.otel_image
    essential         = true
    user              = tostring(var.user_id)
    cpu               = local.tracing_cpu
    memoryReservation = 256
    environment       = [{ name = "AOT_CONFIG_CONTENT", value = coalesce(var.otel_config, local.otel_to_xray) }]
  }, local.log)

  otel_to_xray = yamlencode({
    receivers = { zipkin = { endpoint = "127.0.0.1:9411" } }
    exporters = { awsxray = {} }
    service   = { pipelines = { traces = { receivers = ["zipkin"], exporters = ["awsxray"] } } }
  })
}
