-- The events beyond some seq, with the commands that asked for them (rule S6).
-- KEYS: 1 meta (hash)  2 state (hash)  3 log (stream)  4 commands (hash)  5 part (string)
-- ARGV: 1 seq after which to begin
-- Returns nil, or {epoch, seq, tag, fence, archived, server, {{id, entry, command as JSON}...}, 1 if whole}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'fence', 'archived', 'server', 'held',
  'offset')
if not meta[1] then return nil end
local events = {}
local first = string.format('%d-0', tonumber(ARGV[1]) + 1)
for _, entry in ipairs(redis.call('XRANGE', KEYS[3], first, '+')) do
  local fields = entry[2]
  if fields[1] == 'e' then
    local command = false
    -- The log says it, too, for the case that the key of the commands is the one that vanished.
    if fields[7] == 'c' then command = fields[10] or redis.call('HGET', KEYS[4], fields[8]) end
    events[#events + 1] = {entry[1], fields, command}
  end
end
local reply = {unpack(meta, 1, 6)}
reply[7] = events
reply[8] = whole(meta[7], meta[2], meta[8]) and 1 or 0
return reply
