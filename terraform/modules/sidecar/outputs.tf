output "containers" {
  description = "The definitions of the sidecars, each as JSON: jsonencode([for c in module.sidecar.containers : jsondecode(c)])."
  value = concat(
    [jsonencode(local.envoy)],
    local.drains ? [jsonencode(local.drain)] : [],
    var.tracing == "xray" ? [jsonencode(local.xray)] : [],
    var.tracing == "otel" ? [jsonencode(local.otel)] : [],
  )

  precondition {
    condition     = var.task_cpu == null || local.wanted_cpu <= local.left + local.tracing_cpu
    error_message = "task_cpu is too small: the containers name more cpu together than the task has. Envoy ${local.envoy_cpu}, tracing ${local.tracing_cpu}, the application ${local.app_cpu}, the task ${coalesce(var.task_cpu, 0)}."
  }
}

output "app_cpu" {
  description = "cpu of the application's container: what the sidecars leave of task_cpu. Without one it would count as 2, and stand still while Envoy is busy."
  value       = local.app_cpu
}

output "depends_on" {
  description = "dependsOn of the application's container: it starts once Envoy is ready."
  value       = [{ containerName = "envoy", condition = "HEALTHY" }]
}

output "proxy_container" {
  description = "container_name of the task definition's proxy_configuration, whose type is APPMESH."
  value       = "envoy"
}

output "proxy_properties" {
  description = "properties of the task definition's proxy_configuration."
  value = merge(
    {
      AppPorts         = join(",", var.app_ports)
      EgressIgnoredIPs = "169.254.170.2,169.254.169.254"
      IgnoredUID       = tostring(var.user_id)
      ProxyEgressPort  = "15001"
      ProxyIngressPort = "15000"
    },
    length(var.egress_ignored_ports) == 0 ? {} : { EgressIgnoredPorts = join(",", var.egress_ignored_ports) },
  )
}
