"""The one settings file. Everything that differs between installations comes from the environment.

A secret NAME may also come from a file: NAME_FILE holds its path. What is required and missing
fails here, at start, with the name of the variable.
"""

import json
import os
import zoneinfo
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from mkterp import postgres

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str | None = None) -> str:
    """The variable, or what the file named by NAME_FILE holds, or the default."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE, the path of a file that holds it)")
    return value


def env_flag(name: str, default: bool) -> bool:
    return env(name, "1" if default else "0").lower() in ("1", "true", "yes", "on")


# Runtime data of this checkout: the embedded PostgreSQL, pid files, generated keys.
DATA_DIR = Path(env("MKTERP_DATA_DIR", str(BASE_DIR / ".data")))

DEBUG = env_flag("MKTERP_DEBUG", False)
# Without a key of its own this checkout signs with one that it makes once and keeps in its data
# folder; several hosts must share one through the environment.
SECRET_KEY = env("MKTERP_SECRET_KEY", postgres.local_secret(DATA_DIR))
ALLOWED_HOSTS = env("MKTERP_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in env("MKTERP_TRUSTED_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "mkterp.core",
    "mapping",
    "sync",
    "reconciliation",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_filters",
    "django_htmx",
    "django_q",
    "django_tables2",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]

MIDDLEWARE = [
    "mkterp.core.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mkterp.core.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "mkterp.core.middleware.DatabaseAwayMiddleware",
    "mkterp.core.middleware.HtmxLoginMiddleware",
    "mkterp.core.middleware.NoStoreMiddleware",
    "mkterp.core.middleware.LocalTimeMiddleware",
    "mkterp.core.middleware.DoorMiddleware",
]

ROOT_URLCONF = "mkterp.urls"
WSGI_APPLICATION = "mkterp.wsgi.application"
AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["mkterp.core.access.backend.RoleBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "signed-out"
FRAME = "mkterp.frame.FRAME"

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
                "mkterp.core.screens.frame.frame",
            ],
        },
    }
]

# Templates of widgets are looked for among ours first: templates/django/forms/widgets/.
FORM_RENDERER = "mkterp.core.screens.widgets.WidgetRenderer"

if database_url := os.environ.get("DATABASE_URL"):
    _database = conninfo_to_dict(database_url)
else:
    _database = conninfo_to_dict(postgres.uri(DATA_DIR))
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.pop("dbname", "mkterp"),
        "USER": _database.pop("user", ""),
        "PASSWORD": _database.pop("password", ""),
        "HOST": _database.pop("host", ""),
        "PORT": _database.pop("port", ""),
        # Kept between requests and tasks; never a psycopg pool: qcluster forks, and a pool
        # inherited across a fork corrupts its connections (measured: 4 tasks/s and lost results).
        # Each web thread has one, and the first query of a new one takes 5 ms longer: kept for ten
        # minutes, and asked whether it is still there before each request.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # A database host that vanished is noticed in a minute and not in hours.
        "OPTIONS": {
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,  # milliseconds
            **_database,
        },
    }
}
# Throttling of sign-in counts over all processes and machines, so it counts in the database. The
# cluster's own notes stay in the process: health reads our heartbeat, and they change ceaselessly.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "core_cache",
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "mkterp" / "static"]
# Only for an installation that collects its static files for a server of its own.
STATIC_ROOT = env("MKTERP_STATIC_ROOT", "") or None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Served straight from the app's folders: a newcomer need not collect anything first.
WHITENOISE_USE_FINDERS = True

LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = "UTC"
# The company's zone decides posting dates and period ends, whatever the reader's own zone.
COMPANY_TIME_ZONE = zoneinfo.ZoneInfo(env("MKTERP_COMPANY_TIME_ZONE", "Europe/London"))
COMPANY_NAME = env("MKTERP_COMPANY_NAME", "Northbank UK")
COMPANY_CURRENCY = env("MKTERP_COMPANY_CURRENCY", "GBP")

# Guided exercises on the sandbox company; `make demo` sets it. Never beside a real marketplace.
PRACTICE = env_flag("MKTERP_PRACTICE", False)

# -- The two outside systems ------------------------------------------------------------------

MARKETPLACER_URL = env("MARKETPLACER_URL", "http://127.0.0.1:9100/graphql")
MARKETPLACER_API_KEY = env("MARKETPLACER_API_KEY", "")
MARKETPLACER_BASIC_AUTH = env("MARKETPLACER_BASIC_AUTH", "")  # user:password, or empty
MARKETPLACER_WEBHOOK_KEY = env("MARKETPLACER_WEBHOOK_KEY", "")
# Ours stays under the vendor's lowest published limit, 600 requests in 10 s for one source IP.
MARKETPLACER_RATE = (500, 10)
MARKETPLACER_PAGE_SIZE = int(env("MARKETPLACER_PAGE_SIZE", "200"))  # the vendor allows 500
WEBHOOK_MAX_BYTES = 1_000_000

# Marketplacer takes no shipment without a tracking number and a carrier. What stands there for
# goods that the ERP sent without one; a carrier of that name must exist at Marketplacer.
SHIPMENT_TRACKING_PLACEHOLDER = env("SHIPMENT_TRACKING_PLACEHOLDER", "NO-TRACKING")
SHIPMENT_CARRIER_PLACEHOLDER = env("SHIPMENT_CARRIER_PLACEHOLDER", "Untracked post")

# Orders created before this moment are mirrored and never posted.
_go_live = env("MKTERP_GO_LIVE_AT", "2026-01-01T00:00:00+00:00")
GO_LIVE_AT = datetime.fromisoformat(_go_live)
if GO_LIVE_AT.tzinfo is None:
    raise ImproperlyConfigured(f"MKTERP_GO_LIVE_AT needs a time zone: {_go_live}+00:00")

# Everything is read, decided and queued, and nothing is written to either far side. What was queued
# meanwhile is decided anew when this ends (docs/go-live.md).
DRY_RUN = env_flag("MKTERP_DRY_RUN", False)

# Marketplacer's finance settings, which decide what a payout contains; it has no call that tells.
PAYOUT_TERMS: dict[str, Any] = {
    "withholds_goods_tax": env_flag("MARKETPLACER_WITHHOLDS_GOODS_TAX", False),
    "withholds_postage_tax": env_flag("MARKETPLACER_WITHHOLDS_POSTAGE_TAX", False),
    "operator_funds_discounts": env_flag("MARKETPLACER_OPERATOR_FUNDS_DISCOUNTS", False),
    "commission_contains_tax": env_flag("MARKETPLACER_COMMISSION_CONTAINS_TAX", True),
    "postage_commission_rate": Decimal(env("MARKETPLACER_POSTAGE_COMMISSION_RATE", "0")),
}

ERP_ADAPTER = env("ERP_ADAPTER", "sync.erp.tryton.TrytonErp")
# What the adapter is built with. Tryton and Odoo take these four; the others have options of their
# own (docs/erps.md), given whole as a JSON object, and the secret apart from them.
ERP_OPTIONS: dict[str, Any] = json.loads(env("ERP_OPTIONS", "{}")) or {
    "url": env("ERP_URL", "http://127.0.0.1:8100"),
    "database": env("ERP_DATABASE", "erp"),
    "user": env("ERP_USER", "integration"),
}
ERP_OPTIONS["password"] = env("ERP_PASSWORD", "")

# The ERP's code of the party that a seller is there; {} is the seller's number at Marketplacer.
ERP_SELLER_PARTY = env("ERP_SELLER_PARTY", "S{}")

# The ERP's words for goods that lie packed: an order to be collected is then READY.
ERP_READY_STATES = tuple(env("ERP_READY_STATES", "packed").split(","))

# -- django-q2: the clock and the hands ---------------------------------------------------------
# Retries, order and exactly-once are ours (sync/services); a task only says "work until empty".

Q_CLUSTER = {
    "name": "main",
    "orm": "default",
    "workers": 2,
    "timeout": 240,
    # The lock runs from the claim, not the start: retry > timeout x (1 + ceil(2 / workers)).
    "retry": 900,
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.2,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": 0,
    "catch_up": False,
    "label": "mkterp",
    "cache": "process",
}

# Dotted path of the task: minutes between runs. `manage.py syncschedules` makes the database equal.
SCHEDULES = {
    "mkterp.core.tasks.seal_audit": 1,
    "sync.tasks.canary": 1,
    "sync.tasks.pull_sellers": 15,
    "sync.tasks.pull_listings": 5,
    "sync.tasks.pull_items": 5,
    "sync.tasks.poll_invoices": 1,
    "sync.tasks.pull_refunds": 5,
    "sync.tasks.sweep_remittances": 15,
    "sync.tasks.pull_advices": 5,
    "sync.tasks.process_payouts": 1,
    "sync.tasks.fetch_hinted": 1,
    "sync.tasks.process_inbox": 1,
    "sync.tasks.deliver_erp": 1,
    "sync.tasks.deliver_marketplacer": 1,
    "sync.tasks.read_back": 1,
    "sync.tasks.pull_documents": 5,
    "sync.tasks.read_books": 15,
    "sync.tasks.pull_stock": 1,
    "sync.tasks.pull_all_stock": 1440,
    "sync.tasks.compare_stock": 1,
    "sync.tasks.compare_all_stock": 360,
    "sync.tasks.push_stock": 1,
    "sync.tasks.look_at_stock": 1,
    "sync.tasks.look_at_all_stock": 1440,
    "sync.tasks.plan_stock": 10,
    "sync.tasks.prune_promises": 1440,
    "sync.tasks.pull_erp_shipments": 1,
    "sync.tasks.pull_shipments": 1,
    "sync.tasks.pull_carriers": 60,
    "sync.tasks.pull_returns": 5,
    "sync.tasks.look_at_corrections": 1,
    "mapping.tasks.rank": 1,
    "mapping.tasks.learn": 60,
    "mapping.tasks.find_duplicates": 10,
    "mapping.tasks.sweep_files": 5,
    "sync.tasks.recheck_mappings": 5,
    "sync.tasks.compare_catalogues": 5,
    "reconciliation.tasks.match_settlement": 5,
    "reconciliation.tasks.match_all_settlement": 1440,
    "reconciliation.tasks.book_settlement": 5,
    "reconciliation.tasks.compare_documents": 5,
    "reconciliation.tasks.sweep_days": 60,
    "reconciliation.tasks.watch_close": 5,
    "sync.tasks.sweep": 1,
    "sync.tasks.tend_cases": 1,
    "sync.tasks.notify": 1,
    "sync.tasks.deliver_notices": 1,
    "sync.tasks.prune": 1440,
    "sync.tasks.redact_personal_data": 60,
}
# How long a buyer's name and address are kept: returns and guarantees are asked about for a year.
PERSONAL_DATA_DAYS = int(env("PERSONAL_DATA_DAYS", "365"))
# How long webhooks may be silent, while reading brings news that none announced, before the alarm.
WEBHOOK_SILENCE_MINUTES = int(env("WEBHOOK_SILENCE_MINUTES", "60"))
WORKER_STALE_SECONDS = int(env("WORKER_STALE_SECONDS", "120"))

# -- Telling people ------------------------------------------------------------------------------

# How links in messages begin. Without one they lead to the first trusted origin.
PUBLIC_URL = env(
    "MKTERP_PUBLIC_URL",
    CSRF_TRUSTED_ORIGINS[0] if CSRF_TRUSTED_ORIGINS else "http://127.0.0.1:8000",
).rstrip("/")
# The mail server; without one nobody is told by e-mail.
EMAIL_HOST = env("EMAIL_HOST", "")
EMAIL_PORT = int(env("EMAIL_PORT", "587"))
EMAIL_HOST_USER = env("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_SSL = env_flag("EMAIL_USE_SSL", False)  # TLS from the first byte (port 465)
EMAIL_USE_TLS = env_flag("EMAIL_USE_TLS", not EMAIL_USE_SSL)  # STARTTLS
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "mkterp@localhost")
# A channel may lead to an address of a private network, and over plain HTTP.
NOTIFY_PRIVATE_ADDRESSES = env_flag("NOTIFY_PRIVATE_ADDRESSES", False)
# Hours until an exception is overdue, by kind: {"UNMAPPED_SKU": 8}. The others go by severity.
SERVICE_LEVEL_HOURS: dict[str, Any] = json.loads(env("SERVICE_LEVEL_HOURS", "{}"))

# -- Security ------------------------------------------------------------------------------------

SECURE_COOKIES = env_flag("MKTERP_HTTPS", False)
SESSION_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_SSL_REDIRECT = SECURE_COOKIES
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_COOKIES
SECURE_HSTS_PRELOAD = SECURE_COOKIES
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_COOKIES else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Who may read /metrics: the bearer of this token; without one, this host itself.
METRICS_TOKEN = env("METRICS_TOKEN", "")

# Where traces go (mkterp.core.tracing); OpenTelemetry's own variables say the rest.
TRACES_ENDPOINT = env(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
)

# -- Logs: lines for people, or one JSON object a line for machines --------------------------------

LOG_FORMAT = env("MKTERP_LOG_FORMAT", "line")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured(f"MKTERP_LOG_FORMAT is line or json, not {LOG_FORMAT!r}")

SECRET_KEY_FALLBACKS = [key for key in env("MKTERP_OLD_SECRET_KEYS", "").split(",") if key]

# The ways in (mkterp.core.access, by django-allauth). How many proxies stand before us decides
# which address of X-Forwarded-For is the visitor's: throttling counts by it.
ALLAUTH_TRUSTED_PROXY_COUNT = int(env("MKTERP_PROXY_COUNT", "0"))
ACCOUNT_ADAPTER = "mkterp.core.access.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True  # as long as SESSION_COOKIE_AGE says, for everybody
ACCOUNT_LOGOUT_REDIRECT_URL = LOGOUT_REDIRECT_URL
MFA_ADAPTER = "mkterp.core.access.adapters.TwoFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1  # a code that ran out while it was typed still counts
# Whoever holds one of these roles and signs in with a password must set up a second factor first.
SECOND_FACTOR_ROLES = frozenset(
    role for role in env("MKTERP_SECOND_FACTOR_ROLES", "").split(",") if role
)
# Single sign-on by OpenID Connect: on as soon as there is an issuer.
OIDC_ISSUER = env("OIDC_ISSUER", "")
OIDC_NAME = env("OIDC_NAME", "your company's account")
# A claim that holds roles makes people's roles equal to it at each sign-in; OIDC_ROLES translates
# its values ("erp-finance=finance,erp-ops=operations"). Without it an administrator gives roles.
OIDC_ROLES_CLAIM = env("OIDC_ROLES_CLAIM", "")
OIDC_ROLES = dict(pair.split("=", 1) for pair in env("OIDC_ROLES", "").split(",") if "=" in pair)
SOCIALACCOUNT_ADAPTER = "mkterp.core.access.adapters.SocialAdapter"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_STORE_TOKENS = False
# A link, not a form: the content policy's form-action holds for every redirect that follows a form,
# and who signs people in may be on any host. What it starts is bound by state and PKCE.
SOCIALACCOUNT_LOGIN_ON_GET = True
# The issuer is the company's own: its word on whose e-mail address it is counts.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "company",
                "name": OIDC_NAME,
                "client_id": env("OIDC_CLIENT_ID"),
                "secret": env("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
            }
        ]
        if OIDC_ISSUER
        else []
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "mkterp.core.requestid.RequestIdFilter"}},
    "formatters": {
        "line": {
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        },
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(order)s %(message)s",
            "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env("MKTERP_LOG_LEVEL", "INFO")},
    "loggers": {"httpx": {"level": "WARNING"}, "httpcore": {"level": "WARNING"}},
}
