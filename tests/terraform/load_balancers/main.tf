# Load balancers as users write them; `changed` changes what can be changed in place.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "3.39.0"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "changed" {
  type    = bool
  default = false
}

variable "refused" {
  type    = string
  default = ""
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_get_ec2_platforms      = true
  max_retries                 = 2

  endpoints {
    acm   = var.endpoint
    ec2   = var.endpoint
    elb   = var.endpoint
    sts   = var.endpoint
  }
}

resource "aws_vpc" "it" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_subnet" "it" {
  count             = 2
  vpc_id            = aws_vpc.it.id
  cidr_block        = "10.1.${count.index}.0/24"
  availability_zone = "us-east-1${count.index == 0 ? "a" : "b"}"
}

resource "aws_security_group" "it" {
  name   = "load-balancer"
  vpc_id = aws_vpc.it.id

  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_lb" "front" {
  name               = "front"
  load_balancer_type = "application"
  security_groups    = [aws_security_group.it.id]
  subnets            = aws_subnet.it[*].id
  idle_timeout       = var.changed ? 120 : 60

  tags = { changed = tostring(var.changed) }
}

resource "aws_lb" "flows" {
  name               = "flows"
  internal           = true
  load_balancer_type = "network"
  subnets            = aws_subnet.it[*].id
}

resource "aws_lb_target_group" "side" {
  for_each             = toset(["blue", "green"])
  name                 = each.key
  port                 = 80
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = aws_vpc.it.id
  deregistration_delay = var.changed ? 20 : 30

  health_check {
    path                = "/health"
    interval            = var.changed ? 20 : 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
    matcher             = "200-299"
  }

  stickiness {
    type            = "lb_cookie"
    enabled         = var.changed
    cookie_duration = 600
  }
}

resource "aws_lb_target_group" "flows" {
  name        = "flows"
  port        = 9000
  protocol    = "TCP"
  target_type = "ip"
  vpc_id      = aws_vpc.it.id
}

resource "aws_lb_target_group" "refused" {
  count       = var.refused == "" ? 0 : 1
  name        = "refused"
  target_type = var.refused
}

resource "aws_lb_target_group_attachment" "it" {
  target_group_arn = aws_lb_target_group.side["blue"].arn
  target_id        = "127.3.1.1"
  port             = 8080
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.front.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.side["blue"].arn
        weight = var.changed ? 50 : 100
      }

      target_group {
        arn    = aws_lb_target_group.side["green"].arn
        weight = var.changed ? 50 : 0
      }

      stickiness {
        enabled  = false
        duration = 1
      }
    }
  }
}

resource "aws_lb_listener" "moved" {
  load_balancer_arn = aws_lb.front.arn
  port              = 8080
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "flows" {
  load_balancer_arn = aws_lb.flows.arn
  port              = 9000
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.flows.arn
  }
}

resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.side["green"].arn
  }

  condition {
    path_pattern {
      values = [var.changed ? "/v2/*" : "/v1/*"]
    }
  }

  condition {
    host_header {
      values = ["api.example.com", "*.api.example.com"]
    }
  }
}

resource "aws_lb_listener_rule" "fixed" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 20

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "no"
      status_code  = "404"
    }
  }

  condition {
    http_header {
      http_header_name = "X-Robot"
      values           = ["*"]
    }
  }

  condition {
    http_request_method {
      values = ["GET"]
    }
  }

  condition {
    query_string {
      key   = "robot"
      value = "yes"
    }
  }

  condition {
    source_ip {
      values = ["127.0.0.0/8"]
    }
  }
}

data "aws_lb" "front" {
  arn        = aws_lb.front.arn
  depends_on = [aws_lb_listener.http]
}

output "dns_name" {
  value = data.aws_lb.front.dns_name
}
