output "name" {
  description = "Name of the mesh, once it exists."
  value       = aws_appmesh_mesh.this.name
}

output "namespace" {
  description = "The namespace of Cloud Map, as the module of a service takes it."
  value = {
    id   = aws_service_discovery_private_dns_namespace.this.id
    name = aws_service_discovery_private_dns_namespace.this.name
  }
}

output "dns_name" {
  description = "Name of the load balancer; empty without one."
  value       = var.load_balancer == null ? "" : aws_lb.gateway[0].dns_name
}
