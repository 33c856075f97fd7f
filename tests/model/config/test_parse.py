"""teal.toml: what is read, what is refused and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tealmesh.model.config.nouns import Additions, Image
from tealmesh.model.config.parse import image_for, parse, parse_additions
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.config.table import duration
from tealmesh.model.errors import ConfigError

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample" / "teal.toml"

MINIMAL = """
[mesh]
name = "shop"
[services.web]
port = 8080
image = "example/sample:1"
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "teal.toml")
    return str(caught.value)


def test_defaults() -> None:
    config = parse(MINIMAL)
    web = config.services["web"]
    assert (config.mesh, config.cluster, config.namespace) == ("shop", "shop", "shop.local")
    assert (web.name, web.hostname, web.health_path) == ("web", "web.shop.local", "/")
    assert (web.desired_count, web.sides) == (1, ("blue", "green"))
    assert (web.strategy, web.gates) == (Strategy(), Gates())
    assert config.images == ()
    assert config.gateways == {}


@pytest.mark.parametrize("protocol", ["http", "http2", "grpc"])
def test_a_gateway_speaks_what_its_services_speak(protocol: str) -> None:
    text = MINIMAL + f'protocol = "{protocol}"\n[gateways.edge]\nport = 9080\n'
    assert parse(text + 'routes = { "/" = "web" }').gateways["edge"].protocol == protocol


OTHER = '[services.other]\nport = 8080\nimage = "x/other:1"\n'
EDGE = "[gateways.edge]\nport = 9080\nroutes = "


@pytest.mark.parametrize(
    ("protocol", "routes", "allowed"),
    [
        (
            "tcp",
            '{ "/" = "web" }',
            "a service that speaks http, http2 or grpc: services.web speaks tcp",
        ),
        (
            "grpc",
            '{ "/" = "web", "/o" = "other" }',
            "a service that speaks grpc as services.web does",
        ),
        (
            "http2",
            '{ "/o" = "other", "/" = "web" }',
            "a service that speaks http as services.other",
        ),
        ("grpc", '{ "/shop.Orders/Version" = "web" }', 'under "/" or under a service of gRPC'),
        ("grpc", '{ "/orders-2" = "web" }', 'under "/" or under a service of gRPC'),
    ],
)
def test_a_gateway_that_its_services_cannot_share(protocol: str, routes: str, allowed: str) -> None:
    said = refusal(MINIMAL + f'protocol = "{protocol}"\n' + OTHER + EDGE + routes)
    assert "gateways.edge.routes" in said
    assert allowed in said


def test_the_sample_is_what_it_says() -> None:
    config = parse(SAMPLE.read_text(), str(SAMPLE))
    web, front = config.services["web"], config.services["front"]
    assert web.desired_count == 3
    assert web.strategy == Strategy("canary", (10, 50, 100), 5.0, 5.0, 300.0)
    assert front.backends == ("web.sample.local",)
    assert config.gateways["edge"].routes == {"/": "web", "/front": "front"}
    assert image_for(config.images, "example/sample:0.0.2") == Image(
        "*/sample:0.0.2", ("python3", "app.py", "--version", "2")
    )


def test_a_whole_file() -> None:
    config = parse(
        """
        [mesh]
        name = "shop"
        cluster = "prod"
        namespace = "prod.internal"
        [images]
        "*/a:1" = "python3 'my app.py' --port $PORT"
        "*/b:1" = { command = ["b"], environment = { LEVEL = "debug", COUNT = 3 } }
        [services.a]
        port = 80
        image = "x/a:1"
        hostname = "api.prod.internal"
        sides = ["left", "right"]
        cpu = 512
        memory = 1024
        environment = { A = "b" }
        [services.a.strategy]
        steps = [1, 100]
        step_time = "500ms"
        bake_time = "2m"
        step_timeout = 7.5
        [services.a.gates]
        success_rate = 1
        min_requests = 0
        approval = true
        [services.b]
        port = 80
        image = "x/b:1"
        backends = ["a", "api.prod.internal"]
        [gateways.edge]
        port = 9080
        address = "127.0.0.2"
        routes = { "/" = "a" }
        """
    )
    a = config.services["a"]
    assert (config.cluster, config.namespace, a.hostname) == (
        "prod",
        "prod.internal",
        "api.prod.internal",
    )
    assert a.strategy == Strategy("canary", (1, 100), 0.5, 120.0, step_timeout=7.5)
    assert a.gates == Gates(1.0, 0, True)
    assert a.sides == ("left", "right")
    assert config.services["b"].backends == ("api.prod.internal",)
    assert config.images[0].command == ("python3", "my app.py", "--port", "$PORT")
    assert config.images[1].environment == {"LEVEL": "debug", "COUNT": "3"}
    assert config.gateways["edge"].address == "127.0.0.2"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "shop"', "", "mesh.name = (not set): must be letters, digits"),
        ('name = "shop"', 'name = "a b"', "mesh.name = 'a b': must be"),
        ('name = "shop"', 'name = "shop"\nnmae = 1', "mesh.nmae = 1: must be a known key"),
        ("[mesh]", "[mush]\n[mesh]", "mush = {}: must be a known key (did you mean mesh?)"),
        ("port = 8080", "", "services.web.port = (not set): must be a whole number from 1 to"),
        ("port = 8080", "port = 0", "services.web.port = 0: must be a whole number from 1 to"),
        ("port = 8080", "port = 65536", "services.web.port = 65536: must be"),
        ("port = 8080", "port = true", "services.web.port = True: must be a whole number"),
        ("port = 8080", 'port = 80\nprotocol = "udp"', "web.protocol = 'udp': must be \"http\", "),
        (
            "port = 8080",
            'port = 80\nprotocol = "grpc"\nhealth_path = "/"',
            "web.health_path = '/': must be left out with protocol = \"grpc\": gRPC's own health",
        ),
        (
            "port = 8080",
            'port = 80\nprotocol = "tcp"\nrequest_timeout = 1',
            'web.request_timeout = 1: must be left out with protocol = "tcp": it has no requests',
        ),
        ("port = 8080", 'port = "80"', "services.web.port = '80': must be a whole number"),
        ("port = 8080", "port = 15001", "services.web.port = 15001: must be another port"),
        ("port = 8080", "port = 80\nprot = 1", "services.web.prot = 1: must be a known key (did"),
        ("[services.web]", "[services.Web_1]", "services.Web_1 = "),
        ("[services.web]", "[services]\nfoo = 1\n[services.web]", "services.foo = 1: must be a t"),
        ('image = "example/sample:1"', "", "services.web.image = (not set): must be an image"),
        ('image = "example/sample:1"', 'image = "*"', "services.web.image = '*': must be"),
        ("port = 8080", 'port = 8080\nhealth_path = "x"', "services.web.health_path = 'x': must"),
        ("port = 8080", "port = 8080\ndesired_count = 0", "desired_count = 0: must be a whole"),
        ("port = 8080", 'port = 8080\nhostname = "A b"', "services.web.hostname = 'A b': must be"),
        ("port = 8080", 'port = 8080\nbackends = ["x"]', "services.web.backends = ['x']: must be"),
        ("port = 8080", 'port = 8080\nbackends = ["web"]', "services.web.backends = ['web']: mus"),
        ("port = 8080", 'port = 8080\nbackends = "web"', "backends = 'web': must be a list"),
        ("port = 8080", 'port = 8080\nsides = ["a", "a"]', "sides = ['a', 'a']: must be two dif"),
        ("port = 8080", "port = 8080\nenvironment = {PORT=1}", "services.web.environment.PORT = 1"),
        ("port = 8080", "port = 8080\nenvironment = {A=1.5}", "environment.A = 1.5: must be a str"),
        ("port = 8080", 'port = 8080\nenvironment = {"a b"=1}', 'environment."a b" = 1: must be'),
    ],
)
def test_refusals(old: str, new: str, message: str) -> None:
    assert old in MINIMAL
    text = refusal(MINIMAL.replace(old, new))
    assert text.startswith("teal.toml: ")
    assert message in text


@pytest.mark.parametrize(
    ("gateways", "message"),
    [
        ("[gateways.edge]\nport = 9080", "gateways.edge.routes = (not set): must be at least one"),
        ('[gateways.edge]\nport = 9080\nroutes = {"/" = "wbe"}', "routes.\"/\" = 'wbe': must be"),
        ('[gateways.edge]\nport = 9080\nroutes = {"x" = "web"}', "routes.x = 'web': must be under"),
        ('[gateways.edge]\nport = 9\nroutes = {"/" = "web"}\naddress = "0.0.0.0"', "a loopback"),
        ('[gateways.web]\nport = 9080\nroutes = {"/" = "web"}', "must be named differently from"),
        ('[gateways.web-blue]\nport = 9\nroutes = {"/" = "web"}', "must be named differently from"),
        (
            '[gateways.a]\nport = 9\nroutes = {"/" = "web"}\n'
            '[gateways.b]\nport = 9\nroutes = {"/" = "web"}',
            "gateways.b.port = 9: must be another port: gateways.a uses it",
        ),
    ],
)
def test_refusals_of_gateways(gateways: str, message: str) -> None:
    assert message in refusal(f"{MINIMAL}\n{gateways}\n")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ('"*/other:1" = "x"', "services.web.image = 'example/sample:1': must be an image that"),
        ('"*/sample:1" = ""', "images.\"*/sample:1\" = '': must be a command"),
        ('"*/sample:1" = []', 'images."*/sample:1" = []: must be a command'),
        ('"*/sample:1" = [1]', 'images."*/sample:1" = [1]: must be a command'),
        ('"*/sample:1" = "a \'b"', "must be a command with balanced quotes"),
        ('"*/sample:1" = {comand = "x"}', "(did you mean command?)"),
        ('"*/sample:1" = {environment = {}}', 'images."*/sample:1".command = (not set): must be'),
    ],
)
def test_refusals_of_images(images: str, message: str) -> None:
    assert message in refusal(f"{MINIMAL}\n[images]\n{images}\n")


def test_two_services_of_one_hostname() -> None:
    text = MINIMAL + '[services.api]\nport = 1\nimage = "a"\nhostname = "web.shop.local"\n'
    assert "services.api.hostname = 'web.shop.local': must be different from that of" in refusal(
        text
    )


def test_built_in_images_need_no_entry() -> None:
    text = MINIMAL.replace("example/sample:1", "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29")
    assert parse(text + '\n[images]\n"x" = "y"\n').services["web"].image.startswith("public")


def test_the_longest_pattern_decides() -> None:
    images = (Image("*", ("all",)), Image("*/a:1", ("one",)), Image("*/a:*", ("a",)))
    assert image_for(images, "x/a:1") == images[1]
    assert image_for(images[1:], "x/b:1") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [("a =", "line 1 = 'a ='"), ("[mesh]\nname = 'x'\n[mesh]\n", "line 3 = '[mesh]'")],
)
def test_not_toml(text: str, line: str) -> None:
    assert line in refusal(text)
    assert "must be valid TOML" in refusal(text)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000, "a = 0x" + "f" * 10_000]
)
def test_monstrous_files_are_refused_too(text: str) -> None:
    refusal(text)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("500ms", 0.5), ("5s", 5.0), ("1.5m", 90.0), ("2h", 7200.0), (3, 3.0), (0.25, 0.25), (0, 0)],
)
def test_durations(value: object, seconds: float) -> None:
    assert duration(value) == seconds


@pytest.mark.parametrize("value", ["5", "s", "-5s", "5 s", "5d", "", True, -1, 1e9, None, [5]])
def test_not_durations(value: object) -> None:
    assert duration(value) is None


TERRAFORM = Path(__file__).resolve().parents[3] / "examples" / "terraform" / "teal.toml"


def test_images_alone_suffice_for_a_system_that_terraform_describes() -> None:
    images = parse_additions(TERRAFORM.read_text(), str(TERRAFORM)).images
    assert [image.pattern for image in images] == ["*/sample:0.0.1", "*/sample:0.0.2"]
    assert parse_additions("") == Additions()
    sample = SAMPLE.read_text()
    assert parse_additions(sample, str(SAMPLE)).images == parse(sample).images


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[image]", "teal.toml: image = {}: must be"),
        ('[images]\n"a:1" = 3', 'teal.toml: images."a:1" = 3: must be a command'),
        ('[images]\n"a:1" = "a"\n[services.web]\nport = 1', "teal.toml: mesh.name = (not set)"),
    ],
)
def test_what_is_wrong_beside_or_in_images_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_additions(text)
    assert words in str(caught.value)


def test_times_of_services_and_gateways() -> None:
    assert parse(MINIMAL).services["web"].request_timeout is None
    gateway = """
        [gateways.edge]
        port = 80
        routes = { "/" = "web" }
        """
    timed = MINIMAL + 'request_timeout = "1m"\nidle_timeout = 0\ndrain_time = "10m"\n' + gateway
    web = parse(timed).services["web"]
    assert (web.request_timeout, web.idle_timeout, web.drain_time) == (60.0, 0.0, 600.0)
    edge = parse(timed + 'request_timeout = "60s"\ndrain_time = 90').gateways["edge"]
    assert (edge.request_timeout, edge.idle_timeout, edge.drain_time) == (60.0, None, 90.0)
    assert "services.web.request_timeout is 60 s" in refusal(timed + "request_timeout = 61")
    assert "services.web.request_timeout is 60 s" in refusal(timed + "request_timeout = 0")
    assert "services.web.idle_timeout is 300 s" in refusal(MINIMAL + gateway + "idle_timeout = 301")
    assert "services.web.drain_time" in refusal(MINIMAL + 'drain_time = "soon"')
