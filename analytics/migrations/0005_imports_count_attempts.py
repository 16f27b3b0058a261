from django.db import migrations, models


class Migration(migrations.Migration):
    """An import counts the workers that died over it, and keeps why it failed for readers of other languages."""

    dependencies = (("analytics", "0004_datasets_say_which_tasks_concern_them"),)
    operations = (
        migrations.AddField(model_name="importrun", name="fault", field=models.JSONField(blank=True, default=dict)),
        migrations.AddField(model_name="importrun", name="attempts", field=models.PositiveSmallIntegerField(default=0)),
    )
