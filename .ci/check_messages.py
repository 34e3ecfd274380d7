"""Are the translation catalogues what the code and templates say? With `--update` they are brought up to date instead.

The compiled catalogues (.mo) are kept in the repository, so that a checkout speaks every language without a build step.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from beyondloss.assets import assets_path
from beyondloss.web.i18n import ENGLISH, LANGUAGES, LOCALE_PATH

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    (ROOT / "app" / "beyondloss" / "web", [("**.py", "python")], {}),
    (assets_path("templates"), [("**.html", "jinja2"), ("**.txt", "jinja2")], {"**": {
        "extensions": "jinja2.ext.do", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false",
    }}),
)  # fmt: skip


def main() -> int:
    wanted = extracted()
    if "--update" in sys.argv[1:]:
        for code in codes():
            update(code, wanted)
        return 0
    complaints = [complaint for code in codes() for complaint in differences(code, wanted)]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        print("Bring them up to date with `make messages`, and translate what is new.", file=sys.stderr)
    return 1 if complaints else 0


def codes() -> list[str]:
    return [language.code for language in LANGUAGES if language is not ENGLISH]


def extracted() -> Catalog:
    catalog = Catalog(project="BeyondLoss", charset="utf-8")
    for folder, methods, options in SOURCES:
        found = extract_from_dir(
            folder, methods, options, keywords=DEFAULT_KEYWORDS, comment_tags=("translators:",), strip_comment_tags=True
        )
        for path, _line, message, comments, context in found:
            catalog.add(message, locations=[(f"{folder.name}/{path}", None)], auto_comments=comments, context=context)
    return catalog


def update(code: str, wanted: Catalog) -> None:
    folder = LOCALE_PATH / code / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    catalog = current(code)
    catalog.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    with (folder / "messages.po").open("wb") as file:
        write_po(file, catalog, width=110, sort_output=True, omit_header=False, include_lineno=False)
    (folder / "messages.mo").write_bytes(compiled(current(code)))
    missing = len(untranslated(current(code)))
    print(f"{code}: {len(catalog)} messages, {missing} to translate")


def differences(code: str, wanted: Catalog) -> list[str]:
    catalog = current(code)
    asked, known = ids(wanted), ids(catalog)
    found = [f"{code}: not in the catalogue: {name!r}" for name in sorted(asked - known)]
    found += [f"{code}: no longer used: {name!r}" for name in sorted(known - asked)]
    mo = LOCALE_PATH / code / "LC_MESSAGES" / "messages.mo"
    if not mo.exists() or mo.read_bytes() != compiled(catalog):
        found.append(f"{code}: messages.mo is not what messages.po says")
    return found


def current(code: str) -> Catalog:
    path = LOCALE_PATH / code / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Catalog(locale=code, project="BeyondLoss", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=code)


def compiled(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def ids(catalog: Catalog) -> set[str]:
    return {message.id if isinstance(message.id, str) else message.id[0] for message in catalog if message.id}


def untranslated(catalog: Catalog) -> set[str]:
    return {
        str(message.id)
        for message in catalog
        if message.id and not all([message.string] if isinstance(message.string, str) else message.string)
    }


if __name__ == "__main__":
    sys.exit(main())
