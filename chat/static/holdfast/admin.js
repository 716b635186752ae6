// What Django's scripts and Select2 build on the admin's pages without a name that a screen reader could say, or with
// one that is not allowed where it stands. They build it at different times and some of it anew at each click (the
// calendar, a further row of a form): so whatever comes into the page is looked at, and each rule holds of what it has
// mended already, too. Attributes alone are set: no markup, no style, nothing for a policy to refuse.
"use strict";
{
  let made = 0;
  const idOf = (element) => (element.id ||= `hf-named-${++made}`);
  const name = (element, ...by) => {
    if (by.every(Boolean)) element.setAttribute("aria-labelledby", by.map(idOf).join(" "));
  };
  /** The label of the field that Select2 stands in for, or the head of its column. */
  const labelOf = (select) => select?.labels?.[0] ?? headOf(select);
  const headOf = (field) => {
    const cell = field?.closest(".tabular td");
    return cell?.closest("table").tHead?.rows[0]?.cells[cell.cellIndex];
  };
  const selectOf = (part) => part.closest(".select2-container")?.previousElementSibling;

  const rules = {
    // Two lists of which one fills the other: a picture with words.
    ".help-tooltip[aria-label]:not(img)": (picture) => picture.setAttribute("role", "img"),
    // A day and a time are a group, by the words before them.
    "p.datetime": (group) => {
      const label = group.closest(".flex-container")?.querySelector("label");
      if (!label || group.contains(label)) return;
      group.setAttribute("role", "group");
      name(group, label);
    },
    // The calendar's ways on: by the month that they lead to.
    ".calendarnav-previous, .calendarnav-next": (link) => {
      const box = link.closest(".calendarbox");
      const shown = window.DateTimeShortcuts?.calendars[box.id.slice("calendarbox".length)];
      if (!shown) return;
      const step = link.classList.contains("calendarnav-next") ? 0 : -2;
      const there = new Date(shown.currentYear, shown.currentMonth + step, 1);
      const month = window.CalendarNamespace.monthsOfYear[there.getMonth()];
      link.setAttribute("aria-label", `${month} ${there.getFullYear()}`);
    },
    // A field of a table of rows: by the head of its column.
    ".tabular td :is(input:not([type=hidden]), select, textarea)": (field) => {
      if (!field.labels?.length && !field.hasAttribute("aria-label")) name(field, headOf(field));
    },
    // Select2: what is chosen is said after the field's label, and is itself no field.
    ".select2-selection__rendered[role=textbox]": (chosen) => {
      chosen.removeAttribute("role");
      chosen.removeAttribute("aria-readonly");
      name(chosen.closest(".select2-selection"), labelOf(selectOf(chosen)), chosen);
    },
    ".select2-dropdown :is(.select2-search__field, .select2-results__options)": (part) => {
      const open = document.querySelector(".select2-container--open .select2-selection");
      name(part, open && labelOf(selectOf(open)));
      if (part.id && part.matches(".select2-results__options")) open?.setAttribute("aria-controls", part.id);
    },
  };

  const mend = () => {
    for (const [parts, rule] of Object.entries(rules)) document.querySelectorAll(parts).forEach(rule);
  };
  new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
  mend();
}
