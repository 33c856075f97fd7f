output "hostname" {
  description = "The virtual service that callers use: a backend of their virtual nodes."
  value       = aws_appmesh_virtual_service.this.name
}

output "service" {
  description = "What `teal deploy` and `teal status` call it."
  value       = var.name
}

output "task_role_arn" {
  description = "The role of its tasks."
  value       = aws_iam_role.task.arn
}

output "virtual_nodes" {
  description = "The virtual nodes of the sides that exist, by side."
  value       = { for side, node in aws_appmesh_virtual_node.side : side => node.name }
}

output "virtual_node_arns" {
  description = "Their ARNs, by side, for policies of your own."
  value       = { for side, node in aws_appmesh_virtual_node.side : side => node.arn }
}
