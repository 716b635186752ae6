"""The support bundle: what somebody who helps needs to know of an installation, without its secrets and without
anybody's words. `manage.py support_bundle` writes it."""
