"""The messages of the dashboard, and the catalogues that translate them: `make messages` brings these up to date."""

import sys
from collections.abc import Sequence
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from tests.support.repository import ROOT

DASHBOARD = ROOT / "narad" / "dashboard"
LOCALE = DASHBOARD / "locale"
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.loopcontrols", "trimmed": "true", "silent": "false"}}
WIDTH = 110


def extracted() -> Catalog:
    """Every message of the code and the templates."""
    catalogue = Catalog(project="Narad", charset="utf-8")
    found = extract_from_dir(DASHBOARD, method_map=_METHODS, options_map=_OPTIONS)
    for file, line, message, comments, context in found:
        catalogue.add(message, None, [(file, line)], auto_comments=comments, context=context)
    return catalogue


def written(path: Path) -> Catalog:
    """A catalogue as it was written."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def main() -> int:
    """Bring every catalogue up to date; says how much is left to translate, and fails while there is some."""
    left = 0
    template = extracted()
    for path in sorted(LOCALE.glob("*.po")):
        catalogue = written(path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalogue, width=WIDTH, omit_header=True, no_location=True, sort_output=True)
        missing = [message.id for message in catalogue if message.id and not _is_whole(message.string)]
        left += len(missing)
        sys.stdout.write(f"{path.name}: {len(missing)} to translate\n")
        sys.stdout.writelines(f"  {one!r}\n" for one in missing)
    return 1 if left else 0


def _is_whole(text: str | Sequence[str] | None) -> bool:
    return bool(text) and (isinstance(text, str) or all(text or ()))


if __name__ == "__main__":
    sys.exit(main())
