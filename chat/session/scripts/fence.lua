-- Raise the fence (rule R2).
-- KEYS: 1 meta (hash)
-- ARGV: 1 fence
-- Returns 1, or 0 if there is no session.
local fence = redis.call('HGET', KEYS[1], 'fence')
if not fence then return 0 end
if tonumber(ARGV[1]) > tonumber(fence) then redis.call('HSET', KEYS[1], 'fence', ARGV[1]) end
return 1
