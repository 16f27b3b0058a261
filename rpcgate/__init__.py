"""Between the web tier and one IDC: sealed messages, and the daemon that runs modules. Never imports Django."""
