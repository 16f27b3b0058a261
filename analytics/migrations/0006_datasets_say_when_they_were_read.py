from django.db import migrations, models


class Migration(migrations.Migration):
    """A dataset keeps when its newest import began: its rows are not complete after that."""

    dependencies = (("analytics", "0005_imports_count_attempts"),)
    operations = (migrations.AddField(model_name="dataset", name="read_ts", field=models.BigIntegerField(default=0)),)
