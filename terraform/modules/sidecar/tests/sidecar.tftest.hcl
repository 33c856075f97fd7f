variables {
  resource  = "mesh/shop/virtualNode/web-blue"
  image     = "envoy:1"
  app_ports = [8080, 8081]
}

run "an_envoy" {
  command = plan

  assert {
    condition     = jsondecode(output.containers[0]).environment == [{ name = "APPMESH_RESOURCE_ARN", value = "mesh/shop/virtualNode/web-blue" }]
    error_message = "Envoy knows what it is, and nothing else."
  }

  assert {
    condition     = output.proxy_properties.AppPorts == "8080,8081" && !can(output.proxy_properties.EgressIgnoredPorts)
    error_message = "The application's ports are redirected."
  }

  assert {
    condition     = length(output.containers) == 1 && !can(jsondecode(output.containers[0]).logConfiguration)
    error_message = "Nothing that was not asked for."
  }
}

run "with_all" {
  command = plan

  variables {
    tracing              = "xray"
    xds_endpoint         = "ads.internal:18000"
    egress_ignored_ports = [5432]
    environment          = { ENVOY_LOG_LEVEL = "debug" }
    log_configuration    = { logDriver = "awslogs", options = { awslogs-group = "g" } }
  }

  assert {
    condition = { for v in jsondecode(output.containers[0]).environment : v.name => v.value } == {
      APPMESH_RESOURCE_ARN      = "mesh/shop/virtualNode/web-blue"
      APPMESH_XDS_ENDPOINT      = "ads.internal:18000"
      ENABLE_ENVOY_XRAY_TRACING = "1"
      ENVOY_LOG_LEVEL           = "debug"
    }
    error_message = "All variables reach Envoy."
  }

  assert {
    condition     = [for c in output.containers : jsondecode(c).name] == ["envoy", "xray"] && output.proxy_properties.EgressIgnoredPorts == "5432"
    error_message = "X-Ray's daemon, and the ports that Envoy leaves alone."
  }
}

run "a_resource_of_another_kind" {
  command         = plan
  expect_failures = [var.resource]

  variables {
    resource = "mesh/shop/virtualRouter/web"
  }
}

run "with_the_agent" {
  variables {
    agent  = true
    xds_ca = "system"
  }

  assert {
    condition     = join(" ", [for c in output.containers : jsondecode(c).name]) == "envoy drain"
    error_message = "A container has the task drained."
  }

  assert {
    condition     = jsondecode(output.containers[1]).dependsOn[0].containerName == "app" && jsondecode(output.containers[1]).dependsOn[0].condition == "START"
    error_message = "It is stopped before the application."
  }

  assert {
    condition     = jsondecode(output.containers[0]).healthCheck.command[1] == "teal-envoy"
    error_message = "The image has no curl."
  }
}

run "a_gateway_with_the_agent" {
  variables {
    agent         = true
    app_container = ""
  }

  assert {
    condition     = length(output.containers) == 1
    error_message = "Nothing is before it."
  }
}

run "traces_by_opentelemetry" {
  variables {
    tracing = "otel"
  }

  assert {
    condition     = jsondecode(output.containers[1]).name == "otel" && yamldecode(jsondecode(output.containers[1]).environment[0].value).service.pipelines.traces.exporters[0] == "awsxray"
    error_message = "A collector sends them to X-Ray."
  }
}

run "envoy_and_the_application_share_the_task" {
  variables {
    task_cpu = 512
    tracing  = "xray"
  }

  assert {
    condition     = [for c in output.containers : jsondecode(c).cpu] == [128, 32] && output.app_cpu == 352
    error_message = "A quarter is Envoy's, and what is left the application's."
  }
}

run "an_application_that_names_its_own" {
  variables {
    task_cpu = 256
    app_cpu  = 200
  }

  assert {
    condition     = jsondecode(output.containers[0]).cpu == 56 && output.app_cpu == 200
    error_message = "Envoy gets what is left."
  }
}

run "an_envoy_that_gets_more" {
  variables {
    task_cpu = 512
    cpu      = 256
  }

  assert {
    condition     = jsondecode(output.containers[0]).cpu == 256 && output.app_cpu == 256
    error_message = "The application gets what is left."
  }
}

run "a_gateway_is_all_envoy" {
  variables {
    task_cpu  = 256
    app_ports = []
    tracing   = "otel"
  }

  assert {
    condition     = [for c in output.containers : jsondecode(c).cpu] == [224, 32]
    error_message = "Nothing else wants the processor."
  }
}

run "a_task_without_cpu" {
  assert {
    condition     = jsondecode(output.containers[0]).cpu == 32 && output.app_cpu == 0
    error_message = "As App Mesh's examples have it."
  }
}

run "more_than_the_task_has" {
  command         = plan
  expect_failures = [output.containers]

  variables {
    task_cpu = 256
    app_cpu  = 250
  }
}
