"""The texts of the few pages that Django renders, in the reader's language (`Accept-Language`).

Two languages and a handful of texts: a dict needs no compiled catalogue. The chat has its own in the frontend.
Field labels and form errors come from Django's catalogues.
"""

from django.http import HttpRequest
from django.utils.translation import get_language_from_request

ENGLISH = {
    "lang": "en",
    "login": "Log in",
    "login_lead": "Conversations with agents that hold on.",
    "username": "Username",
    "password": "Password",
    "wrong": "This username and password do not match. Both are case-sensitive.",
    "too_many": "Too many wrong tries. Wait a minute, then try again.",
    "next": "Log in to see that page.",
    "no_access": "This login may not open that page. Log in with another one.",
    "change_password": "Change password",
    "change": "Change",
    "back": "Back to the chat",
    "loading": "Loading…",
    "no_script": "The chat needs JavaScript. Please allow it for this site.",
    "not_built": "The chat is not built yet",
    "not_built_lead": "Build the frontend once, then reload this page:",
    "not_found": "There is nothing here",
    "not_found_lead": "The address may be mistyped, or what it led to is gone.",
    "forbidden": "Not for this login",
    "forbidden_lead": "This login may not see that page.",
    "stale": "This page was open for too long",
    "stale_lead": "Nothing was changed. Go back, reload the page and try again.",
    "failed": "Something went wrong",
    "failed_lead": "It is our fault, and it is in the log. Your conversations are safe; please try again.",
}
CHINESE = {
    "lang": "zh-Hans",
    "login": "登录",
    "login_lead": "与智能体的对话，永不掉线。",
    "username": "用户名",
    "password": "密码",
    "wrong": "用户名与密码不匹配。两者均区分大小写。",
    "too_many": "错误次数过多，请稍等一分钟再试。",
    "next": "请先登录再查看该页面。",
    "no_access": "当前账号无权访问该页面，请换一个账号登录。",
    "change_password": "修改密码",
    "change": "修改",
    "back": "返回聊天",
    "loading": "加载中…",
    "no_script": "聊天需要 JavaScript，请在此站点启用它。",
    "not_built": "聊天界面尚未构建",
    "not_built_lead": "请先构建一次前端，然后刷新此页面：",
    "not_found": "这里什么也没有",
    "not_found_lead": "地址可能有误，或者内容已被删除。",
    "forbidden": "当前账号无权访问",
    "forbidden_lead": "当前账号不能查看该页面。",
    "stale": "页面打开时间过长",
    "stale_lead": "没有做任何更改。请返回、刷新页面后重试。",
    "failed": "出错了",
    "failed_lead": "问题出在我们这里，日志中已有记录。您的对话安然无恙，请重试。",
}


def words(request: HttpRequest) -> dict[str, str]:
    """The texts for this reader."""
    return CHINESE if get_language_from_request(request).startswith("zh") else ENGLISH
