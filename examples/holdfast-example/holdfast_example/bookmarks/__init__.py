"""A tool that keeps bookmarks: tool.py, its table (models.py, store.py), its page in the admin, its renderer."""
