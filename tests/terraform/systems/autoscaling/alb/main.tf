variable "prefix" {
  type = string
}

variable "vpc" {
  type = string
}

variable "subnets" {
  type = list(string)
}

variable "groups" {
  type = list(string)
}

resource "aws_security_group" "http" {
  name   = "${var.prefix}-http"
  vpc_id = var.vpc

  ingress {
    from_port   = 8080
    to_port     = 8080
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_lb" "alb" {
  name            = "${var.prefix}-alb"
  subnets         = var.subnets
  security_groups = concat(var.groups, [aws_security_group.http.id])
}

resource "aws_lb_target_group" "api" {
  name_prefix          = "api-"
  port                 = 1
  protocol             = "HTTP"
  protocol_version     = "HTTP1"
  target_type          = "ip"
  vpc_id               = var.vpc
  deregistration_delay = 5

  health_check {
    path                = "/health"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.alb.arn
  port              = 8080
  protocol          = "HTTP"

  default_action {
    type = "forward"

    forward {
      target_group {
        arn = aws_lb_target_group.api.arn
      }
    }
  }
}

output "dns_name" {
  value = aws_lb.alb.dns_name
}

output "suffix" {
  value = aws_lb.alb.arn_suffix
}

output "target_group" {
  value = aws_lb_target_group.api
}
