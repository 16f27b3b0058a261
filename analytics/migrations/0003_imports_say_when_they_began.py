from django.db import migrations, models


class Migration(migrations.Migration):
    """An import's speed is that of the time in which it ran, not of that in which it waited."""

    dependencies = (("analytics", "0002_schedule_people_and_asked_imports"),)
    operations = (
        migrations.AddField(model_name="importrun", name="began", field=models.DateTimeField(blank=True, null=True)),
    )
