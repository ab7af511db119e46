from __future__ import annotations

import os

from corral.registry.measures import Measures
from corral.registry.web.routes import Page


def test_processes_are_summed_up() -> None:
    measures = Measures(2)
    measures.use(0)
    measures.request("GET", Page.BLOB, 206, 0.004)
    measures.add("sent_bytes_total", 100)
    pid = os.fork()
    if pid == 0:
        measures.use(1)
        measures.request("GET", Page.BLOB, 200, 50.0)
        measures.add("sent_bytes_total", 23)
        os._exit(0)
    os.waitpid(pid, 0)
    lines = measures.text([("tags", "how many", 3)]).splitlines()
    assert 'corral_registry_requests_total{method="GET",endpoint="blob",code="2xx"} 2' in lines
    assert "corral_registry_sent_bytes_total 123" in lines
    assert 'corral_registry_request_seconds_bucket{method="GET",le="0.005"} 1' in lines
    assert 'corral_registry_request_seconds_bucket{method="GET",le="+Inf"} 2' in lines
    assert 'corral_registry_request_seconds_sum{method="GET"} 50.004' in lines
    assert "corral_registry_tags 3" in lines


def test_every_sample_has_its_type() -> None:
    measures = Measures()
    measures.request("FOO", None, 404, 0.1)
    lines = measures.text([]).splitlines()
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if not line.startswith("#"):
            name = line.split("{")[0].split()[0]
            assert {name, *(name.removesuffix(end) for end in ("_bucket", "_sum", "_count"))} & typed
