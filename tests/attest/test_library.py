"""Collateral: fresh, stale or missing by name; outages cost nothing that is still in date; bounds hold."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec import structs

from cocoon.attest import bundle as bundles
from cocoon.attest.collateral import MAXIMUM_BYTES, NONE, Need
from cocoon.attest.library import LEAVE_ALONE, MOST_PIECES, Library, fresh_for
from cocoon.attest.needs import more_needs, needs
from cocoon.attest.sources import Folder, Mirror, Unavailable
from cocoon.attest.vendors import Addresses, Vendors
from tests.attest.evidence import about, bundle, codes, gpu_nonce, judge, under
from tests.attest.makers.amd import amd
from tests.attest.makers.certificates import AT
from tests.attest.makers.intel import intel
from tests.attest.makers.nvidia import nvidia
from tests.runner import https_files

CRL = "amd/Genoa/vcek/crl.der"


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> float:
        return self.now


class Shelf:
    """A source whose content and outages the test decides."""

    def __init__(self, **items: bytes) -> None:
        self.items, self.asked, self.down = dict(items), 0, False

    async def fetch(self, need: Need) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("the service is down")
        if need.name not in self.items:
            raise Unavailable("status 404")
        return self.items[need.name]


def names_in(folder: Path) -> list[str]:
    return [found.name for found in sorted(folder.rglob("*"))]


async def test_fresh_is_not_fetched_again_and_stale_is() -> None:
    clock, shelf = Clock(), Shelf(**{CRL: b"1"})
    library = Library([shelf], clock)
    for _ in range(3):
        assert (await library.get([Need(CRL)])).items == {CRL: b"1"}
    assert shelf.asked == 1
    clock.now += fresh_for(CRL)
    assert library.pieces()[0].state(clock.now) == "Stale"
    shelf.items[CRL] = b"2"
    assert (await library.get([Need(CRL)])).items == {CRL: b"2"}
    assert library.pieces()[0].state(clock.now) == "Fresh"


async def test_an_outage_leaves_what_is_at_hand_and_is_not_made_worse() -> None:
    clock, shelf = Clock(), Shelf(**{CRL: b"1"})
    library = Library([shelf], clock)
    await library.get([Need(CRL)])
    shelf.down = True
    clock.now += fresh_for(CRL)
    for _ in range(5):
        assert (await library.get([Need(CRL)])).items == {CRL: b"1"}
    assert shelf.asked == 2
    assert library.pieces()[0].state(clock.now) == "Stale"
    assert library.pieces()[0].why == "the service is down"
    clock.now += LEAVE_ALONE
    await library.get([Need(CRL)])
    assert shelf.asked == 3


async def test_what_is_missing_says_why() -> None:
    nothing = await Library([], Clock()).get([Need(CRL)])
    assert nothing.missing == {CRL: "no source of collateral is configured"}
    down = Shelf()
    down.down = True
    both = await Library([Shelf(), down], Clock()).get([Need(CRL)])
    assert both.missing == {CRL: "status 404; the service is down"}


async def test_many_ask_and_one_fetches() -> None:
    shelf = Shelf(**{CRL: b"1"})
    library = Library([shelf], Clock())
    await asyncio.gather(*(library.get([Need(CRL)]) for _ in range(50)))
    assert shelf.asked == 1


async def test_memory_is_bounded() -> None:
    names = [f"nvidia/rim/A{number}.xml" for number in range(MOST_PIECES + 10)]
    library = Library([Shelf(**dict.fromkeys(names, b"x"))], Clock())
    await library.get([Need(name) for name in names])
    assert len(library.pieces()) == MOST_PIECES


async def test_copies_outlive_the_process_and_the_network(tmp_path: Path) -> None:
    clock, shelf, kept = Clock(), Shelf(**{CRL: b"1"}), Folder(tmp_path)
    await Library([shelf], clock, kept).get([Need(CRL)])
    shelf.down = True
    again = Library([shelf], clock, kept)
    assert (await again.get([Need(CRL)])).items == {CRL: b"1"}
    assert again.pieces()[0].state(clock.now) == "Stale"
    assert names_in(tmp_path) == ["amd", "Genoa", "vcek", "crl.der"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "amd/../../x", "amd//x", "amd/.x", "amd/a\0b", ""])
async def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    for source in (Folder(tmp_path), Mirror("http://127.0.0.1:9"), Vendors()):
        with pytest.raises(Unavailable, match="no name of collateral"):
            await source.fetch(Need(name))
    await Folder(tmp_path).keep(name, b"x")
    assert names_in(tmp_path) == []


async def test_files_are_read_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "amd").mkdir()
    (tmp_path / "amd" / "big").write_bytes(bytes(MAXIMUM_BYTES + 1))
    with pytest.raises(Unavailable, match="more than"):
        await Folder(tmp_path).fetch(Need("amd/big"))
    with pytest.raises(Unavailable, match="no file of that name"):
        await Folder(tmp_path).fetch(Need("amd/none"))


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(routes)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_a_mirror_and_its_failures() -> None:
    async def one(request: web.Request) -> web.Response:
        return {
            "good": web.Response(body=b"content"),
            "big": web.Response(body=bytes(MAXIMUM_BYTES + 1)),
            "moved": web.Response(status=302, headers={"Location": "/amd/good"}),
        }.get(request.match_info["name"], web.Response(status=503))

    async with serving(web.get("/files/amd/{name}", one)) as address, Mirror(f"{address}/files/") as mirror:
        assert await mirror.fetch(Need("amd/good")) == b"content"
        for name, says in (("big", "more than"), ("moved", "status 302"), ("away", "status 503")):
            with pytest.raises(Unavailable, match=says):
                await mirror.fetch(Need(f"amd/{name}"))
    async with Mirror(address) as gone:
        with pytest.raises(Unavailable, match="can't be reached"):
            await gone.fetch(Need("amd/good"))
    with pytest.raises(Unavailable, match="closed"):
        await Mirror(address).fetch(Need("amd/good"))


async def test_a_mirror_with_an_authority_of_ones_own() -> None:
    async with https_files.serving() as files:
        files.content["cc/amd/good"] = b"content"
        address = f"https://localhost:{files.port}/cc"
        async with Mirror(address, https_files.IDENTITY.certificate.decode()) as mirror:
            assert await mirror.fetch(Need("amd/good")) == b"content"
        async with Mirror(address) as stranger:
            with pytest.raises(Unavailable, match="can't be reached"):
                await stranger.fetch(Need("amd/good"))


class VendorServices:
    """The services of Intel, AMD and NVIDIA as their documentation describes them, for what their makers made."""

    def __init__(self) -> None:
        self.intel, self.amd, self.nvidia = intel(), amd("Turin"), nvidia()
        self.chip = self.amd.chip()
        gpus = self.nvidia.gpu(), self.nvidia.gpu()
        self.shown = [self.nvidia.evidence(gpu, gpu_nonce()) for gpu in gpus]
        self.asked: list[str] = []
        self._held = self.nvidia.collateral(*gpus)
        self._answers = self._of_intel() | self._of_amd() | self._of_nvidia()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(str(request.rel_url))
        if request.path == "/ocsp":
            return web.Response(body=self._ocsp(await request.read()))
        body, headers = self._answers.get(request.path, (None, {}))
        return web.Response(body=body, headers=headers) if body is not None else web.Response(status=404)

    def _of_intel(self) -> dict[str, tuple[bytes, dict[str, str]]]:
        published = json.loads(self.intel.published())
        chain = published["tcb_info_issuer_chain"].replace("\n", "%0A")
        crl_chain = published["pck_crl_issuer_chain"].replace("\n", "%0A")

        def signed(name: str, key: str) -> bytes:
            return f'{{"{name}":{published[key]},"signature":"{published[f"{key}_signature"]}"}}'.encode()

        at = "/sgx/certification/v4/pckcrl", "/tdx/certification/v4/tcb", "/tdx/certification/v4/qe/identity"
        return {
            at[0]: (bytes.fromhex(published["pck_crl"]), {"SGX-PCK-CRL-Issuer-Chain": crl_chain}),
            at[1]: (signed("tcbInfo", "tcb_info"), {"TCB-Info-Issuer-Chain": chain}),
            at[2]: (signed("enclaveIdentity", "qe_identity"), {"SGX-Enclave-Identity-Issuer-Chain": chain}),
            "/root.crl": (published["root_ca_crl"].encode(), {}),
        }

    def _of_amd(self) -> dict[str, tuple[bytes, dict[str, str]]]:
        return {
            f"/vcek/v1/Turin/{self.chip.chip_id[:8].hex()}": (self.chip.leaf.der, {}),
            "/vcek/v1/Turin/cert_chain": (self.amd.above(), {}),
            "/vcek/v1/Turin/crl": (self.amd.crl(), {}),
        }

    def _of_nvidia(self) -> dict[str, tuple[bytes, dict[str, str]]]:
        answers: dict[str, tuple[bytes, dict[str, str]]] = {}
        for name, raw in self._held.items.items():
            rim = {"id": "x", "rim": base64.b64encode(raw).decode(), "sha256": "y"}
            answers[name.replace("nvidia/rim/", "/v1/rim/").removesuffix(".xml")] = json.dumps(rim).encode(), {}
        return answers

    def _ocsp(self, body: bytes) -> bytes | None:
        found = bundle("snp", b"", gpus=self.shown)
        wanted = {need.body: need.name for need in (*needs(found), *more_needs(self._held)) if need.body}
        return self._held.items.get(wanted[body])


async def test_the_vendors_forms() -> None:
    """Each vendor's service as its documentation describes it; the verifiers believe what comes out."""
    vendors = VendorServices()
    async with serving(web.route("*", "/{rest:.*}", vendors.answer)) as at:
        places = Addresses(intel=at, intel_root_crl=f"{at}/root.crl", amd=at, nvidia_rims=at, nvidia_ocsp=f"{at}/ocsp")
        async with Vendors(places) as source:
            library = Library([source], Clock())
            quote = vendors.intel.quote(vendors.intel.platform(), about(vendors.shown))
            tdx = bundle("tdx", quote, gpus=vendors.shown)
            snp = bundle("snp", vendors.amd.report(vendors.chip, about()))
            roots = vendors.intel.root.fingerprint, vendors.amd.root.fingerprint, *vendors.nvidia.fingerprints
            for found in (tdx, snp):
                collateral = await library.collect(found)
                assert (collateral.missing, codes(judge(found, under(*roots), collateral))) == ({}, set())
    chip = vendors.chip.chip_id[:8].hex()
    assert f"/vcek/v1/Turin/{chip}?blSPL=02&teeSPL=00&snpSPL=03&ucodeSPL=70&fmcSPL=01" in vendors.asked
    assert "/tdx/certification/v4/tcb?fmspc=00906ED50000" in vendors.asked


async def test_services_that_answer_nonsense() -> None:
    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(body=b"[" * 10_000)

    async with serving(web.route("*", "/{rest:.*}", nonsense)) as at:
        places = Addresses(intel=at, intel_root_crl=at, amd=at, nvidia_rims=at, nvidia_ocsp=at)
        async with Vendors(places) as source:
            for name in (
                "intel/00906ED50000/platform.json",
                "nvidia/rim/A.xml",
                "amd/Genoa/vcek/aa-bb.der",
                "amd/x",
                "x/y",
            ):
                with pytest.raises(Unavailable):
                    await source.fetch(Need(name))


async def test_outage_scenario_ends_by_the_collaterals_own_date() -> None:
    """While AMD's service is away its last list goes on being used, until the list itself says that it is over."""
    genoa = amd()
    clock, shelf = Clock(), Shelf(**dict(genoa.collateral().items))
    library = Library([shelf], clock)
    chip = genoa.chip()
    found = bundle("snp", genoa.report(chip, about()), genoa.endorsements(chip))
    policy = under(genoa.root.fingerprint)
    for age, some in ((0.0, set[str]()), (20 * 86_400.0, set()), (31 * 86_400.0, {"CollateralStale"})):
        clock.now = AT + age
        shelf.down = age > 0
        collateral = await library.collect(found)
        assert codes(judge(found, structs.replace(policy, maximum_age=60.0), collateral, clock.now)) == some


async def test_what_takes_too_long_is_missing_and_says_so() -> None:
    class Slow(Shelf):
        async def fetch(self, need: Need) -> bytes:
            raise Unavailable(str(await asyncio.get_running_loop().create_future()))

    genoa = amd()
    chip = genoa.chip()
    found = bundle("snp", genoa.report(chip, about()), genoa.endorsements(chip))
    collateral = await Library([Slow()], Clock()).collect_within(0.01, bundles.encode(found))
    assert (collateral.items, collateral.otherwise) == ({}, "its sources took too long")


async def test_what_is_no_bundle_takes_nothing() -> None:
    shelf = Shelf()
    assert await Library([shelf], Clock()).collect_within(1.0, b"no bundle") == NONE
    assert shelf.asked == 0
