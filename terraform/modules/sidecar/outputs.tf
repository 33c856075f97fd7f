output "containers" {
  description = "The definitions of the sidecars, each as JSON: jsonencode([for c in module.sidecar.containers : jsondecode(c)])."
  value = concat(
    [jsonencode(local.envoy)],
    local.drains ? [jsonencode(local.drain)] : [],
    var.tracing == "xray" ? [jsonencode(local.xray)] : [],
    var.tracing == "otel" ? [jsonencode(local.otel)] : [],
  )
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
