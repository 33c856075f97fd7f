"""The picture that everybody's words make, and what an Envoy's answer means."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.health.picture import Picture, Said, Subject
from tealmesh.engine.task.hosts import HostSeen, of_address, seen_by
from tealmesh.model.health import CHECK_FAILED, EJECTED, Source


def caller(voice: str, problem: str = "", who: str = "front") -> Said:
    return Said(Source.CALLER, voice, who, problem)


def subject(*said: Said, task: str = "t1") -> Subject:
    return Subject(task, "c", "web", "mesh/m/virtualNode/web", said)


def test_since_when_and_who_says_it() -> None:
    picture = Picture().next([subject(caller("a"), caller("b", CHECK_FAILED))], 10.0)
    (shown,) = picture.shown(15.0, 1000.0)
    assert [o.since for o in shown.opinions] == [995.0, 995.0]
    assert (shown.usable, shown.unusable_seconds, shown.why) == (True, None, "")
    picture = picture.next([subject(caller("a", EJECTED), caller("b", CHECK_FAILED))], 20.0)
    (shown,) = picture.shown(25.0, 1000.0)
    assert [o.since for o in shown.opinions] == [995.0, 985.0]
    assert (shown.usable, shown.unusable_seconds) == (False, 5.0)
    assert shown.why == (
        "it is ejected after server errors by front; it fails the health check of front"
    )
    picture = picture.next([subject(caller("a"), caller("b", CHECK_FAILED))], 30.0)
    assert picture.unusable(30.0) == {}


def test_many_envoys_of_a_caller_are_counted() -> None:
    said = [caller(voice, CHECK_FAILED) for voice in "abc"]
    picture = Picture().next([subject(*said, caller("g", CHECK_FAILED, "edge"))], 0.0)
    assert picture.unusable(1.0)["t1"].why == (
        "it fails the health check of front (3 Envoys), edge"
    )


voices = st.sampled_from("abc")
words = st.builds(
    Said,
    st.sampled_from(list(Source)),
    voices,
    st.just("x"),
    st.sampled_from(["", CHECK_FAILED, EJECTED]),
)


@given(st.lists(st.lists(words, unique_by=lambda w: (w.source, w.voice)), min_size=1, max_size=8))
def test_only_those_who_send_requests_decide_and_silence_is_no_evidence(
    looks: list[list[Said]],
) -> None:
    picture = Picture()
    unusable_since = None
    for moment, said in enumerate(looks):
        picture = picture.next([subject(*said)], float(moment))
        sending = [one for one in said if one.source in (Source.CALLER, Source.LOAD_BALANCER)]
        bad = bool(sending) and all(one.problem for one in sending)
        unusable_since = (moment if unusable_since is None else unusable_since) if bad else None
        found = picture.unusable(float(moment)).get("t1")
        assert (found.seconds if found else None) == (
            moment - unusable_since if unusable_since is not None else None
        )
        (shown,) = picture.shown(float(moment), 0.0)
        assert shown.usable is (None if not sending else not bad)


def host(address: str, **status: Any) -> dict[str, Any]:
    return {"address": {"socket_address": {"address": address}}, "health_status": status}


def test_what_an_envoy_says_of_its_hosts() -> None:
    answer = {
        "cluster_statuses": [
            {
                "name": "cds_egress_m_web_http_8080",
                "host_statuses": [
                    host("10.0.0.1", eds_health_status="HEALTHY"),
                    host("10.0.0.2", failed_active_health_check=True),
                    host("10.0.0.3", failed_outlier_check=True),
                    host("10.0.0.4", pending_active_hc=True, failed_active_health_check=True),
                    host("10.0.0.5", eds_health_status="DRAINING"),
                    {"address": {"pipe": {"path": "/x"}}},
                ],
            },
            {
                "name": "cds_egress_m_web_http_8081",
                "host_statuses": [host("10.0.0.1", failed_active_health_check=True)],
            },
            {"name": "cds_ingress_m_web_http_8080", "host_statuses": [host("10.0.0.9")]},
            {"name": "tealmesh"},
        ]
    }
    seen = seen_by(answer)
    assert HostSeen("10.0.0.2", CHECK_FAILED) in seen
    assert of_address(seen, "10.0.0.1") == "", "one of its listeners can be used"
    assert of_address(seen, "10.0.0.2") == CHECK_FAILED
    assert of_address(seen, "10.0.0.3") == EJECTED
    for unknown in ("10.0.0.4", "10.0.0.5", "10.0.0.9"):
        assert of_address(seen, unknown) is None
