"""IDCs, masters, servers, tags and groups as they are stored."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

NAME = RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", _("Use letters, digits, dot, dash and underscore."))


class Engine(models.TextChoices):
    """What can drive a server."""

    SSH = "ssh", _("SSH")
    ANSIBLE = "ansible", _("Ansible")
    SALT = "salt", _("Salt")
    FUNC = "func", _("Func")
    LOCAL = "local", _("Local")
    FAKE = "fake", _("Fake")


class Idc(models.Model):
    """A place with servers and the masters that reach them."""

    name = models.CharField(max_length=64, unique=True, validators=[NAME])
    title = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Master(models.Model):
    """A master daemon: its public keys, where it listens, and what it last said of itself.

    bundle: the armoured text of rpcgate.keys.MasterPublic, which an admin accepted. engines: name -> "" or why not.
    modules: name -> digest, of its folder; kept: name -> digests of published versions. Times are of the web
    tier's clock.
    """

    class State(models.TextChoices):
        """Whether it is trusted with work."""

        WAITING = "waiting", _("Waiting to be accepted")
        ACCEPTED = "accepted", _("Accepted")
        RETIRED = "retired", _("Retired")

    name = models.CharField(max_length=64, unique=True, validators=[NAME])
    idc = models.ForeignKey(Idc, on_delete=models.PROTECT, related_name="masters")
    address = models.CharField(max_length=253)
    port = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(65535)])
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    bundle = models.TextField()
    fingerprint = models.CharField(max_length=120)
    version = models.CharField(max_length=40, blank=True)
    engines = models.JSONField(default=dict, blank=True)
    modules = models.JSONField(default=dict, blank=True)
    kept = models.JSONField(default=dict, blank=True)
    counters = models.JSONField(default=dict, blank=True)
    running = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0)
    hosts_waiting = models.PositiveIntegerField(default=0)
    last_seen = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=500, blank=True)  # why it did not answer when it was asked last
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("idc__name", "name")

    def __str__(self) -> str:
        return self.name


class Server(models.Model):
    """One server of the fleet. application belongs to category ("Linux.Web" / "www"); both may be empty."""

    class Health(models.TextChoices):
        """What the last task or ping said."""

        UNKNOWN = "unknown", _("Not seen yet")
        HEALTHY = "healthy", _("Healthy")
        UNREACHABLE = "unreachable", _("Unreachable")

    name = models.CharField(max_length=120, unique=True, validators=[NAME])
    idc = models.ForeignKey(Idc, on_delete=models.PROTECT, related_name="servers")
    address = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    user = models.CharField(max_length=64, blank=True)
    engine = models.CharField(max_length=10, choices=Engine.choices, default=Engine.SSH)
    fallbacks = models.JSONField(default=list, blank=True)
    category = models.CharField(max_length=64, blank=True, db_index=True)
    application = models.CharField(max_length=64, blank=True, db_index=True)
    health = models.CharField(max_length=12, choices=Health.choices, default=Health.UNKNOWN)
    health_since = models.DateTimeField(null=True, blank=True)
    last_seen = models.DateTimeField(null=True, blank=True)
    maintenance_until = models.DateTimeField(null=True, blank=True)
    maintenance_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        indexes = (
            models.Index(fields=("category", "application"), name="server_category_app"),
            models.Index(fields=("idc", "health"), name="server_idc_health"),
        )

    def __str__(self) -> str:
        return self.name


class ServerFacts(models.Model):
    """What a server last said of itself; names and meanings as in modules/gather_facts.py.

    facts: bounded by webui.servers.facts, but of any shape: servers are not believed. The columns repeat those that
    selectors ask for, "" where they are not known. task: the number of the task that gathered them, else the engine's
    own records were read.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE, primary_key=True, related_name="facts")
    facts = models.JSONField(default=dict)
    gathered_at = models.DateTimeField()
    engine = models.CharField(max_length=10, blank=True)
    task = models.PositiveBigIntegerField(null=True, blank=True)
    os = models.CharField(max_length=60, blank=True)
    os_version = models.CharField(max_length=60, blank=True)
    kernel = models.CharField(max_length=60, blank=True)
    arch = models.CharField(max_length=60, blank=True)
    virtual = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name_plural = "server facts"
        indexes = (
            models.Index(fields=("os", "os_version"), name="facts_os"),
            models.Index(fields=("kernel",), name="facts_kernel"),
            models.Index(fields=("arch",), name="facts_arch"),
            models.Index(fields=("virtual",), name="facts_virtual"),
        )

    def __str__(self) -> str:
        return f"{self.server_id}: {self.os} {self.os_version}".rstrip()


class Tag(models.Model):
    """key=value on a server; a key stands once on each server."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="tags")
    key = models.CharField(max_length=40, validators=[NAME])
    value = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ("key",)
        constraints = (models.UniqueConstraint(fields=("server", "key"), name="tag_once_a_server"),)
        indexes = (models.Index(fields=("key", "value"), name="tag_key_value"),)

    def __str__(self) -> str:
        return f"{self.key}={self.value}" if self.value else self.key


class Group(models.Model):
    """A saved selector, written @name."""

    name = models.CharField(max_length=64, unique=True, validators=[NAME])
    selector = models.TextField()
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"@{self.name}"
