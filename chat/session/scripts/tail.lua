-- The events beyond some seq, with the commands that asked for them (rule S6).
-- KEYS: 1 meta (hash)  2 log (stream)  3 commands (hash)
-- ARGV: 1 seq after which to begin
-- Returns nil, or {epoch, seq, tag, fence, archived, server, {{id, entry, command as JSON}...}}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'fence', 'archived', 'server')
if not meta[1] then return nil end
local events = {}
local first = string.format('%d-0', tonumber(ARGV[1]) + 1)
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], first, '+')) do
  local fields = entry[2]
  if fields[1] == 'e' then
    local command = false
    if fields[7] == 'c' then command = redis.call('HGET', KEYS[3], fields[8]) end
    events[#events + 1] = {entry[1], fields, command}
  end
end
meta[7] = events
return meta
