"""The tasks of some days are found without reading all that ever ran."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index."""

    dependencies = (("tasks", "0002_note_of_a_task"),)
    operations = (migrations.AddIndex("task", models.Index(fields=("started_at",), name="task_started")),)
