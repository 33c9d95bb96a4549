"""Every promise of the project, checked on real servers."""
