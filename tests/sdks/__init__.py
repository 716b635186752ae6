"""The official SDKs of Anthropic and Google as witnesses; `make sdks` runs them in an environment of their own."""
