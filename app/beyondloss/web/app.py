"""The application: middlewares outside in, the first page, then the other pages and the JSON API on demand. No logic.

Start-up is measured (benchmarks/): what the first page does not need is imported when it is first asked for.
"""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from beyondloss import __version__
from beyondloss.assets import assets_path
from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web import leave, problems
from beyondloss.web.api.lazy import LazyApi
from beyondloss.web.i18n import LanguageMiddleware
from beyondloss.web.late import LatePages
from beyondloss.web.render import make_environment
from beyondloss.web.runs import routes as runs
from beyondloss.web.security import (
    BodyLimitMiddleware,
    HeadersMiddleware,
    HostMiddleware,
    SameOriginMiddleware,
    allowed_hosts,
)
from beyondloss.web.static import StaticFiles
from beyondloss.web.visitors import Keys, VisitorMiddleware

# On a page's few hundred kB level 4 costs about 2 ms; 9 saves a few per cent more for five times that.
GZIP_LEVEL = 4
MOST_BODY_BYTES = 64_000_000
WATCH_NOTHING: Callable[[Path], None] = lambda folder: None  # noqa: E731


def create_app(settings: Settings, store: Store, *, watch: Callable[[Path], None] = WATCH_NOTHING) -> Starlette:
    """`watch` is told every folder that a person imports in the page, so that `serve` follows it from then on."""
    static = StaticFiles(assets_path("static"))
    keys = Keys(settings.data_dir, owner_key=settings.owner_key)
    app = Starlette(
        routes=[Mount("/static", static, name="static"), *leave.ROUTES, *runs.ROUTES],
        lifespan=_lifespan,
        middleware=[
            Middleware(HeadersMiddleware),
            Middleware(LanguageMiddleware),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=GZIP_LEVEL),
            Middleware(HostMiddleware, allowed=allowed_hosts(settings)),
            Middleware(SameOriginMiddleware),
            Middleware(BodyLimitMiddleware, limit_bytes=MOST_BODY_BYTES),
            Middleware(VisitorMiddleware, store=store, keys=keys),
            Middleware(LazyApi),
            Middleware(LatePages),
        ],
    )
    app.state.settings = settings
    app.state.store = store
    app.state.keys = keys
    app.state.watch = watch
    app.state.static = static
    app.state.templates = make_environment(static, cache_path=_template_cache(settings))
    problems.install(app)
    return app


def _template_cache(settings: Settings) -> Path:
    """Compiled templates, kept between starts and by version, in a folder that only its owner can write."""
    path = settings.cache_dir / "templates" / __version__
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    """Once the first page is out, get ready what the next clicks need."""
    stop = threading.Event()
    warming = threading.Thread(target=_warm, args=(app, stop), name="warm-up", daemon=True)
    warming.start()
    yield
    stop.set()


def _warm(app: Starlette, stop: threading.Event) -> None:
    if not stop.wait(1.0):
        LatePages.build(app)
        app.state.static.warm()
        LazyApi.build(app)
