"""Actions: forward, redirect, fixed response, and sticky sessions."""

from __future__ import annotations

from tests.behaviour.load_balancers.rows.conditions import BLUE, GREEN, path
from tests.behaviour.load_balancers.table import Call, Row, fixed, forward, redirect, rule

BOTH = frozenset({"blue", "green"})
TWO = {"blue": ("blue", "green")}


def _redirected(name: str, says: str, action: dict[str, object], call: Call) -> Row:
    return Row(name, says, ("RedirectConfig",), (call,), default=action)


ROWS = (
    Row(
        "forward-weights",
        "requests are divided among target groups by weight",
        ("ForwardConfig.TargetGroups.Weight",),
        (Call({"status": 200}, times=80, spread=BOTH),),
        default=forward(blue=1, green=1),
    ),
    Row(
        "forward-weight-0",
        "a target group of weight 0 gets no requests",
        ("ForwardConfig.TargetGroups.Weight",),
        (Call(GREEN, times=20),),
        default=forward(blue=0, green=1),
    ),
    Row(
        "forward-no-weight",
        "without any weight the answer is 503",
        ("ForwardConfig.TargetGroups.Weight",),
        (Call({"status": 503}),),
        default=forward(blue=0, green=0),
    ),
    Row(
        "forward-no-failover",
        "the share of a target group without targets is answered 503: no other group takes it over",
        ("ForwardConfig.TargetGroups",),
        (Call({"status": 503}, times=1, until=10), Call(BLUE, until=10)),
        default=forward(blue=1, green=1),
        targets={"green": ()},
    ),
    Row(
        "group-stickiness",
        "with AWSALBTG a client stays with its target group",
        ("ForwardConfig.TargetGroupStickinessConfig",),
        (
            Call(GREEN, until=10, answer={"set-cookie": r"AWSALBTG=\w+; Max-Age=60; Path=/"}),
            Call(GREEN, times=30, cookies=True),
        ),
        default=forward(blue=1, green=1, sticky=60),
    ),
    Row(
        "group-stickiness-none",
        "without the cookie, requests are divided as ever",
        ("ForwardConfig.TargetGroupStickinessConfig",),
        (Call({"status": 200}, times=80, spread=BOTH),),
        default=forward(blue=1, green=1, sticky=60),
    ),
    Row(
        "target-stickiness",
        "with AWSALB a client stays with its target, for as long as the group says",
        ("stickiness.enabled", "stickiness.lb_cookie.duration_seconds"),
        (
            Call(GREEN, until=10, answer={"set-cookie": r'AWSALB="?[^;]+; Max-Age=90; Path=/.*'}),
            Call(GREEN, times=20, cookies=True),
            Call({"status": 200}, times=20, spread=BOTH),
        ),
        groups={
            "blue": {
                "Attributes": {
                    "stickiness.enabled": "true",
                    "stickiness.type": "lb_cookie",
                    "stickiness.lb_cookie.duration_seconds": "90",
                }
            }
        },
        targets=TWO,
    ),
    Row(
        "application-cookie",
        "a session begins when the target sets the cookie that the group names",
        ("stickiness.app_cookie.cookie_name",),
        (
            Call({"status": 200}, answer={"set-cookie": None}),
            Call(
                {"status": 200},
                headers={"x-set-cookie": "other=1"},
                answer={"set-cookie": "other=1"},
            ),
            Call(
                GREEN,
                until=10,
                headers={"x-set-cookie": "session=1"},
                answer={"set-cookie": "(?s).*AWSALBAPP-0=.*"},
            ),
            Call(GREEN, times=20, cookies=True),
        ),
        groups={
            "blue": {
                "Attributes": {
                    "stickiness.enabled": "true",
                    "stickiness.type": "app_cookie",
                    "stickiness.app_cookie.cookie_name": "session",
                    "stickiness.app_cookie.duration_seconds": "60",
                }
            }
        },
        targets=TWO,
    ),
    _redirected(
        "redirect-https",
        "the usual redirect to HTTPS keeps host, path and query string",
        redirect(301, Protocol="HTTPS", Port="444"),
        Call(
            {"status": 301},
            path="/a/b?x=1&y=2",
            host="shop.test:8080",
            answer={"location": r"https://shop\.test:444/a/b\?x=1&y=2", "server": "awselb/2.0"},
        ),
    ),
    _redirected(
        "redirect-placeholders",
        "placeholders are filled in everywhere",
        redirect(
            302,
            Host="www.#{host}",
            Port="8#{port}",
            Path="/new/#{path}/#{protocol}",
            Query="q=1&#{query}",
        ),
        Call(
            {"status": 302},
            path="/a?x=1",
            answer={"location": r"http://www\.shop\.test:880/new/a/http\?q=1&x=1"},
        ),
    ),
    _redirected(
        "redirect-fixed",
        "what a redirect says without placeholders replaces what was asked for",
        redirect(302, Protocol="HTTPS", Host="other.test", Port="443", Path="/", Query=""),
        Call(
            {"status": 302},
            path="/a?x=1",
            answer={"location": r"https://other\.test:443/"},
        ),
    ),
    _redirected(
        "redirect-local-port",
        "a redirect to a port of the load balancer itself names its port on this machine",
        redirect(301, Protocol="HTTPS", Port="443"),
        Call({"status": 301}, answer={"location": r"https://shop\.test:8443/"}),
    ),
    Row(
        "fixed-response",
        "the answer has the status, the type and the body of the action",
        ("FixedResponseConfig",),
        (
            Call(
                {"status": 418, "body": '{"a": "50%"}'},
                path="/fixed",
                answer={"content-type": "application/json", "server": "awselb/2.0"},
            ),
            Call(BLUE),
        ),
        rules=(rule(path("/fixed"), then=fixed(418, '{"a": "50%"}', "application/json")),),
    ),
    Row(
        "fixed-response-status",
        "a fixed 503 stays what it says: it is not an error of the load balancer",
        ("FixedResponseConfig",),
        (Call({"status": 503, "body": "closed"}, answer={"content-type": "text/plain"}),),
        default=fixed(503, "closed", "text/plain"),
    ),
    Row(
        "fixed-response-default",
        "a listener may answer 404 to what no rule matches",
        ("FixedResponseConfig", "DefaultActions"),
        (Call({"status": 404, "body": ""}), Call(GREEN, path="/yes")),
        default=fixed(404),
        rules=(rule(path("/yes")),),
    ),
)
