"""E-mail as a destination, through Django's e-mail backend (`HOLDFAST_EMAIL_URL`).

A mail server that takes a message and a process that notes it are two things: killed between them, the message is sent
again. It has the same Message-ID then, by which many mailboxes show it once. So: at least once, never silently lost.
"""

import smtplib
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.utils.translation import gettext

from chat.automation.destinations import Offer, Parcel, Undeliverable

#: Longest subject, in characters.
MAX_SUBJECT = 150


class Mail:
    """The destination of kind `email`. People may have results sent to the address of their own account; others may be
    chosen by staff who may change users, because a server that mails anybody anything is soon no mail server."""

    kind = "email"

    @property
    def label(self) -> str:
        return gettext("e-mail")

    @property
    def example(self) -> str:
        return gettext("a mailbox")

    def offers(self, user: Any) -> list[Offer]:
        if not settings.HOLDFAST_EMAIL or not user.email:
            return []
        return [Offer("email", user.email, user.email)]

    def problem(self, user: Any, address: str) -> str:
        if not settings.HOLDFAST_EMAIL:
            return gettext("This server sends no e-mail. Ask its administrator to set HOLDFAST_EMAIL_URL.")
        try:
            validate_email(address)
        except ValidationError:
            return gettext("Write an e-mail address.")
        if address.lower() == (user.email or "").lower() or user.has_perm("auth.change_user"):
            return ""
        if not user.email:
            return gettext("Your account has no e-mail address. Ask an administrator to enter it.")
        return gettext("Results can be sent to your own address only ({address}).").format(address=user.email)

    def deliver(self, parcel: Parcel) -> None:
        if not settings.HOLDFAST_EMAIL:
            raise Undeliverable(gettext("This server sends no e-mail (HOLDFAST_EMAIL_URL is not set)."))
        # A line break in a header would begin another one; Django refuses it, and here it is only a title.
        subject = " ".join(parcel.subject.split())[:MAX_SUBJECT]
        host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
        message = EmailMessage(
            subject,
            parcel.text,
            to=[parcel.address],
            headers={"Message-ID": f"<{parcel.key}@{host}>", "Auto-Submitted": "auto-generated"},
        )
        try:
            message.send()
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as refusal:
            codes = (
                [code for code, _ in refusal.recipients.values()]
                if isinstance(refusal, smtplib.SMTPRecipientsRefused)
                else [refusal.smtp_code]
            )
            if all(code >= 500 for code in codes):
                raise Undeliverable(
                    gettext("The mail server refused it ({codes}).").format(codes=", ".join(map(str, codes)))
                ) from refusal
            raise
