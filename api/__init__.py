"""The service: settings, security, routes, the users' pages and the command line."""
