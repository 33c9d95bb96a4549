"""Every setting of the project, read from the environment; a bad value stops the start by name."""

import re
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from kombu.entity import Queue

from config import embedded, look, redis_url
from config.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _number(name: str, default: float, least: float, most: float, kind: type = int) -> Any:
    """A number from the environment within its bounds; anything else stops the start."""
    raw = env.str(name, default=str(default))
    try:
        value = kind(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {raw!r}.") from None
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} must be from {least} to {most}, not {raw}.")
    return value


def _switch(name: str, default: bool) -> bool:
    raw = env.str(name, default=str(default)).strip().lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be on or off, not {raw!r}.")


# -- Where things are -------------------------------------------------------------------------------------

# Where the embedded servers, uploaded models and the development secret live. Default: .data/ here.
DATA_DIR = embedded.data_dir()
# PostgreSQL. Default: the embedded server.
DATABASE_URL = env.str("DATABASE_URL", default="") or embedded.database_url()
# Redis or Valkey for caches; a set under Sentinel as redis+sentinel://host:port,host:port/<service>/<db>.
# Default: the embedded server.
REDIS_URL = env.str("REDIS_URL", default="") or embedded.redis_url(0)


def _broker_url() -> str:
    """CELERY_BROKER_URL, else the caches' server with another database number."""
    if given := env.str("CELERY_BROKER_URL", default=""):
        return given
    given = env.str("REDIS_URL", default="")
    if not given:
        return embedded.broker_url()
    if given.startswith(redis_url.SENTINEL):
        raise ImproperlyConfigured("CELERY_BROKER_URL must be set when REDIS_URL names Sentinels.")
    base, _, query = given.partition("?")
    if base.startswith("unix://"):
        number = 0 if "db=1" in query.split("&") else 1
        return f"redis+socket://{base.removeprefix('unix://')}?virtual_host={number}"
    scheme, _, rest = base.partition("://")
    server, _, number = rest.partition("/")
    return f"{scheme}://{server}/{0 if number == '1' else 1}" + (f"?{query}" if query else "")


# Development unless a real database is given: technical pages, demo data allowed.
DEBUG = _switch("DEBUG", default=not env.str("DATABASE_URL", default=""))
# Port of the web server, read by `make run`. Default: the first free one from 8000.
if env.str("PORT", default=""):
    _number("PORT", 8000, 1, 65535)


def _secret_key() -> str:
    """SECRET_KEY, else (in development only) one made once and kept in DATA_DIR."""
    if key := env.str("SECRET_KEY", default=""):
        return key
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY must be set when DEBUG is off.")
    path = DATA_DIR / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()


SECRET_KEY = _secret_key()
# Host names served, comma separated. Default: everything in development, else it must be given.
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts served when DEBUG is off.")
# Origins (scheme://host) whose forms are trusted behind a TLS proxy, comma separated. Default: none.
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# -- The house --------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    # First: its static files stand before unfold's of the same name.
    "config",
    "unfold.apps.BasicAppConfig",
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "events",
    "caching",
    "shop",
    "mes",
]
MIDDLEWARE = [
    "config.metrics.MetricsMiddleware",
    "config.middleware.ApiProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.RequestLimitsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.LengthMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.PrincipalMiddleware",
    "config.middleware.UnavailableMiddleware",
    "accounts.middleware.LanguageMiddleware",
    "config.middleware.PageMessagesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.PageHtmxMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- PostgreSQL -------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database.")
# Milliseconds a statement may take before PostgreSQL ends it and the API answers 503 overloaded; 0: any time.
# Default: 5000 in the web (config/wsgi.py), 0 elsewhere: migrations and the relay take their time.
STATEMENT_TIMEOUT_MS = _number("STATEMENT_TIMEOUT_MS", 0, 0, 3_600_000)
_options = DATABASES["default"].get("OPTIONS", {})
if STATEMENT_TIMEOUT_MS:
    _options["options"] = f"{_options.get('options', '')} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
DATABASES["default"].update(
    ENGINE="config.postgresql",  # which needs no statement for its health check
    CONN_MAX_AGE=60,
    CONN_HEALTH_CHECKS=True,
    OPTIONS={**_options, "connect_timeout": 5},
)

# -- Redis ------------------------------------------------------------------------------------------------

# The caches' master switch: off, every read goes to PostgreSQL. Default: on.
CACHE_ENABLED = _switch("CACHE_ENABLED", default=True)
# B, seconds: a hit is never older than this behind a committed write. Default: 2.
CACHE_FENCE_SECONDS = _number("CACHE_FENCE_SECONDS", 2, 0.5, 60, float)
# Milliseconds the cache may take to connect or answer before PostgreSQL is asked instead. Default: 100.
CACHE_TIMEOUT_MS = _number("CACHE_TIMEOUT_MS", 100, 1, 60_000)
# The board keeps this many latest orders, and every unclaimed one. Default: 1000.
CACHE_BOARD_LATEST = _number("CACHE_BOARD_LATEST", 1000, 1, 1_000_000)
# Orders in the board's cache beyond which it steps aside rather than fill the memory. Default: 1,000,000.
CACHE_BOARD_MAX_ROWS = _number("CACHE_BOARD_MAX_ROWS", 1_000_000, 1, 100_000_000)
# Seconds a Shop order stays cached after a write, or the read that missed, has put it there. Default: 900.
CACHE_SHOP_TTL = _number("CACHE_SHOP_TTL", 900, 60, 86_400)
# Partitions (Redis Cluster hash tags) of the Shop's cache. Default: 1.
CACHE_SHOP_PARTITIONS = _number("CACHE_SHOP_PARTITIONS", 1, 1, 1024)
# MiB in which a process keeps finished answers, given again while their proofs hold; 0: none. Default: 64.
CACHE_REPLAY_MB = _number("CACHE_REPLAY_MB", 64, 0, 65_536)
# Reads of one process that may ask PostgreSQL in a cache's stead at a time. Default: 8.
CACHE_FALLBACK_LIMIT = _number("CACHE_FALLBACK_LIMIT", 8, 1, 10_000)
# Two time-outs of the relay must be over before its own session in PostgreSQL idles for B.
CACHES = redis_url.caches(REDIS_URL, CACHE_TIMEOUT_MS / 1000, relay_seconds=CACHE_FENCE_SECONDS / 3)
SESSION_ENGINE = "accounts.sessions"

# -- Celery -----------------------------------------------------------------------------------------------

CELERY_BROKER_URL = _broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# PostgreSQL holds the truth and a nudge is sent again, so sending one may never hold a request.
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "retry_on_timeout": False,
    "max_retries": 0,
    "visibility_timeout": 3600,
}
# "slow" and "long" are for events.turns: a worker takes from all three, unless told otherwise by -Q.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("slow"), Queue("long")]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BEAT_SCHEDULE = {
    "events.renudge": {"task": "events.renudge", "schedule": 5.0},
    "events.purge": {"task": "events.purge", "schedule": 3600.0},
    "caching.enforce_retention": {"task": "caching.enforce_retention", "schedule": 60.0},
    "accounts.end_old_sessions": {"task": "accounts.end_old_sessions", "schedule": 3600.0},
    "caching.audit": {"task": "caching.audit", "schedule": 300.0},
    "shop.expire_quotes": {"task": "shop.expire_quotes", "schedule": 600.0},
    "shop.purge_idempotency": {"task": "shop.purge_idempotency", "schedule": 3600.0},
}

# -- People -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.OneStatementBackend"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Cookies only over TLS. Default: off, so that the demo works on plain http; switch on in production.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _switch("SECURE_COOKIES", default=False)

# -- Language, time, money --------------------------------------------------------------------------------

LANGUAGES = [("en", "English"), ("ru", "Русский")]
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"LANGUAGE_CODE must be en or ru, not {LANGUAGE_CODE!r}.")
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"
# ISO 4217 code of every price. Default: EUR.
CURRENCY = env.str("CURRENCY", default="EUR")
if not re.fullmatch(r"[A-Z]{3}", CURRENCY):
    raise ImproperlyConfigured(f"CURRENCY must be three capital letters (ISO 4217), not {CURRENCY!r}.")

# -- The admin's look -------------------------------------------------------------------------------------

UNFOLD = look.UNFOLD

# -- Files ------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
# Style sheets, scripts and fonts are served from where they are installed; nothing is collected.
WHITENOISE_USE_FINDERS = True
# Where uploaded 3D models are kept. They are only ever served as downloads, by a view that asks who may.
MODELS_ROOT = DATA_DIR / "models"
# The largest 3D model accepted, in MiB. Default: 50.
MODEL_MAX_MB = _number("MODEL_MAX_MB", 50, 1, 2000)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# -- The flow of orders -----------------------------------------------------------------------------------

# Days a client has to accept a price before the order is cancelled. Default: 30.
QUOTE_DAYS = _number("QUOTE_DAYS", 30, 1, 3650)

# -- HTTP -------------------------------------------------------------------------------------------------


def _rate(name: str, default: str) -> float:
    """Requests a second, from "<n>/s"; 0 for "off"."""
    raw = env.str(name, default=default).strip().lower()
    number = raw.removesuffix("/s")
    if raw == "off":
        return 0
    if number == raw or not number.isdecimal() or not int(number):
        raise ImproperlyConfigured(f'{name} must be "off" or like "100/s", not {raw!r}.')
    return int(number)


# Requests a user (an address, when anonymous) may make to one process, "<n>/s" or "off". Default: 100/s.
THROTTLE_RATE = _rate("THROTTLE_RATE", "100/s")
# Networks that may read /metrics, comma separated. Default: loopback.
METRICS_ALLOWED = []
for _network in env.list("METRICS_ALLOWED", default=["127.0.0.0/8", "::1/128"]):
    try:
        METRICS_ALLOWED.append(ip_network(_network))
    except ValueError:
        raise ImproperlyConfigured(f"METRICS_ALLOWED must list networks, not {_network!r}.") from None
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasRole"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.negotiation.OneFormat",
    "DEFAULT_THROTTLE_CLASSES": ["config.throttling.UserThrottle"],
    # OPTIONS is answered 405, like any method that a view doesn't have.
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "config.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "config.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Made to order",
    "VERSION": "1.0.0",
    "DESCRIPTION": "Made-to-order jewellery: **shop** is what clients see, **mes** what the plant sees.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"ProblemCode": "events.http.PROBLEM_CODES"},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.describe_problems",
    ],
}

# -- Logging ----------------------------------------------------------------------------------------------

# DEBUG, INFO, WARNING or ERROR. Default: INFO.
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured(f"LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, not {LOG_LEVEL!r}.")
LOGGING = logging_config(LOG_LEVEL, readable=DEBUG)
