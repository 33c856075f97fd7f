[
  {
    "name": "${name}",
    "image": "${image}",
    "cpu": 128,
    "memory": 256,
    "networkMode": "awsvpc",
    "essential": true,
    "portMappings": [{ "containerPort": ${port}, "hostPort": ${port}, "protocol": "tcp" }],
    "environment": [
      { "name": "BACKEND", "value": "${backend}" },
      { "name": "LOG_LEVEL", "value": "debug" }
    ],
    "secrets": [{ "name": "TOKEN", "valueFrom": "${token}" }],
    "mountPoints": [],
    "volumesFrom": [],
    "dependsOn": [{ "containerName": "envoy", "condition": "HEALTHY" }],
    "logConfiguration": {
      "logDriver": "awslogs",
      "options": {
        "awslogs-group": "${log_group}",
        "awslogs-region": "${region}",
        "awslogs-stream-prefix": "${name}"
      }
    }
  },
  {
    "name": "envoy",
    "image": "${envoy_image}",
    "essential": true,
    "cpu": 64,
    "memory": 512,
    "memoryReservation": 128,
    "user": "1337",
    "ulimits": [{ "name": "nofile", "softLimit": 15000, "hardLimit": 15000 }],
    "portMappings": [
      { "containerPort": 9901, "hostPort": 9901, "protocol": "tcp" },
      { "containerPort": 15000, "hostPort": 15000, "protocol": "tcp" },
      { "containerPort": 15001, "hostPort": 15001, "protocol": "tcp" }
    ],
    "environment": [
      { "name": "APPMESH_VIRTUAL_NODE_NAME", "value": "${node}" },
      { "name": "ENABLE_ENVOY_XRAY_TRACING", "value": "1" },
      { "name": "ENABLE_ENVOY_STATS_TAGS", "value": "1" },
      { "name": "ENVOY_LOG_LEVEL", "value": "info" }
    ],
    "healthCheck": {
      "command": ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"],
      "startPeriod": 10,
      "interval": 5,
      "timeout": 2,
      "retries": 3
    },
    "logConfiguration": {
      "logDriver": "awslogs",
      "options": {
        "awslogs-group": "${log_group}",
        "awslogs-region": "${region}",
        "awslogs-stream-prefix": "envoy"
      }
    }
  },
  {
    "name": "xray-daemon",
    "image": "${xray_image}",
    "essential": true,
    "user": "1337",
    "cpu": 32,
    "memoryReservation": 128,
    "portMappings": [{ "hostPort": 2000, "containerPort": 2000, "protocol": "udp" }],
    "logConfiguration": {
      "logDriver": "awslogs",
      "options": {
        "awslogs-group": "${log_group}",
        "awslogs-region": "${region}",
        "awslogs-stream-prefix": "xray"
      }
    }
  }
]
