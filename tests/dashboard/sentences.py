"""What a control plane would say of the scenes, with what it is made of, so that a page in Japanese
shows Japanese.
"""

from __future__ import annotations

from tealmesh.model.said import counted, say
from tealmesh.model.spans import span

WEIGHTS_CHANGED = say(
    "the weights{of} were changed to {weights}", of="", weights="blue=80 green=20"
)
STEP = say(
    "step {step} of {steps} ({percent} % to {new_side})", step=2, steps=3, percent=50,
    new_side="green",
)  # fmt: skip


def of_deployment(doing: str, why: str, following: str, latest: str, service: str = "web") -> str:
    return say(
        "{service}: the deployment {doing}, because {why}{ended}; next: {following}; {latest}.",
        service=service, doing=doing, why=why, ended="", following=following, latest=latest,
    )  # fmt: skip


def within(seconds: float) -> str:
    return say(
        "within {left} at the latest, or {otherwise}{named}",
        left=span(seconds), otherwise=say("it rolls back"), named="",
    )  # fmt: skip


MEASURES = of_deployment(
    say("measures {step}", step=STEP),
    say("every Envoy uses its weights ({weights})", weights="blue=50 green=50"),
    say("{side} gets {percent} % of the requests", side="green", percent=100),
    within(294),
)
TAKE_OVER = say("`teal resume {service} --take-over` goes on from what is live", service="web")
HELD_FOR = say("{usual}; it waits for {waiting}", usual=WEIGHTS_CHANGED, waiting=TAKE_OVER)
HELD = of_deployment(
    say("is held{held_in} and does nothing", held_in=""),
    WEIGHTS_CHANGED,
    TAKE_OVER,
    say("without a time limit, as it waits for you"),
)
UNHEALTHY = say(
    "{new_side} has {healthy} of {desired_count} healthy tasks",
    new_side="green", healthy=0, desired_count=2,
)  # fmt: skip
STARTS = of_deployment(
    say(
        "starts {tasks} of {new_side} with {new_image}",
        tasks=counted(2, "task"), new_side="green", new_image="registry.example/shop/web:1.9.0",
    ),
    UNHEALTHY,
    say("{new_side} is added to the route, with weight 0", new_side="green"),
    within(294),
)  # fmt: skip
