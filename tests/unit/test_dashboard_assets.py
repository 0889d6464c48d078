"""The static files of the dashboard: those of others are as they came, and all of them together are small."""

import hashlib
import re

from narad.dashboard.assets import Asset, address_of, assets, vendored
from tests.support.repository import ROOT

FOLDER = ROOT / "narad" / "dashboard" / "static"
MOST_BYTES = 150_000


def test_files_of_others_are_as_they_came() -> None:
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (FOLDER / "vendor").iterdir()
        if file.suffix in {".js", ".css"}
    }

    assert found == {file.name: file.sha256 for file in vendored()}


def test_every_file_of_others_has_its_licence_and_version() -> None:
    for file in vendored():
        assert (FOLDER / "vendor" / file.licence_file).stat().st_size > 100
        assert re.fullmatch(r"\d+\.\d+\.\d+", file.version)


def test_scripts_and_styles_are_within_their_budget() -> None:
    loaded = {name: asset for name, asset in assets().items() if name.endswith((".js", ".css"))}

    assert sum(len(asset.content) for asset in loaded.values()) <= MOST_BYTES


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name, asset in assets().items():
        if not name.startswith("vendor/") and name.endswith((".js", ".css")):
            assert not re.search(r"https?://|@import|\beval\b|innerHTML", asset.content.decode()), name


def test_an_address_changes_with_the_content() -> None:
    asset: Asset = assets()["vendor/htmx.min.js"]

    assert address_of("vendor/htmx.min.js") == f"/ui/static/vendor/htmx.min.js?v={asset.version}"
    assert asset.version == hashlib.sha256(asset.content).hexdigest()[:8]
