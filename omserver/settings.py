"""Django's settings; everything that differs between installations comes from the environment (omserver.env)."""

from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF  # noqa: F401  # NONCE is kept at hand on purpose for error pages
from django.utils.translation import gettext_lazy as _

from omserver import env, headers

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = env.home(BASE_DIR)
SECRET_KEY = env.secret_key(HOME)
DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "omserver.apps.StaticFiles",
    "django.contrib.humanize",
    "django.forms",  # its templates, for the widgets that have their own in templates/
    "django_htmx",
    "csp",
    "analytics",
    "webui.servers",
    "webui.tasks",
    "webui.modules",
    "webui.files",
    "webui.dashboards",
    "webui.alerts",
    "webui.audit",
    "webui",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "omserver.tracing.traced",
    "csp.middleware.CSPMiddleware",
    "omserver.headers.Private",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "webui.catalog.OnceARequest",
]
ROOT_URLCONF = "omserver.urls"
ASGI_APPLICATION = "omserver.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webui.context.frame",
            ],
        },
    },
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # widgets may have templates of ours

DATABASES = {"default": dj_database_url.parse(env.text("DATABASE_URL") or f"sqlite:///{HOME / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a writer waits for its turn instead of failing half-way
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {}).update({"charset": "utf8mb4", "isolation_level": "read committed"})
    DATABASES["default"]["CONN_MAX_AGE"] = 60
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "omserver_session"
CSRF_COOKIE_NAME = "omserver_csrf"
CSRF_FAILURE_VIEW = "webui.errors.csrf"
BEHIND_TLS = env.flag("BEHIND_TLS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 30 * 24 * 3600 if BEHIND_TLS else 0)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.text("TZ", "UTC") or "UTC"
USE_I18N = USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("echarts", BASE_DIR / "node_modules/echarts/dist"),
    ("tabler/css", BASE_DIR / "node_modules/@tabler/core/dist/css"),
    ("fonts/inter", BASE_DIR / "node_modules/@fontsource-variable/inter/files"),
    ("fonts/jetbrains-mono", BASE_DIR / "node_modules/@fontsource-variable/jetbrains-mono/files"),
]
WHITENOISE_ADD_HEADERS_FUNCTION = headers.static
FILES_DIR = HOME / "files"  # what people upload and what servers give
FILE_BYTES = env.number("OMSERVER_FILE_MB", 256, low=1, high=1 << 16) << 20  # of one of them
FILES_BYTES = env.number("OMSERVER_FILES_MB", 10_240, low=1) << 20  # of all of them
FILES_KEEP_DAYS = env.number("OMSERVER_FILES_KEEP_DAYS", 30, low=1)  # after nobody has wanted them
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "omserver.storage.HashedStorage"},
    "files": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": FILES_DIR,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
ICONS_DIR = BASE_DIR / "node_modules/@tabler/icons/icons/outline"

# What is ours
MODULES_DIR = Path(env.text("OMSERVER_MODULES") or BASE_DIR / "modules")
WEB_KEYS_DIR = HOME / "web"  # the web tier's identity towards the masters
CONFIRM_ABOVE = env.number("OMSERVER_CONFIRM_ABOVE", 100, low=1)  # hosts; above, their number must be typed
MAX_HOSTS = env.number("OMSERVER_MAX_HOSTS", 20_000, low=1)  # hosts of one task
MASTER_SILENT_AFTER = env.number("OMSERVER_MASTER_SILENT_AFTER", 15, low=2)  # seconds without an answer
LEASE_SECONDS = env.number("OMSERVER_LEASE_SECONDS", 60, low=5)  # how long a silent master keeps its hosts
ANALYTICS_URL = env.text("ANALYTICS_URL")  # of a ClickHouse; empty: the embedded store
ANALYTICS_CLUSTER = env.text("ANALYTICS_CLUSTER")  # its name there, where tables are to be sharded
ANALYTICS_PREFIX = env.text("ANALYTICS_PREFIX", "om_")  # of the databases; two installations on one ClickHouse need two
MAIL = env.mail("EMAIL_URL")
EMAIL_HOST, EMAIL_PORT = MAIL["host"], MAIL["port"]  # no host: alerts by mail say that none is set
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL["user"], MAIL["password"]
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL["starttls"], MAIL["tls"]
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "omserver@localhost")
EFFECT_HOURS = env.number("OMSERVER_EFFECT_HOURS", 2, low=1, high=24)  # compared on each side of a task
SITE_URL = env.text("SITE_URL").rstrip("/")  # how people reach the pages, for links in mails
ALERT_PRIVATE_WEBHOOKS = env.flag("ALERT_PRIVATE_WEBHOOKS")  # alerts may be posted to addresses inside the network
ANALYTICS_IMPORT_DIR = env.text("ANALYTICS_IMPORT_DIR")  # whose files pages may import; empty: none
ANALYTICS_UPLOADS_DIR = HOME / "analytics-uploads"  # files for imports, until these are done
ANALYTICS_UPLOAD_BYTES = env.number("ANALYTICS_UPLOAD_MB", 2048, low=1, high=1 << 20) << 20  # of one of them
ANALYTICS_DEMO = env.flag("ANALYTICS_DEMO")  # an installation without any dataset gets a generated one, once
LANGUAGE_NAMES = {"en": _("English"), "zh-hans": _("Simplified Chinese")}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "omserver.logs.OneLine", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"refusals": {"()": "omserver.logs.WithoutRefusals"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"fontTools": {"level": "WARNING"}},  # else each PDF tells its fonts in 150 lines
}
