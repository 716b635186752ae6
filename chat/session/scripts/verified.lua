-- The session was compared with SQL on this server; it goes on under a new epoch (rule S6).
-- KEYS: 1 meta (hash)
-- ARGV: 1 epoch  2 seq  3 tag  4 new epoch  5 server
-- Returns 1, or 0 if the session has moved.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[4], 'server', ARGV[5])
return 1
