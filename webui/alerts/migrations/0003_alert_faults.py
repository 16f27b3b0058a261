"""Why an alert cannot be judged is kept with what it was made of, so that a page says it in its reader's language."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0002_alerts_on_silence"),
    ]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="faults",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
