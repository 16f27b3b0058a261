"""Which static files are served."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class StaticFiles(StaticFilesConfig):
    """Leave out of the libraries' folders what no page uses: collecting and compressing it costs a first start time."""

    ignore_patterns = (
        *StaticFilesConfig.ignore_patterns,
        *("tabler-*", "*.rtl.*"),
        *("echarts.common*", "echarts.simple*", "echarts.js*", "echarts.min.js", "echarts.esm.js*"),
        *("echarts.*mjs*", "extension"),  # a page loads echarts.esm.min.js; "extension" imports what is not there
        *("ext", "htmax-4*", "htmx-4*"),  # extensions import "htmx" by a bare name, which cannot be hashed
    )
