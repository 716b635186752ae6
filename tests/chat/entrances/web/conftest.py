"""Fixtures of the browser's entrance."""

import pytest

from chat.entrances.web import api, attachments, copying, importing


@pytest.fixture(autouse=True)
def _fresh_allowance():
    """Each test's users begin with a full allowance of requests."""
    for one in (
        api.reading,
        attachments.reading,
        attachments.uploading,
        copying.copying,
        importing.importing,
    ):
        one.forget()
