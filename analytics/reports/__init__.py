"""Reports: one file each; analytics.catalog finds them."""
