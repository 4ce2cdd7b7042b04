import concurrent.futures
import http.server
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from devcluster import ApiServer, api_server
from devcluster.kube import Answer, Kube, until

pytestmark = pytest.mark.api


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def test_two_api_servers_side_by_side_know_nothing_of_each_other(api_cluster: ApiServer) -> None:
    with api_server() as other:
        other.kube().call("POST", "/api/v1/namespaces", namespace("only-there"))

        assert other.url != api_cluster.url
        assert other.kube().find("/api/v1/namespaces/only-there") is not None
        assert api_cluster.kube().find("/api/v1/namespaces/only-there") is None


def test_neither_accepts_the_others_certificates(api_cluster: ApiServer) -> None:
    with api_server() as other:
        stranger = ssl.create_default_context(cafile=str(other.ca))
        stranger.load_cert_chain(api_cluster.client_cert, api_cluster.client_key)
        with pytest.raises(Answer, match="401"):
            Kube(other.url, stranger).call("GET", "/api/v1/namespaces")


def test_data_outlive_the_api_servers_absence(own_api_cluster: ApiServer) -> None:
    kube = own_api_cluster.kube()
    kube.call("POST", "/api/v1/namespaces", namespace("lasting"))

    own_api_cluster.stop_api()
    with pytest.raises(OSError, match="refused"):
        kube.call("GET", "/api/v1/namespaces/lasting")

    own_api_cluster.start_api()
    assert kube.find("/api/v1/namespaces/lasting") is not None


def test_who_shows_no_certificate_is_refused(api_cluster: ApiServer) -> None:
    anonymous = Kube(api_cluster.url, ssl.create_default_context(cafile=str(api_cluster.ca)))
    with pytest.raises(Answer, match="403"):
        anonymous.call("GET", "/api/v1/namespaces")


def test_a_service_accounts_token_opens_only_what_its_role_allows(api_cluster: ApiServer) -> None:
    kube = api_cluster.kube()
    kube.call("POST", "/api/v1/namespaces", namespace("tokens"))
    here = "/api/v1/namespaces/tokens"
    kube.call("POST", f"{here}/serviceaccounts", {"metadata": {"name": "reader"}})
    grant(kube, "tokens", "reader", verbs=["list"])
    issued = kube.call("POST", f"{here}/serviceaccounts/reader/token", {"spec": {"expirationSeconds": 600}})

    assert get_with_token(api_cluster, f"{here}/configmaps", issued["status"]["token"]) == 200
    assert get_with_token(api_cluster, f"{here}/secrets", issued["status"]["token"]) == 403
    assert get_with_token(api_cluster, f"{here}/configmaps", issued["status"]["token"] + "x") == 401


def grant(kube: Kube, where: str, account: str, verbs: list[str]) -> None:
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{where}"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}
    kube.call("POST", f"{base}/roles", {"metadata": {"name": account}, "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": where}
    kube.call("POST", f"{base}/rolebindings", {"metadata": {"name": account}, "roleRef": role, "subjects": [subject]})


def get_with_token(cluster: ApiServer, path: str, token: str) -> int:
    request = urllib.request.Request(cluster.url + path, headers={"Authorization": f"Bearer {token}"})
    tls = ssl.create_default_context(cafile=str(cluster.ca))
    try:
        with urllib.request.urlopen(request, context=tls, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def stub() -> Iterator[int]:
    """A process that answers on all loopback addresses, as one stub for all simulated Pods does."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"I am {self.connection.getsockname()[0]}".encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Hello)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_stub_answers_for_all_simulated_pods(simulated_cluster: ApiServer, stub: int) -> None:
    kube = simulated_cluster.kube()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        addresses = list(pool.map(lambda i: running(kube, f"pod-{i}"), range(8)))

    assert len(set(addresses)) == 8
    for address in addresses:
        with urllib.request.urlopen(f"http://{address}:{stub}/", timeout=5) as answer:
            assert answer.read().decode() == f"I am {address}"


def test_simulated_nodes_run_out_of_gpus(simulated_cluster: ApiServer) -> None:
    kube = simulated_cluster.kube()
    kube.call("POST", "/api/v1/namespaces/default/pods", pod("greedy", gpus=9))
    until(lambda: "Insufficient nvidia.com/gpu" in why_unscheduled(kube, "greedy"), "a refusal for want of GPUs")


def why_unscheduled(kube: Kube, name: str) -> str:
    status = kube.call("GET", f"/api/v1/namespaces/default/pods/{name}")["status"]
    return str([each.get("message") for each in status.get("conditions", [])])


def running(kube: Kube, name: str) -> str:
    """The address of a Pod that was made and said to run."""
    path = f"/api/v1/namespaces/default/pods/{name}"
    kube.call("POST", "/api/v1/namespaces/default/pods", pod(name))
    until(lambda: kube.call("GET", path)["status"].get("phase") == "Running", f"{name} running", 30)
    return str(kube.call("GET", path)["status"]["podIP"])


def pod(name: str, gpus: int = 1) -> dict[str, Any]:
    container = {"name": "server", "image": "none", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    return {"metadata": {"name": name}, "spec": {"automountServiceAccountToken": False, "containers": [container]}}
