from django.db import migrations, models


class Migration(migrations.Migration):
    """A dataset says which tasks of the operations half concern it: those on its servers."""

    dependencies = (("analytics", "0003_imports_say_when_they_began"),)
    operations = (
        migrations.AddField(model_name="dataset", name="concern", field=models.JSONField(blank=True, default=dict)),
    )
