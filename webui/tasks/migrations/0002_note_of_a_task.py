"""A task keeps what went wrong beside its servers' own results."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = (("tasks", "0001_initial"),)
    operations = (migrations.AddField("task", "note", models.CharField(blank=True, max_length=500, default="")),)
