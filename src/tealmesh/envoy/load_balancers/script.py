"""What a load balancer does with requests and answers that Envoy's configuration cannot express.

One Lua script for all listeners. Each route says in its metadata what applies to it (`Settings`).
"""

from __future__ import annotations

from typing import TypedDict

from envoy.config.core.v3 import base_pb2
from google.protobuf import struct_pb2

FILTER = "envoy.filters.http.lua"


class Redirect(TypedDict):
    """A redirect action; the texts may hold ELB's placeholders."""

    status: str
    protocol: str
    host: str
    port: str
    path: str
    query: str


class Settings(TypedDict, total=False):
    """What the script does on a route, and what it needs to know for that."""

    protocol: str
    """http or https."""
    port: str
    """The listener's port."""
    local_ports: dict[str, str]
    """Where this machine has a port of the load balancer, by port: clients are redirected there."""
    default_port: str
    """The port that is taken out of Host: that of the listener if it is the protocol's own."""
    added_port: str
    """The port that is added to a Host without one: that of a listener at another port."""
    strict_headers: bool
    """Whether header fields with other characters than letters, digits and hyphens are dropped."""
    forwarded_for: str
    """What becomes of X-Forwarded-For: append, preserve or remove."""
    client_port: bool
    """Whether the client's port is appended to its address there."""
    application_cookies: list[str]
    """Cookies of targets: only an answer that sets one of them begins a sticky session."""
    redirect: Redirect


def metadata(settings: Settings) -> base_pb2.Metadata:
    """The metadata of a route."""
    fields = struct_pb2.Struct()
    fields.update({"elb": settings})
    return base_pb2.Metadata(filter_metadata={FILTER: fields})


APPLICATION_COOKIE = "AWSALBAPP-0"

SOURCE = r"""
local seeded = false

-- An id as X-Ray has them. Each worker has a Lua state of its own, at an address of its own.
local function new_id(handle)
  if not seeded then
    local address = tonumber(tostring({}):match("0x(%x+)") or "0", 16)
    math.randomseed(handle:timestamp() % 4294967296 + address % 1073741824)
    seeded = true
  end
  local digits = {}
  for i = 1, 24 do digits[i] = string.format("%x", math.random(0, 15)) end
  return string.format("1-%08x-%s", os.time(), table.concat(digits))
end

-- https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
local function trace(handle, headers)
  local given = headers:get("x-amzn-trace-id")
  if given == nil or given == "" then
    headers:replace("x-amzn-trace-id", "Root=" .. new_id(handle))
    return
  end
  local rest = given:gsub("Self=[^;]*;?", "")
  local field = rest:find("Root=", 1, true) and "Self=" or "Root="
  headers:replace("x-amzn-trace-id", field .. new_id(handle) .. (rest == "" and "" or ";" .. rest))
end

local function split_host(authority)
  local host, port = authority:match("^(%[[^%]]*%]):?(%d*)$")
  if host == nil then host, port = authority:match("^([^:]*):?(%d*)$") end
  return host or authority, port or ""
end

-- https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
local function rewrite_host(headers, elb)
  local host, port = split_host(headers:get(":authority") or "")
  if host ~= "" and port == "" and elb.added_port then
    headers:replace(":authority", host .. ":" .. elb.added_port)
  elseif port ~= "" and port == elb.default_port then
    headers:replace(":authority", host)
  end
end

-- https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
local function forwarded_for(handle, headers, elb)
  local given = headers:get("x-forwarded-for")
  if elb.forwarded_for == "remove" then
    headers:remove("x-forwarded-for")
  elseif elb.forwarded_for == "append" then
    local client = handle:streamInfo():downstreamDirectRemoteAddress()
    if not elb.client_port then client = client:gsub(":%d+$", ""):gsub("^%[(.*)%]$", "%1") end
    headers:replace("x-forwarded-for", given and given ~= "" and given .. ", " .. client or client)
  end
end

local function drop_invalid(headers)
  local invalid = {}
  for name in pairs(headers) do
    if not name:find("^:") and not name:find("^[%w%-]+$") then invalid[#invalid + 1] = name end
  end
  for _, name in ipairs(invalid) do headers:remove(name) end
end

-- https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html
local function redirect(handle, headers, elb)
  local to = elb.redirect
  local path, query = (headers:get(":path") or "/"):match("^([^?]*)%??(.*)$")
  local host = split_host(headers:get(":authority") or "")
  local values = { protocol = elb.protocol, host = host, port = elb.port,
                   path = path:gsub("^/", ""), query = query }
  local function fill(text) return (text:gsub("#{(%a+)}", values)) end
  local new_host, port = fill(to.host), fill(to.port)
  if new_host == host and elb.local_ports then port = elb.local_ports[port] or port end
  local location = fill(to.protocol):lower() .. "://" .. new_host .. ":" .. port .. fill(to.path)
  local new_query = fill(to.query)
  if new_query ~= "" then location = location .. "?" .. new_query end
  local answer = { [":status"] = to.status, ["location"] = location, ["server"] = "awselb/2.0" }
  handle:respond(answer, "")
end

function envoy_on_request(handle)
  local elb = handle:metadata():get("elb") or {}
  local headers = handle:headers()
  if elb.redirect then
    redirect(handle, headers, elb)
    return
  end
  if elb.strict_headers then drop_invalid(headers) end
  forwarded_for(handle, headers, elb)
  rewrite_host(headers, elb)
  trace(handle, headers)
end

-- A target begins a session with a cookie of its own; without it, ours is taken back.
local function check_application_cookie(headers, names)
  local kept, found = {}, false
  for i = 0, headers:getNumValues("set-cookie") - 1 do
    local cookie = headers:getAtIndex("set-cookie", i)
    for _, name in ipairs(names) do found = found or cookie:find(name .. "=", 1, true) == 1 end
    if cookie:find("AWSALBAPP-0=", 1, true) ~= 1 then kept[#kept + 1] = cookie end
  end
  if found then return end
  headers:remove("set-cookie")
  for _, cookie in ipairs(kept) do headers:add("set-cookie", cookie) end
end

function envoy_on_response(handle)
  local elb = handle:metadata():get("elb")
  if elb and elb.application_cookies then
    check_application_cookie(handle:headers(), elb.application_cookies)
  end
end
"""
