-- Put a session in place, with an empty log (rules S6, S8).
-- KEYS: 1 meta (hash)  2 state (hash)  3 log (stream)  4 commands (hash)  5 part (string)
-- ARGV: 1 epoch  2 seq  3 tag  4 fence  5 archived  6 server  7 epoch it replaces, '' for none
--       8 idle time to live (ms)  then field and value of each field
-- Returns 1, or 0 if something else is there.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'fence')
if (meta[1] or '') ~= ARGV[7] then return 0 end
-- Somebody may have taken the lease since the fence was read from SQL.
local fence = math.max(tonumber(ARGV[4]), tonumber(meta[2] or '0'))
redis.call('DEL', unpack(KEYS))
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', ARGV[2], 'tag', ARGV[3],
  'fence', string.format('%d', fence), 'archived', ARGV[5], 'server', ARGV[6], 'held', #ARGV > 8 and '1' or '0',
  'message', '', 'offset', '0', 'parts', '0')
if #ARGV > 8 then redis.call('HSET', KEYS[2], unpack(ARGV, 9)) end
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('PEXPIRE', KEYS[2], ARGV[8])
return 1
