"""Parts of dashboards that other pages use."""
