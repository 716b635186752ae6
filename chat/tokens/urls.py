"""The page on which people make and revoke their tokens."""

from django.urls import path

from chat.tokens import views

urlpatterns = [path("accounts/tokens/", views.page, name="api_tokens")]
