"""Feishu's side task of the worker process."""

from chat.messenger.service import FeishuService

__all__ = ["FeishuService"]
