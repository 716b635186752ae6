/** How all addresses begin: the path of the host below which Holdfast is (HOLDFAST_PATH), mostly nothing. */
export const PREFIX = document.documentElement.dataset.path ?? "";

/** Pages that Django serves beside the app. */
export const LOGIN = `${PREFIX}/accounts/login/`;
export const LOG_OUT = `${PREFIX}/accounts/logout/`;
export const PASSWORD = `${PREFIX}/accounts/password/`;
export const TOKENS = `${PREFIX}/accounts/tokens/`;
export const ADMIN = `${PREFIX}/admin/`;

/** Where a file lies that was sent with a message. */
export function attachmentAddress(id: string): string {
  return `${PREFIX}/api/attachments/${id}`;
}
