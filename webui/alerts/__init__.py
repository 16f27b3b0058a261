"""Alerts: a metric that crosses a line, or an anomaly, told by mail and webhook."""
