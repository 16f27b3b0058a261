"""Django's settings for the tests: a home of their own, made before omserver.settings reads the environment.

OMSERVER_TEST_DATABASE_URL chooses the database (script/test --mariadb sets it); without it SQLite in a file, as
script/server has it. Nothing of a real installation is ever read or written.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

# In memory, where the machine has room for it: the store and SQLite wait for the disk at each table and transaction.
_memory = Path("/dev/shm")
_room = _memory.is_dir() and shutil.disk_usage(_memory).free > 4 << 30
_home = Path(tempfile.mkdtemp(prefix="omserver-test-", dir=_memory if _room else None))
(_home / "static").mkdir()  # whitenoise warns where it is missing
atexit.register(shutil.rmtree, _home, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("OMSERVER_") and not name.startswith("OMSERVER_TEST_")]:
    del os.environ[_name]
for _name in ("DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "BEHIND_TLS", "LOG_LEVEL", "TZ"):
    os.environ.pop(_name, None)
os.environ["OMSERVER_HOME"] = str(_home)
os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)
os.environ["DATABASE_URL"] = os.environ.get("OMSERVER_TEST_DATABASE_URL", "")

from omserver.settings import *  # noqa: E402, F403  # after the environment is right
from omserver.settings import ALLOWED_HOSTS, DATABASES, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # a file: in memory, threads share one connection and lock each other out as no installation does
    DATABASES["default"]["TEST"] = {"NAME": str(_home / "test.sqlite3")}
else:
    DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"}
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # a connection kept by an ended thread blocks the drop at the end
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher"
]  # the tests log in often; scrypt is slow on purpose
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}  # no collectstatic needed
ALLOWED_HOSTS.append("testserver")
