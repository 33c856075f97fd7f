output "url" {
  description = "URL of the application, through the gateway and the mesh."
  value       = "http://127.0.0.1:${var.gateway_port}/"
}
