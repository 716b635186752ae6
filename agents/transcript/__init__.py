"""A history as a request: rendered by `render`, checked by the independent `validate`, text-only as a fallback."""
