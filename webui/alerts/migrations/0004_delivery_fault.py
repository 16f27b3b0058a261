"""Why a message did not arrive is kept with what it was made of, so that a page says it in its reader's language."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0003_alert_faults"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="fault",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
