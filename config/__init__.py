"""The house itself: settings, URLs, servers, and what every app's answers share."""
