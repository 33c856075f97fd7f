"""How gateways take the headers of previews out of requests that enter the mesh: nobody outside
chooses a version that has no weight.

A header of its own is removed by the route configuration. A member of ``baggage`` is cut out by a
Lua filter, as Envoy has nothing else that changes a part of a header. The filter is in every
gateway's listener but switched off, and the route configuration switches it on: so nothing drains
when a preview begins. It is optional for an Envoy that was built without Lua.
"""

from __future__ import annotations

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.lua.v3 import lua_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)

from tealmesh.envoy.protos import packed

FILTER = "tealmesh.preview"

# https://www.w3.org/TR/baggage/#baggage-http-header-format; a proxy may have more than one header.
_SCRIPT = """
local stripped = { %s }

function envoy_on_request(handle)
  local headers = handle:headers()
  local kept, found = {}, false
  for i = 0, headers:getNumValues("baggage") - 1 do
    for member in string.gmatch(headers:getAtIndex("baggage", i), "[^,]+") do
      local name = string.match(member, "^%%s*([^=;%%s]+)")
      if name ~= nil and stripped[string.lower(name)] then
        found = true
      else
        kept[#kept + 1] = member
      end
    end
  end
  if found then
    headers:remove("baggage")
    if #kept > 0 then headers:add("baggage", table.concat(kept, ",")) end
  end
end
"""


def http_filter() -> manager_pb2.HttpFilter:
    """The filter of a gateway's listener; it does nothing unless the routes say so."""
    return manager_pb2.HttpFilter(
        name=FILTER, typed_config=packed(lua_pb2.Lua()), disabled=True, is_optional=True
    )


def stripped(headers: tuple[str, ...]) -> route_pb2.RouteConfiguration:
    """The members of a route configuration that removes these headers, which are in lower case, and
    the members of ``baggage`` of the same names.
    """
    message = route_pb2.RouteConfiguration(request_headers_to_remove=headers)
    if headers:
        own = lua_pb2.LuaPerRoute()
        # No character of a header's name needs an escape in Lua.
        own.source_code.inline_string = _SCRIPT % ", ".join(
            f'["{name}"] = true' for name in headers
        )
        wanted = components.FilterConfig(config=packed(own), is_optional=True)
        message.typed_per_filter_config[FILTER].CopyFrom(packed(wanted))
    return message
