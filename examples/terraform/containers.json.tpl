[
  {
    "name": "app",
    "image": "${app_image}",
    "essential": true,
    "memory": ${app_memory},
    "portMappings": [{ "containerPort": ${app_port}, "hostPort": ${app_port}, "protocol": "tcp" }],
    "dependsOn": [{ "containerName": "envoy", "condition": "HEALTHY" }],
    "logConfiguration": {
      "logDriver": "awslogs",
      "options": {
        "awslogs-group": "${log_group}",
        "awslogs-region": "${region}",
        "awslogs-stream-prefix": "${prefix}"
      }
    }
  },
  {
    "name": "envoy",
    "image": "${envoy_image}",
    "essential": true,
    "user": "1337",
    "cpu": 32,
    "memoryReservation": 256,
    "environment": [{ "name": "APPMESH_RESOURCE_ARN", "value": "${resource}" }],
    "healthCheck": {
      "command": ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"],
      "interval": 5,
      "timeout": 2,
      "retries": 3,
      "startPeriod": 10
    },
    "logConfiguration": {
      "logDriver": "awslogs",
      "options": {
        "awslogs-group": "${log_group}",
        "awslogs-region": "${region}",
        "awslogs-stream-prefix": "${prefix}"
      }
    }
  },
  {
    "name": "xray",
    "image": "${xray_image}",
    "essential": true,
    "user": "1337",
    "cpu": 32,
    "memoryReservation": 256,
    "portMappings": [{ "containerPort": 2000, "hostPort": 2000, "protocol": "udp" }],
    "logConfiguration": {
      "logDriver": "awslogs",
      "options": {
        "awslogs-group": "${log_group}",
        "awslogs-region": "${region}",
        "awslogs-stream-prefix": "${prefix}"
      }
    }
  }
]
