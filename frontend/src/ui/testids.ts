/*
 * The hooks that browser tests hold on to. They are part of the product: rename one only together with its tests.
 *
 *   app                  data-phase = loading | ready | failed | broken
 *   sidebar, drawer, open-sidebar, new-conversation, search
 *   conversation-row     data-id, data-active = true|false, data-run = the run's status or "none", data-pending
 *   conversation-menu    the button on a row; its items: menu-rename, menu-delete
 *   rename-input, rename-save, delete-confirm, dialog-cancel
 *   account-menu, theme-<system|light|dark>, language-<en|zh>, log-out, shortcuts
 *   transcript           data-conversation, data-phase (ConversationView.phase), data-synced = true|false,
 *                        data-seq = seq of the newest item or 0, data-older = none|more|loading|failed, data-items = how many
 *   message              a person's message: data-id, data-seq ("" while pending),
 *                        data-status = uploading | sending | stored | failed | done, data-waits = true|false
 *   message-retry, message-discard; message-edit, message-withdraw, message-edited
 *   edit-box             a message that is being changed: data-id; edit-input, edit-send, edit-cancel, edit-attach, edit-file-input
 *   ways                 ‹ 2/3 ›: data-at, data-of; ways-previous, ways-next; edit-save (save only)
 *   try-again, try-again-other, try-again-<slug>; again-dialog, again-effects, again-confirm
 *   other-branches       under the last row: data-running = a branch or "none"; show-running
 *   waiting-line         what becomes of messages that wait; stop-withdraw
 *   said (data-folded), said-toggle; table-copy, math, math-source; lightbox, lightbox-next, lightbox-close
 *   left-out             what later requests go without: data-reason; take-back
 *   note, notice         data-seq; notice also data-code
 *   step                 data-id, data-seq, data-run, data-status = streaming|finished|stopped, data-survived, data-attempt
 *   step-text            the step's markdown (plain text until the markdown renderer has been loaded)
 *   call                 data-id, data-name, data-status (CallStatus), data-attempt, data-code ("" when none)
 *   call-toggle, call-elapsed, call-progress, call-note, call-preview, call-arguments, call-result (data-look = text | view),
 *   call-plain, call-show-all
 *   doubt, doubt-happened, doubt-result, doubt-confirm, doubt-did-not-happen, doubt-run-again,
 *   doubt-facts, doubt-arguments, doubt-warning, doubt-run-again-confirm, doubt-cancel; doubt-settled (data-happened)
 *   agent-gone, agent-gone-change, go-on-elsewhere; agent-change (data-agent), agent-change-<slug>
 *   agent-changed        from here on another agent answers: data-agent, data-seq
 *   approval, approval-arguments, approval-allow, approval-refuse, approval-note, approval-confirm
 *   approval-decided     data-decision = approved | refused
 *   run-status           data-status = none | queued | running | recovering | waiting | retrying | stopping, data-run; run-elapsed
 *   composer, composer-input, send, stop, composer-count, attach, file-input
 *   composer-file        data-id, data-state = waiting|uploading|done|failed, data-code; composer-files, composer-file-remove
 *   attachment           a file of a message: data-id
 *   banner               data-status = offline | connecting | goaway; try-now, last-synced
 *   announcer            what a screen reader is told last
 *   empty, suggestion    data-suggestion = time | sum | research | both | long
 *   open-timeline, timeline, timeline-span (data-kind, data-attempt, data-outcome)
 *   menu-pin, menu-archive, menu-export, menu-export-json; list-foot, show-archive, choose-several, choose,
 *   bulk-archive, bulk-delete, bulk-delete-confirm, bulk-cancel
 *   menu-copy; message-menu on a message or an answer, its item copy-from-here; copy-failed; copied-from, copied-from-link
 *   import (above the list), import-dialog, import-state (data-step = choosing|sending|failed|done), import-file, import-choose,
 *   import-problem, import-missing, import-open
 *   search-texts (the button under the search), search-dialog, search-input, search-<kind|when|agent|entrance|archived>,
 *   search-hit           data-kind, data-conversation, data-item; search-more, search-status (data-status)
 *   menu-find, menu-first; find-bar (data-count, data-at), find-input, find-count, find-previous, find-next, find-close
 *   gap                  where items are missing after a jump; a row that was jumped to has data-marked
 *   skip-link; palette, palette-input, palette-option (data-id); attach-text
 *   offer-callback, call-back; notify-<on|off>; a conversation-row also has data-unread
 *   agent-choice, agent-<slug>, jump-to-latest, help-dialog, gone
 *   open-<schedules|triggers|notes>; schedules-page, triggers-page, notes-page; page-back, page-gone, page-missing
 *   schedule-new; schedule-row, schedule-detail (one, with its history)
 *                        data-id, data-state = active|paused|ended; schedule-name-link, schedule-next, schedule-open (a link to a conversation)
 *   schedule-menu        its items: schedule-<run-now|pause|resume|edit|history|delete>; schedule-delete-confirm
 *   schedule-form        schedule-<prompt|name|kind-cron|kind-interval|kind-once|repeat|time|cron|every|unit|at|zone>,
 *                        schedule-<place|missed|deliver|save|failed>, schedule-times (the list of the next times)
 *   schedule-run         a line of the history: data-state, data-outcome; run-undelivered: what could not be sent, and why
 *   trigger-new; trigger-row, trigger-detail
 *                        data-id, data-kind, data-state = active|paused|expired|limit; trigger-name-link
 *   trigger-<fire|pause|resume|edit|delete>, trigger-delete-confirm
 *   trigger-address-box, trigger-address, trigger-address-show, trigger-renew, trigger-renew-confirm
 *   trigger-form         trigger-<name|kind|prompt|sender|secret|unsigned|signature-header|delivery-header|url|every|speaker|outcomes>,
 *                        trigger-<watched|match|pattern|path|place|agent|per-hour|cooldown|max-fires|until|save|cancel|failed>
 *   trigger-firing       a line of the history: data-state, data-reason, data-outcome; trigger-open
 *   note-row             data-number; note-text, note-open, note-edit, note-delete, note-delete-confirm, notes-delete-all,
 *                        note-input, note-save, note-cancel
 */
export {};
