-- The journal has everything up to a position; the session may leave when it is idle (rules S5, S8).
-- KEYS: 1 meta (hash)  2 state (hash)  3 log (stream)  4 commands (hash)  5 part (string)
-- ARGV: 1 epoch  2 seq  3 tag  4 idle time to live (ms)  5 most commands to hold
-- Returns 1, or 0 if the session is not of that history.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'archived')
if meta[1] ~= ARGV[1] then return 0 end
local seq = tonumber(ARGV[2])
local head = tonumber(meta[2])
if seq > head or (seq == head and meta[3] ~= ARGV[3]) then return 0 end
if seq > tonumber(meta[4]) then redis.call('HSET', KEYS[1], 'archived', ARGV[2]) end
if seq == head then
  -- SQL remembers every command; these are only the recent ones.
  if redis.call('HLEN', KEYS[4]) > tonumber(ARGV[5]) then redis.call('DEL', KEYS[4]) end
  for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
end
return 1
