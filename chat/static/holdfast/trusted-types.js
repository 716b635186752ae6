// The admin's Trusted Types policy (chat/http/trusted.py). Django's scripts, jQuery and Select2 write markup as text, and
// know no policy of their own, so the browser asks `default` about each. It lets pass what consists of these elements
// and attributes, none of which can run a script or load anything, and refuses all else. Scripts it never lets pass.
"use strict";
{
  const elements =
    "a|abbr|b|br|button|caption|code|col|colgroup|dd|div|dl|dt|em|fieldset|form|h[1-6]|hr|i|input|label|legend|li|ol|" +
    "optgroup|option|p|pre|select|small|span|strong|sub|sup|table|tbody|td|textarea|tfoot|th|thead|time|tr|u|ul";
  const names =
    "aria-[a-z]+|autocapitalize|autocomplete|autocorrect|checked|class|colspan|data-[a-z0-9-]+|dir|disabled|for|id|lang|" +
    "multiple|name|placeholder|role|rowspan|selected|spellcheck|tabindex|title|type|value";
  const value = `(?:"[^"<>]*"|'[^'<>]*'|[^\\s"'<>=\`/]+)`;
  // A link may lead nowhere, and gets its address by a script. Select2 leaves out the space after a quoted value.
  const attribute = `(?:\\s+|(?<=["']))(?:(?:${names})(?:\\s*=\\s*${value})?|href\\s*=\\s*(?:"#?"|'#?'))`;
  const tag = new RegExp(`</?(?:${elements})(?:${attribute})*\\s*/?>`, "gi");

  window.trustedTypes?.createPolicy("default", {
    createHTML: (text) => {
      if (text.replaceAll(tag, "").includes("<")) throw new TypeError(`Refused as markup: ${text.slice(0, 200)}`);
      return text;
    },
  });
}
