"""Where the files lie that are not Python: templates, static files, migrations.

A wheel carries them inside the package; a checkout keeps them at its top level. Nothing else may guess these paths.
"""

from pathlib import Path

_PACKAGE_PATH = Path(__file__).resolve().parent
_CHECKOUT_PATH = _PACKAGE_PATH.parent.parent


def assets_path(name: str) -> Path:
    """The folder `templates`, `static` or `migrations`, from the wheel if it is there, else from the checkout."""
    packaged = _PACKAGE_PATH / name
    return packaged if packaged.is_dir() else _CHECKOUT_PATH / name
