-- One atomic read of a session (rule S3).
-- KEYS: 1 meta (hash)  2 state (hash)  3 log (stream)  4 commands (hash)  5 part (string)
-- ARGV: 1 idle time to live (ms)
-- Returns nil, or {epoch, seq, tag, fence, archived, server, part's step, part's number, state, text, 1 if whole,
-- the server's time as {seconds, microseconds}, unless that is forbidden}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'fence', 'archived', 'server', 'message', 'parts',
  'held', 'offset')
if not meta[1] then return nil end
if meta[5] == meta[2] then
  for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
end
local reply = {unpack(meta, 1, 8)}
reply[9] = redis.call('HGETALL', KEYS[2])
reply[10] = redis.call('GET', KEYS[5])
reply[11] = whole(meta[9], meta[2], meta[10]) and 1 or 0
local time = redis.pcall('TIME')
if not time.err then reply[12] = time end
return reply
