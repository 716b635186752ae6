/** Pages that Django serves beside the app. */
export const LOGIN = "/accounts/login/";
export const LOG_OUT = "/accounts/logout/";
export const PASSWORD = "/accounts/password/";
export const ADMIN = "/admin/";
